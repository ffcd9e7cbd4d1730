public import AnnexProtocol
import FileIO
import SystemPackage

extension AnnexBranch {
    /// The status that each repository has for a key. Repositories marked dead in trust.log, and clusters, are not
    /// treated here (spec 02 §1.6.13).
    public func locations(of key: Key) async throws -> [RepositoryUUID: PresenceLog.Status] {
        try await parsed(path(of: key, .location)) { content in
            var result: [RepositoryUUID: PresenceLog.Status] = [:]
            for (info, record) in PresenceLog(parsing: content).records {
                // An INFO with a trailing space, for example, names no repository.
                if let uuid = RepositoryUUID(info) { result[uuid] = record.status }
            }
            return result
        }
    }

    /// The status that one repository has for a key; nil where the log does not tell.
    public func status(of key: Key, in uuid: RepositoryUUID) async throws -> PresenceLog.Status? {
        try await parsed(path(of: key, .location)) { PresenceLog.status(of: uuid.bytes, in: $0) }
    }

    /// The keys with verified digests that stand for a VURL key's content (`.log.ek`, spec 02 §1.6.15).
    public func equivalentKeys(of key: Key) async throws -> [Key] {
        try await parsed(path(of: key, .equivalentKeys)) { content in
            PresenceLog(parsing: content).present.compactMap { try? Key(parsing: $0) }
        }
    }

    /// What is made of a branch file as it is now.
    ///
    /// Attack: whoever may push decides how much is in it, and a request's task runs on the event loop of its
    /// connection, where nobody else is served meanwhile. So it is read in a task of its own, and parsed on a thread
    /// that may wait.
    func parsed<Value: Sendable>(
        _ path: BranchPath, _ parse: @escaping @Sendable ([UInt8]) -> Value
    ) async throws -> Value {
        try await uninterrupted { [self] in
            guard let content = try await read(path), !content.isEmpty else { return parse([]) }
            if content.count <= Self.parsedAtOnce { return parse(content) }
            return try await executor.run { parse(content) }
        }
    }

    /// In bytes: what takes no longer than to hand it to another thread.
    private static var parsedAtOnce: Int { 4096 }

    /// Whether the journal holds anything that the branch may lack. Takes no lock.
    public var hasPendingChanges: Bool {
        get async throws {
            let journal = journal
            return try await executor.run { try !journal.names().isEmpty }
        }
    }

    /// A branch file as it is now, waiting changes included; nil when there is none.
    public func read(_ path: BranchPath) async throws -> [UInt8]? {
        // The journal comes first: its files go away only after the branch has them, so nothing is missed (spec 02
        // §2.2).
        let journal = journal
        let hasPrivate = !settings.privateUUIDs.isEmpty
        let (waiting, hidden) = try await executor.run {
            (try journal.read(path), hasPrivate ? try journal.read(path, isPrivate: true) : nil)
        }
        var content = waiting
        if content == nil { content = try await objects.file(path) }
        guard let hidden else { return content }
        // The public part may lack its last LF.
        let known = content ?? []
        return known + (known.isEmpty || known.last == 10 ? [] : [10]) + hidden
    }

    /// What tells whether a branch file may have changed since it was read: its waiting version, else where the branch
    /// is. Costs the same however large they are: looks at two or three files, and starts no process.
    public nonisolated func version(of path: BranchPath) async throws -> BranchFileVersion {
        let (journal, folder, hasPrivate) = (journal, folder, !settings.privateUUIDs.isEmpty)
        return try await executor.run {
            let hidden = hasPrivate ? try journal.version(of: path, isPrivate: true) : nil
            // In the order in which a commit changes them: from the journal into the branch. Each is replaced by
            // renaming a new file, so what `stat` says of it differs.
            if let waiting = try journal.version(of: path) {
                return BranchFileVersion(hidden: hidden, state: .waiting(waiting))
            }
            if let commit = try Files.read(folder.appending(BranchObjects.branch), limit: 4096) {
                return BranchFileVersion(hidden: hidden, state: .commit(commit))
            }
            let packed = try Files.status(folder.appending("packed-refs"))?.version
            return BranchFileVersion(hidden: hidden, state: .packed(packed))
        }
    }

    nonisolated func path(of key: Key, _ file: BranchPath.KeyFile) -> BranchPath {
        BranchPath(of: key, file, levels: settings.hashLevels)
    }
}

/// Where a branch file was last found; equal for as long as it cannot have changed.
public struct BranchFileVersion: Hashable, Sendable {
    fileprivate enum State: Hashable {
        case waiting(FileStatus.Version)
        case commit([UInt8])
        case packed(FileStatus.Version?)
    }

    /// Of the private journal, where it is read as well.
    fileprivate let hidden: FileStatus.Version?
    fileprivate let state: State
}
