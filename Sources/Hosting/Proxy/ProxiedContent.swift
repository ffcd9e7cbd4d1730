import AnnexBranch
import AnnexProtocol
import FileIO
import Locations
import ObjectStore

/// The content of a remote, reached through a gateway: passes everything on, and keeps the gateway's location log of the
/// remote (spec 03 §1.7, §1.8).
///
/// It does not know what kind of place the remote is.
struct ProxiedContent: ContentLocation {
    /// What the gateway calls the remote; messages name it.
    let name: String
    let target: any ContentLocation
    let gateway: HostedRepository
    /// The gateway's.
    let branch: AnnexBranch
    let catalog: Catalog

    var uuid: RepositoryUUID { target.uuid }

    func isPresent(_ key: Key) async throws -> Bool { try await naming { try await target.isPresent(key) } }

    func open(_ key: Key, for reading: Reading) async throws -> Content? {
        try await naming { try await target.open(key, for: reading) }
    }

    func partial(of key: Key, for client: [UInt8]) async throws -> PartialContent {
        let partial = try await naming { try await target.partial(of: key, for: client) }
        guard case .alreadyPresent(let claimed) = partial else { return partial }
        return .alreadyPresent(also: try await credible(claimed, key, present: true))
    }

    func lock(_ key: Key) async throws -> (any HeldLock)? {
        // To its end, or the remote might keep a lock that nobody here knows of.
        try await outlivingClient { try await naming { try await target.lock(key) } }
    }

