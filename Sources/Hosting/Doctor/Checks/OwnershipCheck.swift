import Blocking
import FileIO
import Glibc
import SystemPackage

/// Whether folders belong to somebody else than the root folder does, so that the server cannot write there. That happens
/// where repositories were made by root or copied in. Who asks does not matter.
struct OwnershipCheck: Sendable {
    let examination: Examination
    let root: RootFolder
    /// Nil for the host's own state.
    var gitDirectory: FilePath?

    func run() async throws {
        let (root, gitDirectory) = (root, gitDirectory)
        let (folders, owner) = try await examination.pool.run { () -> ([FilePath], UInt32) in
            guard let host = try Files.status(root.path) else { return ([], 0) }
            // Root may write anywhere.
            if host.owner == 0 { return ([], 0) }
            let candidates = try gitDirectory.map { try Self.folders(of: $0, below: root) } ?? Self.folders(of: root)
            let groups = Users.groups(of: host.owner)
            let foreign = try candidates.filter { path in
                guard let status = try Files.status(path, followLinks: false), status.kind == .directory else {
                    return false
                }
                let group = Users.group(of: path)
                return status.owner != host.owner
                    && !Judgement.canChange(status, user: host.owner, groups: groups, group: group)
            }
            return (foreign, host.owner)
        }
        guard let first = folders.first, let status = try? Files.status(first) else { return }
        let (theirs, ours) = (Users.name(of: status.owner), Users.name(of: owner))
        let others = folders.count == 1 ? "" : " (and \(folders.count - 1) more)"
        let place = FilePath(root: nil, first.components.dropFirst(root.path.components.count))
        await examination.found(
            .foreignOwner, "\(place)",
            "the folder\(others) belongs to \(theirs), and the root folder to \(ours), who cannot write there: "
                + "chown -R \(ours) \(first)")
    }

    private static func folders(of root: RootFolder) -> [FilePath] {
        [root.state, root.workshop, root.trash, root.aliases, root.hooks]
    }

    /// Those above the repository, its own, and those in which git and the annex make files first.
    private static func folders(of gitDirectory: FilePath, below root: RootFolder) throws -> [FilePath] {
        var result: [FilePath] = []
        var parent = gitDirectory.removingLastComponent()
        while parent != root.path, parent.starts(with: root.path) {
            result.insert(parent, at: 0)
            parent = parent.removingLastComponent()
        }
        result.append(gitDirectory)
        for name in ["objects", "annex", "annex/objects", "annexd"] {
            let folder = gitDirectory.appending(name)
            result.append(folder)
            result += try Files.list(folder).map { folder.appending(bytes: $0) }
        }
        return result + (try subfolders(of: gitDirectory.appending("refs")))
    }

    private static func subfolders(of folder: FilePath) throws -> [FilePath] {
        guard try Files.status(folder, followLinks: false)?.kind == .directory else { return [] }
        return try [folder] + Files.list(folder).flatMap { try subfolders(of: folder.appending(bytes: $0)) }
    }
}

/// The machine's users and groups.
enum Users {
    /// The name of a user, or the number where nobody has a name for it.
    static func name(of user: UInt32) -> String {
        getpwuid(user).map { String(cString: $0.pointee.pw_name) } ?? "\(user)"
    }

    /// The groups that a user's processes are in.
    static func groups(of user: UInt32) -> Set<UInt32> {
        guard let entry = getpwuid(user) else { return [] }
        var count: Int32 = 1024
        var list = [gid_t](repeating: 0, count: Int(count))
        guard getgrouplist(entry.pointee.pw_name, entry.pointee.pw_gid, &list, &count) >= 0 else {
            return [entry.pointee.pw_gid]
        }
        return Set(list.prefix(Int(count)))
    }

    /// The group of a file.
    static func group(of path: FilePath) -> UInt32 {
        var raw = stat()
        return path.withPlatformString { lstat($0, &raw) } == 0 ? raw.st_gid : .max
    }
}
