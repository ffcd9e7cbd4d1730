public import AnnexProtocol
import GitHost
import ObjectStore
import SystemPackage

/// A locked content, as the repository's own files tell, whether a server runs or not.
public struct LockSummary: Sendable, Hashable {
    public var name: RepositoryName
    public var uuid: RepositoryUUID?
    public var key: Key
    /// Seconds since 1970 until which removal is refused although nobody need hold the lock; nil where only its holder
    /// protects the content.
    public var until: Int64?
    /// Whether a process holds the lock.
    public var isHeld: Bool
    /// That process, where the kernel tells.
    public var process: Int32?
}

/// What became of an attempt to break a lock.
public enum LockBreakResult: Sendable, Hashable {
    case notLocked, broken
    /// A process that is no server of this root holds it, and only its end would free it.
    case held(process: Int32?)
}

extension RepositoryManager {
    /// What is locked in a repository, in the order of keys. Blocking.
    public func locks(in name: RepositoryName) throws -> [LockSummary] {
        let (store, current, uuid) = try objects(of: name)
        return try store.lockedContent().map { locked in
            LockSummary(
                name: current, uuid: uuid, key: locked.key, until: locked.retention?.seconds, isHeld: locked.isHeld,
                process: locked.process)
        }.sorted { $0.key.description < $1.key.description }
    }

    /// Whether the content of a key is locked in a repository. Blocking.
    public func isLocked(_ key: Key, in name: RepositoryName) throws -> Bool {
        try objects(of: name).store.lockedContent(of: key) != nil
    }

    /// Removes what protects the content of a key, except a lock that a process holds. Blocking.
    public func breakLock(on key: Key, in name: RepositoryName) throws -> LockBreakResult {
        switch try objects(of: name).store.breakLock(on: key) {
        case .notLocked: .notLocked
        case .broken: .broken
        case .held(let process): .held(process: process)
        }
    }

    /// The UUID of a repository; nil where it is no annex. Blocking.
    public func uuid(of name: RepositoryName) throws -> RepositoryUUID? { try objects(of: name).uuid }

    private func objects(of name: RepositoryName) throws -> (
        store: ObjectStore, name: RepositoryName, uuid: RepositoryUUID?
    ) {
        var current = name
        if try root.gitDirectory(of: name) == nil, let present = try root.presentName(of: name) { current = present }
        guard let gitDirectory = try root.gitDirectory(of: current) else { throw HostingError.gone(name) }
        let settings = RepositorySettings(
            try GitConfigFile(gitDirectory.appending("config")).current(), gitDirectory: gitDirectory)
        return (ObjectStore(gitDirectory: gitDirectory, settings: settings.store), current, settings.uuid)
    }
}
