import FileIO
import GitHost
import SystemPackage

/// Whether the files and folders that a repository is made of are what they seem (docs/adr/0009-no-links-inside.md).
///
/// Attack: a repository that was prepared by somebody and put below the root, in which `refs` or `annex/tmp` is a link
/// to somebody's home, or `HEAD` a FIFO. annexd itself follows no link inside; but git would read, pack and remove what
/// is behind one, and wait for ever for the other side of a FIFO. Blocking.
struct RepositoryShape {
    /// Something that is not what it has to be.
    struct Oddity: Hashable, Sendable {
        /// Below the git directory.
        var path: String
        /// What it is and what can be done, as the predicate of a sentence that begins with the path.
        var predicate: String
        /// A whole sentence.
        var detail: String { "\"\(path)\" \(predicate)" }
    }

    private let folder: ConfinedPath

    init(_ gitDirectory: FilePath) { folder = ConfinedPath(gitDirectory) }

    /// Those that git or annexd work in.
    private static let folders = [
        "objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags", "refs/remotes", "refs/synced",
        "annex", "annex/objects", "annex/tmp", "annex/othertmp", "annex/journal", "annex/journal-private",
        "annex/transfer", "annex/bad", "annexd", "annexd/tmp", "annexd/removing",
    ]
    private static let files = [
        "HEAD", "config", "config.worktree", "packed-refs", "shallow", "objects/info/alternates", "annex/journal.lck",
    ]

    /// The first of them that is a link, or something else than it should be; nil where all are in order.
    ///
    /// A few `lstat` calls, for each time that a repository is opened.
    func oddity() throws(FileError) -> Oddity? {
        if try Files.exists(folder.appending("reftable")) {
            return Oddity(
                path: "reftable",
                predicate: "keeps the refs in a format in which annexd cannot guard pushes: convert them with "
                    + "git refs migrate --ref-format=files")
        }
        for (names, kind) in [(Self.folders, FileStatus.Kind.directory), (Self.files, .regular)] {
            for name in names {
                // Below a link everything counts as missing, or is told by the link: it comes first.
                let path = folder.appending(name)
                guard let found = try Files.status(path)?.kind, found != kind else { continue }
                // As git once wrote it. What it leads to is read as a ref, or not at all.
                if name == "HEAD", found == .symbolicLink, try Self.target(of: path).hasPrefix("refs/") { continue }
                return Oddity(path: name, predicate: try Self.predicate(path, found))
            }
        }
        if try Files.exists(folder.appending("commondir")) {
            return Oddity(
                path: "commondir",
                predicate: "makes git look for refs and objects elsewhere, as in a linked work tree: serve the main one"
            )
        }
        return nil
    }

    /// Every FIFO, device and socket below the git directory, and every link that leads out of it, sorted by path.
    ///
    /// - Parameter skipped: folders that are not looked into. Hooks never are: nothing runs them.
    func strays(skipping skipped: Set<String> = []) throws(FileError) -> [Oddity] {
        var strays: [Oddity] = []
        var pending: [(ConfinedPath, String)] = [(folder, "")]
        while let (directory, prefix) = pending.popLast() {
            for bytes in try Files.list(directory) {
                let path = directory.appending(bytes: bytes)
                let name = prefix + Examination.text(bytes)
                switch try Files.status(path)?.kind {
                case .directory? where name != "hooks" && !skipped.contains(name): pending.append((path, name + "/"))
                case .symbolicLink? where try leadsOut(path):
                    strays.append(Oddity(path: name, predicate: try Self.predicate(path, .symbolicLink)))
                case .other?: strays.append(Oddity(path: name, predicate: try Self.predicate(path, .other)))
                default: continue
                }
            }
        }
        return strays.sorted { $0.path < $1.path }
    }

    /// Whether a link names a place outside of the folder. One link that leads to another is judged by each of them.
    private func leadsOut(_ link: ConfinedPath) throws(FileError) -> Bool {
        let target = try Files.target(ofLink: link)
        let place = target.isAbsolute ? target : link.path.removingLastComponent().appending(target.components)
        return !place.lexicallyNormalized().starts(with: folder.path.lexicallyNormalized())
    }

    private static func target(of path: ConfinedPath) throws(FileError) -> String {
        try Files.target(ofLink: path).string
    }

    private static func predicate(_ path: ConfinedPath, _ kind: FileStatus.Kind) throws(FileError) -> String {
        switch kind {
        case .symbolicLink:
            "is a symbolic link to \"\(try target(of: path))\", and none is followed inside a repository: move what it "
                + "leads to into its place, or mount it there (mount --bind); objects of git are shared by "
                + "objects/info/alternates"
        case .directory: "is a folder where a file belongs"
        case .regular: "is a file where a folder belongs"
        case .other: "is a FIFO, a socket or a device, which has no place in a repository: remove it"
        }
    }
}
