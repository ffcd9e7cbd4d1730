public import AnnexProtocol
import FileIO
import GitHost
import SystemPackage

/// What `repo list` and `repo show` tell of a repository.
public struct RepositorySummary: Sendable {
    public var name: RepositoryName
    public var uuid: RepositoryUUID?
    public var folder: String
    public var isBare: Bool
    public var formerNames: [RepositoryName]
    /// Other repositories with the same UUID: copies, which git-annex takes for one and the same.
    public var copies: [RepositoryName] = []
    /// It has a git-annex branch and no UUID, as a fork made by `git clone --bare` is: contents are not served.
    public var lacksUUID = false
    /// Objects and their total size in bytes; only where they were counted.
    public var content: (objects: Int, bytes: UInt64)?
}

extension RepositoryManager {
    /// All repositories of the root, sorted by name. Blocking.
    public func list() throws -> [RepositorySummary] {
        var scan = RepositoryScan(root: root)
        _ = scan.refresh()
        let found = scan.repositories.values.sorted { $0.name < $1.name }
        let names = Self.namesByUUID(found)
        return found.map { found in
            RepositorySummary(
                name: found.name, uuid: found.uuid, folder: found.gitDirectory.string,
                isBare: found.gitDirectory.lastComponent?.string != ".git", formerNames: found.formerNames,
                copies: found.uuid.flatMap { names[$0] }?.filter { $0 != found.name } ?? [],
                lacksUUID: found.lacksUUID)
        }
    }

    private static func namesByUUID(_ found: [RepositoryScan.Found]) -> [RepositoryUUID: [RepositoryName]] {
        found.reduce(into: [:]) { names, found in
            if let uuid = found.uuid { names[uuid, default: []].append(found.name) }
        }
    }

    /// One repository, its objects counted. Blocking.
    public func show(_ name: RepositoryName) throws -> RepositorySummary {
        var current = name
        if try root.gitDirectory(of: name) == nil, let present = try root.presentName(of: name) { current = present }
        guard let gitDirectory = try root.gitDirectory(of: current) else { throw HostingError.gone(name) }
        let config = try GitConfigFile(gitDirectory.appending("config")).current()
        let settings = RepositorySettings(config, gitDirectory: gitDirectory)
        var summary = RepositorySummary(
            name: current, uuid: settings.uuid, folder: gitDirectory.string, isBare: settings.isBare,
            formerNames: try formerNames(in: config))
        summary.lacksUUID = settings.uuid == nil && RepositoryScan.hasAnnexBranch(gitDirectory)
        if let uuid = settings.uuid {
            summary.copies = try list().filter { $0.uuid == uuid && $0.name != current }.map(\.name)
        }
        summary.content = try count(ConfinedPath(gitDirectory).appending("annex/objects"))
        return summary
    }

    /// The names that still lead to a repository with this config: others may have been given to another one since.
    private func formerNames(in config: GitConfig) throws -> [RepositoryName] {
        var seen: Set<RepositoryName> = []
        return try config.formerNames.filter { try seen.insert($0).inserted && root.gitDirectory(of: $0) == nil }
    }

    /// Counts the regular files below a folder whose name is that of the folder they are in: the objects.
    private func count(_ folder: ConfinedPath) throws -> (objects: Int, bytes: UInt64) {
        var result = (objects: 0, bytes: UInt64(0))
        let name = folder.lastComponent?.string
        for entry in try Files.list(folder) {
            let path = folder.appending(bytes: entry)
            guard let status = try Files.status(path) else { continue }
            if status.kind == .directory {
                let inner = try count(path)
                result = (result.objects + inner.objects, result.bytes.addingSaturating(inner.bytes))
            } else if status.kind == .regular, path.lastComponent?.string == name {
                result = (result.objects + 1, result.bytes.addingSaturating(status.size))
            }
        }
        return result
    }
}