    // MARK: Changes

    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        try await changing(key) { changes in
            try await logging(key, changes, try await naming { try await target.store(key, from: upload) })
        }
    }

    func confirm(_ key: Key) async throws -> StoreOutcome {
        try await changing(key) { changes in
            try await logging(key, changes, try await naming { try await target.confirm(key) })
        }
    }

    func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome {
        // A deadline that has passed needs no remote to say so (spec 03 §1.10).
        if let deadline, BootSeconds.now >= deadline {
            return .notRemoved(reason: "the time for this removal has passed")
        }
        // To its end: once the remote was asked, the content may be gone, and then the log must say so.
        return try await outlivingClient {
            try await changing(key) { changes in
                switch try await naming({ try await target.remove(key, before: deadline) }) {
                case .removed(let claimed):
                    try await record(key, changes, present: false)
                    return .removed(also: try await record(key, inOthers: claimed, present: false))
                case .notRemoved(let reason, let claimed):
                    let others = try await record(key, inOthers: claimed, present: false)
                    return .notRemoved(reason: "\(name): \(reason)", also: others)
                case .refused(let refusal): throw error(refusal)
                }
            }
        }
    }

    /// Runs a change at the remote. It may take its time, and the gateway is written to at its end.
    private func changing<Result>(
        _ key: Key, _ body: (ChangesInFlight.Group) async throws -> Result
    ) async throws -> Result {
        // What comes of it could not be told to anybody.
        if branch.settings.isReadOnly {
            throw Refusal.forbidden(reason: "the gateway is read-only (annex.pidlock or an unsupported annex.version)")
        }
        let subject = ChangesInFlight.Subject(key: key, uuid: uuid)
        return try await gateway.keepingOpen {
            try await gateway.changesAtRemotes.during(subject, body)
        }
    }

    /// The remote has logged in its own repository before it answered; whoever asks the gateway must see it as well.
    private func logging(
        _ key: Key, _ changes: ChangesInFlight.Group, _ outcome: StoreOutcome
    ) async throws -> StoreOutcome {
        switch outcome {
        case .stored(let claimed):
            try await record(key, changes, present: true)
            return .stored(also: try await record(key, inOthers: claimed, present: true))
        case .notStored(let reason): return .notStored(reason: "\(name): \(reason)")
        case .refused(let refusal): throw error(refusal)
        }
    }

    // MARK: The gateway's log

    /// Records what the remote said of itself; where another change of the key was under way, what it says now.
    private func record(_ key: Key, _ changes: ChangesInFlight.Group, present: Bool) async throws {
        do {
            return try await gateway.services.withReserve {
                try await branch.recordLocation(of: key, in: uuid) {
                    // Asked while nobody else can write: who begins after this also logs after this.
                    if changes.isContested { throw Contested() }
                    return present
                }
            }
        } catch is Contested {}
        // Not cancelled with its caller: the answer would be taken for granted then.
        let asking = Task {
            try await changes.alone {
                let isPresent = (try? await target.isPresent(key)) ?? present
                try await record(key, in: [uuid], present: isPresent)
            }
        }
        let isDone: Void? = try await asking.value
        if isDone == nil { throw RemoteError(.busy, "\(name): too many changes of one key at one time") }
    }

    private struct Contested: Error {}

    private func record(_ key: Key, in repositories: [RepositoryUUID], present: Bool) async throws {
        for uuid in repositories {
            try await gateway.services.withReserve {
                try await branch.recordLocation(of: key, in: uuid, present: present)
            }
        }
    }

    /// Records what a remote says about others, and answers what of it may be passed on.
    private func record(
        _ key: Key, inOthers claimed: [RepositoryUUID], present: Bool
    ) async throws -> [RepositoryUUID] {
        let others = try await credible(claimed, key, present: present)
        try await record(key, in: others, present: present)
        return others
    }

    /// Attack: a remote that lies about what repositories of this host have, which clients would log as well. These are
    /// looked at, and the gateway itself needs nobody to speak for it.
    private func credible(
        _ claimed: [RepositoryUUID], _ key: Key, present: Bool
    ) async throws -> [RepositoryUUID] {
        var others: [RepositoryUUID] = []
        for other in claimed.prefix(Self.maximumOthers) where other != uuid && other != branch.uuid {
            if let isPresent = try await catalog.hosts(key, in: other), isPresent != present { continue }
            others.append(other)
        }
        return others
    }

    /// How many repositories besides itself a remote may speak for; a cluster has a node for each.
    private static let maximumOthers = 100

    /// Runs `body` to its end, also where the client is gone by then; only not for long.
    private func outlivingClient<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let work = Task { try await body() }
        return try await withTaskCancellationHandler {
            try await work.value
        } onCancel: {
            Task {
                try? await Task.sleep(for: Self.grace)
                work.cancel()
            }
        }
    }

    /// How long a remote may still take to answer when nobody waits any more.
    private static let grace = Duration.seconds(1)

    // MARK: Errors that name the remote

    private func naming<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as ObjectStoreError {
            throw self.error(error)
        } catch let error as FileError {
            throw self.error(error)
        } catch let error as HostingError {
            throw RemoteError(.unreachable, "\(name): \(error)")
        } catch let error as AnnexBranchError {
            let code: RemoteError.Code =
                switch error.code {
                case .locked, .contention, .closed: .busy
                case .nameTooLong, .readOnly: .forbidden
                case .unexpectedContent, .brokenTree, .tooMuch, .failed: .unreachable
                }
            throw RemoteError(code, "\(name): its git-annex branch: \(error.message)")
        }
    }

    private func error(_ refusal: Refusal) -> RemoteError {
        switch refusal {
        case .notEnoughSpace(let missing, _):
            RemoteError(.full, "\(name): Not enough space: need \(DataSize.describe(missing)) more")
        case .forbidden(let reason): RemoteError(.forbidden, "\(name): \(reason)")
        case .overloaded(let reason): RemoteError(.busy, "\(name): \(reason)")
        }
    }

    private func error(_ error: ObjectStoreError) -> RemoteError {
        if let missing = error.missingBytes { return self.error(.notEnoughSpace(missing: missing)) }
        if let cause = error.cause as? FileError { return self.error(cause) }
        if let cause = error.cause as? HostingError { return RemoteError(.unreachable, "\(name): \(cause)") }
        return RemoteError(.unreachable, "\(name): \(error.message)")
    }

    private func error(_ error: FileError) -> RemoteError {
        if error.isOutOfSpace { return RemoteError(.full, "\(name): Not enough space on its disk") }
        if error.isOutOfDescriptors { return RemoteError(.busy, "the server has too many files open; try again") }
        return RemoteError(.unreachable, "\(name): \(error.operation) failed: \(error.code)")
    }
}
