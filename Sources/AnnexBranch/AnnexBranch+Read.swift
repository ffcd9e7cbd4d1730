public import AnnexProtocol
import FileIO
import SystemPackage

extension AnnexBranch {
    /// The status that each repository has for a key. Repositories marked dead in trust.log, and clusters, are not
    /// treated here (spec 02 §1.6.13).
    public func locations(of key: Key) async throws -> [RepositoryUUID: PresenceLog.Status] {
        let log = PresenceLog(parsing: try await read(path(of: key, .location)) ?? [])
        var result: [RepositoryUUID: PresenceLog.Status] = [:]
        for (info, record) in log.records {
            // An INFO with a trailing space, for example, names no repository.
            if let uuid = RepositoryUUID(info) { result[uuid] = record.status }
        }
        return result
    }

    /// The keys with verified digests that stand for a VURL key's content (`.log.ek`, spec 02 §1.6.15).
    public func equivalentKeys(of key: Key) async throws -> [Key] {
        let log = PresenceLog(parsing: try await read(path(of: key, .equivalentKeys)) ?? [])
        return log.present.compactMap { try? Key(parsing: $0) }
    }

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
    /// is. Reads two or three small files and starts no process.
    public func version(of path: BranchPath) async throws -> BranchFileVersion {
        let (journal, gitDirectory) = (journal, gitDirectory)
        return try await executor.run {
            // In the order in which a commit changes them: from the journal into the branch.
            if let waiting = try journal.read(path) { return BranchFileVersion(state: .waiting(waiting)) }
            let ref = gitDirectory.appending("refs").appending("heads").appending("git-annex")
            if let commit = try Files.read(ref, limit: 4096) { return BranchFileVersion(state: .commit(commit)) }
            let packed = try Files.read(gitDirectory.appending("packed-refs"), limit: 64 << 20) ?? []
            return BranchFileVersion(state: .packed(packed.count, Self.fingerprint(packed)))
        }
    }

    /// Not for strangers' data: who could make two alike may write the file itself.
    private static func fingerprint(_ bytes: [UInt8]) -> Int {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }

    nonisolated func path(of key: Key, _ file: BranchPath.KeyFile) -> BranchPath {
        BranchPath(of: key, file, levels: settings.hashLevels)
    }
}

/// Where a branch file was last found; equal for as long as it cannot have changed.
public struct BranchFileVersion: Hashable, Sendable {
    fileprivate enum State: Hashable {
        case waiting([UInt8])
        case commit([UInt8])
        case packed(Int, Int)
    }

    fileprivate let state: State
}
