public import AnnexProtocol
public import Blocking
public import Locations
import Synchronization

/// The content locks that clients of one host hold, by lock id.
///
/// A lock lives for ten minutes, and as long as a `keeplocked` connection holds it. When that connection ends without
/// an unlock, the content stays protected until ten minutes, and a minute of grace, after the connection began: the
/// client counts on that (spec 01 §6.7).
public actor LockTable {
    /// How long a lock lives without a connection.
    private let lifetime: Duration
    /// Added when a connection ends without an unlock: the client's ten minutes may have begun a little later than
    /// ours.
    private let grace: Duration
    private let time: Timekeeper

    private struct Entry {
        let lock: any HeldLock
        let subject: Subject
        let client: Client
        var expires: ContinuousClock.Instant
        /// When the protection of a lock with a connection is renewed.
        var renewal: ContinuousClock.Instant
        /// Those who keep it: each is told when the lock has ended.
        var connections: [ConnectionID: @Sendable () -> Void] = [:]

        var scope: Scope { subject.scope }

        /// When a lock without a connection ends, and one with a connection is renewed.
        var due: ContinuousClock.Instant { connections.isEmpty ? expires : renewal }

        var use: LockUsage.Use { LockUsage.Use(client: client, subject: subject) }

        mutating func promise(_ time: ContinuousClock.Instant) { expires = max(expires, time) }
    }

    /// What a lock id is good for: ids are bearer tokens and work only where they were given out.
    public struct Scope: Hashable, Sendable {
        public var repository: RepositoryUUID
        public var location: RepositoryUUID

        public init(repository: RepositoryUUID, location: RepositoryUUID) {
            self.repository = repository
            self.location = location
        }
    }

    /// What is locked: the content of a key, and where.
    public struct Subject: Hashable, Sendable {
        public var key: Key
        /// The repository through which it was locked, for people.
        public var name: RepositoryName
        public var scope: Scope

        public init(key: Key, name: RepositoryName, scope: Scope) {
            self.key = key
            self.name = name
            self.scope = scope
        }
    }

    /// Who holds a lock, as far as the bounds tell people apart.
    public struct Client: Hashable, Sendable {
        /// An address, or the network that one subscriber has.
        public var name: String
        /// Whether nobody has logged in.
        public var isAnonymous: Bool

        public init(name: String, isAnonymous: Bool) {
            self.name = name
            self.isAnonymous = isAnonymous
        }
    }

    /// Which bound is in the way of one more lock.
    public enum Shortage: Hashable, Sendable {
        case ofAll, ofAnonymous, ofClient
    }

    /// A connection that keeps a lock.
    public struct ConnectionID: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private var entries: [LockID: Entry] = [:]
    private var usage = LockUsage()
    private var connectionsByClient: [Client: Int] = [:]
    private var lastConnection: UInt64 = 0
    private var isClosed = false
    private let heldCount = Atomic(0)
    private let limit: Int
    private let limitPerClient: Int
    private let limitOfAnonymous: Int
    private let connectionsPerClient: Int
    private var sweeper: Task<Void, Never>?

    /// - Parameters:
    ///   - limit: locks at one time, over all clients.
    ///   - limitPerClient: locks at one time of one client address, so that nobody can use up everybody's.
    ///   - limitOfAnonymous: locks at one time of all people without a login together; no bound of its own where
    ///     absent.
    ///   - connectionsPerClient: connections that keep locks of one client address, at one time; they may be silent for
    ///     hours.
    ///   - lifetime: what the protocol promises; shorter only in tests.
    ///   - time: by which locks end and are renewed.
    public init(
        limit: Int, limitPerClient: Int, limitOfAnonymous: Int = .max, connectionsPerClient: Int = .max,
        lifetime: Duration = .seconds(600), grace: Duration = .seconds(60), time: Timekeeper = .system
    ) {
        self.limit = limit
        self.limitPerClient = limitPerClient
        self.limitOfAnonymous = limitOfAnonymous
        self.connectionsPerClient = min(connectionsPerClient, limitPerClient)
        self.lifetime = lifetime
        self.grace = grace
        self.time = time
    }

    /// How many locks are held.
    public nonisolated var count: Int { heldCount.load(ordering: .relaxed) }

    /// What keeps `client` from holding one more lock, or nil; asked before the content is locked.
    ///
    /// One on content that it has locked already counts for little: it needs no more than its place in this table.
    public func shortage(for client: Client, on subject: Subject) -> Shortage? {
        let isNew = !usage.contains(LockUsage.Use(client: client, subject: subject))
        func exceeds(_ count: LockUsage.Count, _ limit: Int) -> Bool {
            isNew && count.keys >= limit || count.locks >= Self.repeated(limit)
        }
        if exceeds(usage.of(client), limitPerClient) { return .ofClient }
        if client.isAnonymous, exceeds(usage.ofAnonymous, limitOfAnonymous) { return .ofAnonymous }
        return exceeds(usage.all, limit) ? .ofAll : nil
    }

    /// How many locks there may be where so many locked keys are allowed: some clients lock one key again and again.
    private static func repeated(_ limit: Int) -> Int {
        limit < 1_000_000 ? limit * 8 + 200 : .max
    }

    /// Takes charge of a lock and answers its id, or nil when the bounds were reached meanwhile, or the process is
    /// about to end; the lock is then released.
    public func add(_ lock: any HeldLock, on subject: Subject, client: Client) async -> LockID? {
        guard !isClosed, shortage(for: client, on: subject) == nil else {
            await lock.release()
            return nil
        }
        let id = LockID.random()
        let end = time.now + lifetime
        let entry = Entry(lock: lock, subject: subject, client: client, expires: end, renewal: end)
        entries[id] = entry
        heldCount.add(1, ordering: .relaxed)
        usage.add(entry.use)
        startSweeping()
        return id
    }

    /// A connection begins to keep the lock, until ``detach(_:from:client:)``; answers nil where the id is unknown.
    ///
    /// From here on the client counts on another ten minutes, whatever happens to this process. Such connections may be
    /// silent, so one lock has few and one client a bounded number: beyond that the answer is nil, too.
    ///
    /// - Parameter ended: called when the lock ends in another way; the connection has nothing to wait for then.
    public func attach(
        _ id: LockID, scope: Scope, client: Client, ended: @escaping @Sendable () -> Void = {}
    ) async -> ConnectionID? {
        guard let entry = entries[id], entry.scope == scope, entry.connections.count < Self.connectionsPerLock,
            connectionsByClient[client, default: 0] < connectionsPerClient
        else { return nil }
        lastConnection += 1
        let connection = ConnectionID(number: lastConnection)
        entries[id]?.connections[connection] = ended
        connectionsByClient[client, default: 0] += 1
        await protect(id)
        return connection
    }

    /// A client that reconnects may be ahead of the news that its former connection is gone.
    private static let connectionsPerLock = 4

    /// Renews the protection of a lock that a connection keeps, and does so again before it runs out; soon, where it
    /// could not be renewed.
    private func protect(_ id: LockID) async {
        guard let entry = entries[id] else { return }
        entries[id]?.promise(time.now + lifetime + grace)
        let next = time.now + lifetime / 2
        // Until the outcome is known: nobody else need try.
        entries[id]?.renewal = next
        let isProtected = await entry.lock.extend(protectedUntil: promisedTime)
        entries[id]?.renewal = isProtected ? next : time.now + retryInterval
    }

    /// How long after a renewal that failed the next one is tried.
    private var retryInterval: Duration { lifetime / 40 }

    private var promisedTime: Int64 { WallClock.seconds + (lifetime + grace).components.seconds }

    /// The connection ended. Where the lock still is, it waits for its time to pass, or for another connection.
    public func detach(_ id: LockID, from connection: ConnectionID, client: Client) {
        let left = connectionsByClient[client, default: 1] - 1
        connectionsByClient[client] = left > 0 ? left : nil
        guard entries[id]?.connections.removeValue(forKey: connection) != nil else { return }
        startSweeping()
    }

    /// Ends the lock; answers false where the id is unknown.
    @discardableResult
    public func unlock(_ id: LockID, scope: Scope) async -> Bool {
        guard entries[id]?.scope == scope, let entry = remove(id) else { return false }
        await entry.lock.release()
        return true
    }

    /// Before the process ends: leaves every lock's content protected on disk for the time that was promised, and takes
    /// no new ones.
    public func detachAll() async {
        isClosed = true
        sweeper?.cancel()
        let all = Array(entries.keys).compactMap { remove($0) }
        let time = promisedTime
        // All at once: some may be at a remote that is slow to answer.
        await withDiscardingTaskGroup { group in
            for entry in all { group.addTask { await entry.lock.detach(protectedUntil: time) } }
        }
    }

    private func remove(_ id: LockID) -> Entry? {
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        heldCount.subtract(1, ordering: .relaxed)
        usage.remove(entry.use)
        for ended in entry.connections.values { ended() }
        return entry
    }

    /// Runs while there are locks, waking when the next one may end or has to be renewed.
    private func startSweeping() {
        guard sweeper == nil else { return }
        sweeper = Task { await self.sweep() }
    }

    private func sweep() async {
        while !Task.isCancelled, let next = entries.values.map(\.due).min() {
            // Not too long, since a renewal that fails meanwhile is tried again before that.
            try? await time.sleep(until: min(next, time.now + retryInterval))
            for (id, entry) in entries where entry.due <= time.now {
                // Nobody waits for it: another lock must be renewed in time however slow this one's place is.
                if !entry.connections.isEmpty {
                    entries[id]?.renewal = time.now + lifetime / 2
                    Task { await self.protect(id) }
                } else {
                    _ = remove(id)
                    Task { await entry.lock.release() }
                }
            }
        }
        sweeper = nil
    }
}

// MARK: For people

extension LockTable {
    /// A lock as people are shown it, without the id, which is as good as a password.
    public struct Description: Hashable, Sendable {
        public var subject: Subject
        public var client: Client
        /// Seconds since 1970 until which the lock lives without a connection.
        public var until: Int64
        /// Whether a `keeplocked` connection holds it, and renews it.
        public var isConnected: Bool
    }

    /// Every lock that is held, in no order.
    public func list() -> [Description] {
        entries.values.map { entry in
            let left = time.now.duration(to: entry.expires).components.seconds
            return Description(
                subject: entry.subject, client: entry.client, until: WallClock.seconds + max(0, left),
                isConnected: !entry.connections.isEmpty)
        }
    }

    /// Ends every lock on the content of `key` in a repository, whatever its clients were promised.
    ///
    /// - Returns: the locks that were ended.
    public func breakLocks(on key: Key, in repository: RepositoryUUID) async -> [Description] {
        let broken = list().filter { $0.subject.key == key && $0.subject.scope.repository == repository }
        let ids = entries.filter { $0.value.subject.key == key && $0.value.scope.repository == repository }.map(\.key)
        for id in ids { await remove(id)?.lock.release() }
        return broken
    }
}
