public import AnnexProtocol
import FileIO
import GitHost
import SystemPackage

/// What the git config of a repository says of it as a gateway to others.
public struct GatewayFacts: Hashable, Sendable {
    /// Repositories that it may proxy for.
    public var proxies: Set<RepositoryUUID>
    /// Whether it may proxy remotes that may be gateways themselves.
    public var mayHaveGateways: Bool

    public init(proxies: Set<RepositoryUUID> = [], mayHaveGateways: Bool = false) {
        self.proxies = proxies
        self.mayHaveGateways = mayHaveGateways
    }
}

/// What the root folder holds, read from disk and kept up to date at little cost.
///
/// The first scan reads everything; later ones list only folders whose modification time changed, and read git configs
/// that did. New and removed repositories are seen by each scan. To see whether the configs of all others are as they
/// were takes some 30 ms for 10,000 of them, and is done so often that it uses at most 2 % of a processor. Blocking.
struct RepositoryScan {
    /// A repository as the scan found it.
    struct Found: Hashable, Sendable {
        var name: RepositoryName
        var gitDirectory: FilePath
        /// Nil for a repository that is not an annex (yet).
        var uuid: RepositoryUUID?
        /// It has a git-annex branch all the same.
        var lacksUUID = false
        var formerNames: [RepositoryName] = []
        var gateway = GatewayFacts()
        /// Which config file said so.
        var version: FileStatus.Version?
    }

    private struct Folder {
        /// Nil while the folder may change again within the same tick of its clock: it is then listed once more.
        var modified: FileStatus.Timestamp?
        var folders: [String: [String]] = [:]
        var repositories: [RepositoryName: Found] = [:]
    }

    private let root: RootFolder
    private let facts: @Sendable (RepositorySettings) -> GatewayFacts
    private var folders: [[String]: Folder] = [:]
    /// When to look at all configs again.
    private var configsDue = ContinuousClock.now

    /// Deeper folders are not searched; a bound against link loops made of bind mounts.
    private static let maximumDepth = 16

    /// - Parameter facts: what a repository's settings say of it as a gateway.
    init(
        root: RootFolder, facts: @escaping @Sendable (RepositorySettings) -> GatewayFacts = { _ in GatewayFacts() }
    ) {
        self.root = root
        self.facts = facts
    }

    /// Everything found, by name.
    var repositories: [RepositoryName: Found] {
        folders.values.reduce(into: [:]) { $0.merge($1.repositories) { first, _ in first } }
    }

    /// Brings the picture up to date; answers whether anything changed.
    mutating func refresh(now: ContinuousClock.Instant = .now) -> Bool {
        if now < configsDue { return refresh([], false) }
        var changed = false
        let cost = ContinuousClock().measure { changed = refresh([], true) }
        configsDue = now + cost + Self.pause(after: cost)
        return changed
    }

    /// How long configs are left alone after looking at all of them.
    static func pause(after cost: Duration) -> Duration { min(cost * 50, .seconds(5)) }

    private mutating func refresh(_ components: [String], _ areConfigsDue: Bool) -> Bool {
        let path = components.reduce(root.path) { $0.appending(bytes: Array($1.utf8)) }
        guard components.count < Self.maximumDepth, let status = try? Files.status(path), status.kind == .directory
        else {
            return forget(components)
        }
        var changed = false
        let known = folders[components]
        if known?.modified != status.modified {
            changed = list(components, path, status, known) || changed
        }
        changed = identifyChanged(components, areConfigsDue) || changed
        for child in Array((folders[components]?.folders ?? [:]).values) {
            changed = refresh(child, areConfigsDue) || changed
        }
        return changed
    }

    private mutating func list(_ components: [String], _ path: FilePath, _ status: FileStatus, _ known: Folder?) -> Bool
    {
        guard let names = try? Files.list(path) else { return false }
        let isSettled = WallClock.seconds - status.modified.seconds > 2
        var folder = Folder(modified: isSettled ? status.modified : nil)
        for bytes in names {
            guard let name = String(validating: bytes, as: UTF8.self), !name.hasPrefix(".") else { continue }
            let child = components + [name]
            let childPath = path.appending(bytes: bytes)
            guard let childStatus = try? Files.status(childPath, followLinks: false) else { continue }
            guard childStatus.kind == .directory || childStatus.kind == .symbolicLink else { continue }
            let workTree = childPath.appending(".git")
            if let repository = RepositoryName(folders: child),
                let gitDirectory = [childPath, workTree].first(where: { (try? RootFolder.isGitDirectory($0)) == true })
            {
                let version = Self.configVersion(gitDirectory)
                if let old = known?.repositories[repository], old.gitDirectory == gitDirectory, old.version == version {
                    folder.repositories[repository] = old
                } else {
                    folder.repositories[repository] = identify(repository, gitDirectory)
                }
            } else if childStatus.kind == .directory {
                folder.folders[name] = child
            }
        }
        for (name, child) in known?.folders ?? [:] where folder.folders[name] == nil { _ = forget(child) }
        folders[components] = folder
        return known?.repositories != folder.repositories || known?.folders != folder.folders
    }

    private mutating func identifyChanged(_ components: [String], _ areConfigsDue: Bool) -> Bool {
        var changed = false
        for (name, found) in folders[components]?.repositories ?? [:] where areConfigsDue || found.version == nil {
            let version = Self.configVersion(found.gitDirectory)
            if version == found.version, version != nil { continue }
            let again = identify(name, found.gitDirectory)
            if again == found { continue }
            folders[components]?.repositories[name] = again
            changed = true
        }
        return changed
    }

    private mutating func forget(_ components: [String]) -> Bool {
        let gone = folders.keys.filter { $0.starts(with: components) }
        for key in gone { folders[key] = nil }
        return !gone.isEmpty
    }

    private static func configVersion(_ gitDirectory: FilePath) -> FileStatus.Version? {
        (try? Files.status(ConfinedPath(gitDirectory).appending("config")))??.version
    }

    /// Whether there is a ref `git-annex`, as the files tell.
    static func hasAnnexBranch(_ gitDirectory: FilePath) -> Bool {
        let folder = ConfinedPath(gitDirectory)
        if (try? Files.exists(folder.appending("refs/heads/git-annex"))) == true { return true }
        guard let packed = try? Files.read(folder.appending("packed-refs"), limit: 64 << 20) else { return false }
        return packed.split(separator: 10).contains { $0.suffix(21).elementsEqual(" refs/heads/git-annex".utf8) }
    }

    private func identify(_ name: RepositoryName, _ gitDirectory: FilePath) -> Found {
        var found = Found(name: name, gitDirectory: gitDirectory)
        // A file that was changed within the last tick of its clock may change again unnoticed: it is read once more.
        if let version = Self.configVersion(gitDirectory), WallClock.seconds - version.modified.seconds > 2 {
            found.version = version
        }
        let file = ConfinedPath(gitDirectory).appending("config")
        guard let bytes = try? Files.read(file, limit: 1 << 20), let config = try? GitConfig(parsing: bytes) else {
            return found
        }
        found.uuid = config.string("annex.uuid").flatMap { RepositoryUUID($0) }
        found.lacksUUID = found.uuid == nil && Self.hasAnnexBranch(gitDirectory)
        found.gateway = facts(RepositorySettings(config, gitDirectory: gitDirectory))
        found.formerNames = config.formerNames
        return found
    }
}
