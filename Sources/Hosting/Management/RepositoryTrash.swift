public import AnnexProtocol
import FileIO
import GitHost
import SystemPackage

/// Deleted repositories: each in a folder of its own below `.annexd/trash`, beside a file with its name. Blocking.
public struct RepositoryTrash: Sendable {
    private let root: RootFolder

    public init(root: RootFolder) { self.root = root }

    /// One deleted repository.
    public struct Entry: Sendable, Hashable {
        public var name: RepositoryName
        /// Seconds since 1970.
        public var deleted: Int64
        var folder: FilePath
    }

    /// Everything in the trash, oldest first.
    public func entries() throws -> [Entry] {
        try Files.list(root.trash).compactMap { bytes -> Entry? in
            let folder = root.trash.appending(bytes: bytes)
            guard let name = try Files.read(folder.appending("name"), limit: 4096),
                let parsed = RepositoryName(String(decoding: name, as: UTF8.self).trimmingLineEnd),
                let deleted = Int64(String(decoding: bytes.prefix { $0 != UInt8(ascii: "-") }, as: UTF8.self)),
                try Files.exists(content(of: folder))
            else { return nil }
            return Entry(name: parsed, deleted: deleted, folder: folder)
        }.sorted { ($0.deleted, $0.name, $0.folder.string) < ($1.deleted, $1.name, $1.folder.string) }
    }

    func discard(_ name: RepositoryName) throws {
        try root.prepare()
        guard let gitDirectory = try root.gitDirectory(of: name) else { throw HostingError.gone(name) }
        let formerNames = (try? GitConfigFile(gitDirectory.appending("config")).current())?.formerNames ?? []
        let source = RepositoryRenaming.folder(of: gitDirectory)
        let folder = root.trash.appending("\(WallClock.seconds)-\(UInt64.random(in: .min ... .max))")
        try Files.createDirectory(folder)
        let kind = source == gitDirectory ? "bare" : "worktree"
        try write("\(name)\n", to: folder.appending("name"))
        try write("\(kind)\n", to: folder.appending("kind"))
        // The name of the folder first: of the two directories that the rename changes, either may be written first.
        try Files.synchronizeDirectory(folder)
        try Files.synchronizeDirectory(root.trash)
        try Files.rename(source, to: content(of: folder))
        try Files.synchronizeDirectory(folder)
        try Files.synchronizeDirectory(source.removingLastComponent())
        // Else its former names would lead to whatever takes its place. What is restored gets them back by the next
        // scan.
        for former in formerNames where (try? root.presentName(of: former)) == .some(nil) {
            _ = try? Files.unlink(root.aliasFile(of: former))
        }
    }

    func restore(_ name: RepositoryName, as newName: RepositoryName) throws {
        guard let entry = try entries().last(where: { $0.name == name }) else {
            throw HostingError.refused("there is no deleted repository \"\(name)\"")
        }
        guard try root.gitDirectory(of: newName) == nil else { throw HostingError.exists(newName) }
        let isBare = try Files.read(entry.folder.appending("kind"), limit: 100) == Array("bare\n".utf8)
        let plain = newName.components.reduce(root.path) { $0.appending(bytes: Array($1.utf8)) }
        let target = isBare ? root.folder(of: newName) : plain
        try Files.createDurableDirectories(target.removingLastComponent())
        try Files.renameWithoutReplacing(content(of: entry.folder), to: target)
        try Files.synchronizeDirectory(target.removingLastComponent())
        try Files.removeTree(entry.folder)
    }

    /// The bytes of all files of an entry.
    public func size(of entry: Entry) throws -> UInt64 { try size(of: entry.folder) }

    private func size(of folder: FilePath) throws -> UInt64 {
        var total: UInt64 = 0
        for name in try Files.list(folder) {
            let path = folder.appending(bytes: name)
            guard let status = try Files.status(path, followLinks: false) else { continue }
            total += status.kind == .directory ? try size(of: path) : status.size
        }
        return total
    }

    /// Removes an entry for good; answers false when it is no longer in the trash.
    ///
    /// It leaves the trash in one step, so that nobody can restore half of it. Where the process ends in the middle,
    /// the rest is litter, which the next start of a server clears away.
    public func purge(_ entry: Entry) throws -> Bool {
        let litter = root.freshLitter()
        do {
            try Files.rename(entry.folder, to: litter)
        } catch  where error.isMissing {
            return false
        }
        try Files.synchronizeDirectory(root.trash)
        try Files.synchronizeDirectory(root.state)
        try Files.removeTree(litter)
        return true
    }

    private func content(of folder: FilePath) -> FilePath { folder.appending("repository") }

    private func write(_ text: String, to path: FilePath) throws {
        let file = try OpenFile(path, [.writeOnly, .create, .exclusive])
        try file.write(Array(text.utf8), at: 0)
        try file.synchronize()
    }
}
