import AnnexBranch
import AnnexProtocol
import Hosting
import Locations

/// A remote that is reached through a gateway: passes everything on, and keeps the gateway's location log of
/// the remote (spec 03 §1.7, §1.8).
///
/// It does not know what kind of place the remote is.
struct LoggedLocation: ContentLocation {
    /// What the gateway calls the remote; reasons in the log begin with it.
    let name: String
    let target: any ContentLocation
    let gateway: HostedRepository
    /// The gateway's.
    let branch: AnnexBranch
    let changes: ChangesInFlight
    let catalog: Catalog

    var uuid: RepositoryUUID { target.uuid }
    var traits: LocationTraits { target.traits }

    func isPresent(_ key: Key) async throws -> Bool { try await target.isPresent(key) }

    func open(_ key: Key, for reading: Reading) async throws -> Content? {
        try await target.open(key, for: reading)
    }

    func partial(of key: Key, for client: [UInt8]) async throws -> PartialContent {
        let partial = try await target.partial(of: key, for: client)
        guard case .alreadyPresent(let claimed) = partial else { return partial }
        return .alreadyPresent(at: try await inLocationErrors { try await credible(claimed, key, present: true) })
    }

    func lock(_ key: Key) async throws -> (any HeldLock)? {
        // To its end, or the remote might keep a lock that nobody here knows of.
        try await outlivingClient { try await target.lock(key) }
    }

    // MARK: Changes

    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        try await changing(key) { changes in
            try await logging(key, changes, try await target.store(key, from: upload))
        }
    }

    func confirm(_ key: Key) async throws -> StoreOutcome {
        try await changing(key) { changes in
            try await logging(key, changes, try await target.confirm(key))
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
                var outcome = try await target.remove(key, before: deadline)
                outcome.from = try await record(key, changes, in: outcome.from, present: false)
                outcome.reason = outcome.reason.map { "\(name): \($0)" }
                return outcome
            }
        }
    }

    /// Runs a change at the remote. It may take its time, and the gateway is written to at its end.
    private func changing<Result>(
        _ key: Key, _ body: (ChangesInFlight.Group) async throws -> Result
    ) async throws -> Result {
        // What comes of it could not be told to anybody.
        if branch.settings.isReadOnly {
            throw LocationError(
                .forbidden, "the gateway is read-only (annex.pidlock or an unsupported annex.version)")
        }
        let subject = ChangesInFlight.Subject(key: key, uuid: uuid)
        return try await inLocationErrors {
            try await gateway.keepingOpen { try await changes.during(subject, body) }
        }
    }

    /// The remote has logged in its own repository before it answered; whoever asks the gateway must see it as well.
    private func logging(
        _ key: Key, _ changes: ChangesInFlight.Group, _ outcome: StoreOutcome
    ) async throws -> StoreOutcome {
        switch outcome {
        case .stored(let claimed): .stored(at: try await record(key, changes, in: claimed, present: true))
        case .notStored(let reason): .notStored(reason: "\(name): \(reason)")
        }
    }

    // MARK: The gateway's log

    /// Records what the remote said of itself and of others, and returns what of it may be passed on.
    private func record(
        _ key: Key, _ changes: ChangesInFlight.Group, in claimed: [RepositoryUUID], present: Bool
    ) async throws -> [RepositoryUUID] {
        if claimed.contains(uuid) { try await record(key, changes, present: present) }
        let places = try await credible(claimed, key, present: present)
        try await record(key, in: places.filter { $0 != uuid }, present: present)
        return places
    }

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
        if isDone == nil { throw LocationError(.busy, "\(name): too many changes of one key at one time") }
    }

    private struct Contested: Error {}

    private func record(_ key: Key, in repositories: [RepositoryUUID], present: Bool) async throws {
        for uuid in repositories {
            try await gateway.services.withReserve {
                try await branch.recordLocation(of: key, in: uuid, present: present)
            }
        }
    }

    /// Which of the repositories that a remote speaks for it may speak for: itself first.
    ///
    /// Attack: a remote that lies about what repositories of this host have, which clients would log as well. These are
    /// looked at, and the gateway itself needs nobody to speak for it.
    private func credible(
        _ claimed: [RepositoryUUID], _ key: Key, present: Bool
    ) async throws -> [RepositoryUUID] {
        var places = claimed.contains(uuid) ? [uuid] : []
        for other in claimed.filter({ $0 != uuid }).prefix(Self.maximumOthers) where other != branch.uuid {
            if let isPresent = try await catalog.hosts(key, in: other), isPresent != present { continue }
            places.append(other)
        }
        return places
    }

    /// How many repositories besides itself a remote may speak for; a cluster has a node for each.
    private static let maximumOthers = 100

    /// Runs `body` to its end, even if the client is gone by then, but not for long.
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
}
