import AnnexProtocol
import Locations
import Synchronization
import TestKit
import Testing

@testable import Hosting

@Suite struct LockTableTests {
    private final class FakeLock: HeldLock {
        let events = Mutex<[String]>([])
        let isProtected: Bool
        init(isProtected: Bool = true) { self.isProtected = isProtected }
        func release() async { events.withLock { $0.append("release") } }
        func extend(protectedUntil deadline: Int64) async -> Bool {
            events.withLock { $0.append("extend") }
            return isProtected
        }
        func detach(protectedUntil deadline: Int64) async { events.withLock { $0.append("detach") } }
        var log: [String] { events.withLock { $0 } }
    }

    private let scope = LockTable.Scope(repository: .random(), location: .random())
    private let key: Key
    private let name = RepositoryName("team/data")!

    init() throws { key = try Key(parsing: "SHA256--x") }

    private var subject: LockTable.Subject { LockTable.Subject(key: key, name: name, scope: scope) }

    private func client(_ name: String, isAnonymous: Bool = true) -> LockTable.Client {
        LockTable.Client(name: name, isAnonymous: isAnonymous)
    }

    @Test("an unlock releases, once")
    func unlock() async throws {
        let table = LockTable(limit: 10, limitPerClient: 10)
        let lock = FakeLock()
        let id = try #require(await table.add(lock, on: subject, client: client("a")))
        #expect(await table.attach(id, scope: scope, client: client("a")) != nil)
        #expect(await table.unlock(id, scope: scope))
        #expect(await table.unlock(id, scope: scope) == false)
        #expect(lock.log == ["extend", "release"])
        #expect(table.count == 0)
    }

    @Test("spec 01 #93: a connection that ends without an unlock leaves the lock")
    func vanishedConnection() async throws {
        let table = LockTable(limit: 10, limitPerClient: 10)
        let lock = FakeLock()
        let id = try #require(await table.add(lock, on: subject, client: client("a")))
        let connection = try #require(await table.attach(id, scope: scope, client: client("a")))
        await table.detach(id, from: connection, client: client("a"))
        #expect(lock.log == ["extend"], "protected on disk for as long as the client counts on it")
        #expect(
            await table.attach(id, scope: scope, client: client("a")) != nil, "another connection can hold it again")
    }

    @Test("spec 01 #95: a lock that nobody keeps ends by itself; one that is kept does not")
    func expiry() async throws {
        let time = ManualTime()
        let table = LockTable(limit: 10, limitPerClient: 10, time: time.timekeeper)
        let (abandoned, kept) = (FakeLock(), FakeLock())
        let id = try #require(await table.add(kept, on: subject, client: client("a")))
        let connection = try #require(await table.attach(id, scope: scope, client: client("a")))
        _ = try #require(await table.add(abandoned, on: subject, client: client("a")))
        time.advance(by: .seconds(599))
        time.advance(by: .seconds(1))
        try await wait(for: "the abandoned lock to end") { !abandoned.log.isEmpty }
        #expect(abandoned.log == ["release"])
        #expect(table.count == 1)
        for renewals in 2...4 {
            try await wait(for: "renewal \(renewals)") { kept.log.count >= renewals }
            time.advance(by: .seconds(300))
        }
        try await wait(for: "the last renewal") { kept.log.count == 5 }
        #expect(Set(kept.log) == ["extend"], "renewed again and again")
        await table.detach(id, from: connection, client: client("a"))
        time.advance(by: .seconds(660))
        try await wait(for: "the lock to end without its connection") { kept.log.last == "release" }
        #expect(table.count == 0)
    }

    @Test("an id is worth nothing in another repository")
    func scopes() async throws {
        let table = LockTable(limit: 10, limitPerClient: 10)
        let id = try #require(await table.add(FakeLock(), on: subject, client: client("a")))
        let other = LockTable.Scope(repository: .random(), location: scope.location)
        #expect(await table.attach(id, scope: other, client: client("a")) == nil)
        #expect(await table.unlock(id, scope: other) == false)
        #expect(table.count == 1)
    }

    /// On another key each time.
    private func subjects(_ count: Int) throws -> [LockTable.Subject] {
        try (0..<count).map { number in
            var other = subject
            other.key = try Key(parsing: "SHA256--\(number)")
            return other
        }
    }

    @Test("one client cannot use up everybody's locks")
    func bounds() async throws {
        let table = LockTable(limit: 3, limitPerClient: 2)
        let keys = try subjects(4)
        let refused = FakeLock()
        _ = try #require(await table.add(FakeLock(), on: keys[0], client: client("a")))
        let second = try #require(await table.add(FakeLock(), on: keys[1], client: client("a")))
        #expect(await table.shortage(for: client("a"), on: keys[2]) == .ofClient)
        #expect(await table.add(refused, on: keys[2], client: client("a")) == nil)
        #expect(refused.log == ["release"])
        #expect(await table.shortage(for: client("b"), on: keys[2]) == nil)
        _ = try #require(await table.add(FakeLock(), on: keys[2], client: client("b")))
        #expect(await table.shortage(for: client("b"), on: keys[3]) == .ofAll)
        await table.unlock(second, scope: scope)
        #expect(await table.shortage(for: client("a"), on: keys[3]) == nil)
    }

    @Test("all people without a login together cannot use up everybody's locks")
    func anonymous() async throws {
        let table = LockTable(limit: 10, limitPerClient: 3, limitOfAnonymous: 4)
        var ids: [LockID] = []
        for number in 0..<4 {
            ids.append(try #require(await table.add(FakeLock(), on: subject, client: client("a\(number)"))))
        }
        let refused = FakeLock()
        #expect(await table.shortage(for: client("a9"), on: subject) == .ofAnonymous)
        #expect(await table.add(refused, on: subject, client: client("a9")) == nil)
        #expect(refused.log == ["release"])
        #expect(await table.add(FakeLock(), on: subject, client: client("alice", isAnonymous: false)) != nil)
        await table.unlock(ids[0], scope: scope)
        #expect(await table.shortage(for: client("a9"), on: subject) == nil)
    }

    @Test("a client's locks on one key count once, and are bounded all the same")
    func oneKeyAgain() async throws {
        let table = LockTable(limit: 3, limitPerClient: 2)
        let keys = try subjects(3)
        var ids: [LockID] = []
        for _ in 0..<60 {
            ids.append(try #require(await table.add(FakeLock(), on: keys[0], client: client("a"))))
        }
        let other = try #require(await table.add(FakeLock(), on: keys[1], client: client("a")))
        #expect(await table.shortage(for: client("a"), on: keys[2]) == .ofClient)
        for id in ids.dropFirst() { await table.unlock(id, scope: scope) }
        #expect(await table.shortage(for: client("a"), on: keys[2]) == .ofClient, "one lock on the key is left")
        await table.unlock(ids[0], scope: scope)
        #expect(await table.shortage(for: client("a"), on: keys[2]) == nil)
        await table.unlock(other, scope: scope)
        // Places in the table cost memory.
        var count = 0
        while await table.add(FakeLock(), on: keys[0], client: client("a")) != nil {
            count += 1
            if count > 10_000 { break }
        }
        #expect(count < 1000)
        #expect(table.count == count)
    }

    @Test("a connection is told when its lock ends in another way, and no lock begins when the process is about to end")
    func ends() async throws {
        let table = LockTable(limit: 10, limitPerClient: 10)
        let told = Atomic(0)
        for isBroken in [true, false] {
            let id = try #require(await table.add(FakeLock(), on: subject, client: client("a")))
            _ = await table.attach(id, scope: scope, client: client("a")) { told.add(1, ordering: .relaxed) }
            if isBroken {
                _ = await table.breakLocks(on: key, in: scope.repository)
            } else {
                await table.unlock(id, scope: scope)
            }
        }
        #expect(told.load(ordering: .relaxed) == 2)
        await table.detachAll()
        let late = FakeLock()
        #expect(await table.add(late, on: subject, client: client("a")) == nil)
        #expect(late.log == ["release"])
    }

    @Test("a lock can be listed and broken; its client finds it gone, and others' locks stay")
    func breaking() async throws {
        let table = LockTable(limit: 10, limitPerClient: 10)
        let other = try Key(parsing: "SHA256--y")
        let (broken, kept) = (FakeLock(), FakeLock())
        let id = try #require(await table.add(broken, on: subject, client: client("a")))
        let connection = try #require(await table.attach(id, scope: scope, client: client("a")))
        var second = subject
        second.key = other
        _ = try #require(await table.add(kept, on: second, client: client("b")))
        let listed = await table.list()
        #expect(Set(listed.map(\.subject)) == [subject, second])
        #expect(listed.first { $0.subject.key == key }?.isConnected == true)
        #expect(listed.allSatisfy { $0.until > 1_600_000_000 })

        #expect(await table.breakLocks(on: key, in: .random()).isEmpty)
        #expect(await table.breakLocks(on: key, in: scope.repository).map(\.client.name) == ["a"])
        #expect(broken.log == ["extend", "release"])
        #expect(kept.log.isEmpty)
        #expect(table.count == 1)
        #expect(await table.unlock(id, scope: scope) == false)
        await table.detach(id, from: connection, client: client("a"))
    }

    @Test("at the end of the process content stays protected on disk")
    func shutdown() async throws {
        let table = LockTable(limit: 10, limitPerClient: 10)
        let lock = FakeLock()
        _ = try #require(await table.add(lock, on: subject, client: client("a")))
        await table.detachAll()
        #expect(lock.log == ["detach"])
    }

    /// A lock at a place that does not answer.
    private final class StuckLock: HeldLock {
        let isAsked = Atomic(0)
        private let ended = AsyncStream<Void>.makeStream()
        func end() { ended.continuation.finish() }
        private func wait() async {
            isAsked.add(1, ordering: .relaxed)
            for await _ in ended.stream {}
        }
        func release() async { await wait() }
        func extend(protectedUntil deadline: Int64) async -> Bool {
            // The first time is that of the connection, the second that of the table.
            if isAsked.add(1, ordering: .relaxed).newValue > 1 { await wait() }
            return true
        }
        func detach(protectedUntil deadline: Int64) async { await wait() }
    }

    @Test("a lock at a place that does not answer holds up no other one")
    func stuckPlace() async throws {
        let time = ManualTime()
        let table = LockTable(limit: 10, limitPerClient: 10, time: time.timekeeper)
        let (renewed, released, stuck) = (FakeLock(), StuckLock(), StuckLock())
        for lock in [stuck, renewed] as [any HeldLock] {
            let id = try #require(await table.add(lock, on: subject, client: client("a")))
            #expect(await table.attach(id, scope: scope, client: client("a")) != nil)
        }
        _ = try #require(await table.add(released, on: subject, client: client("a")))
        time.advance(by: .seconds(600))
        try await wait(for: "both places to be asked") {
            stuck.isAsked.load(ordering: .relaxed) >= 2 && released.isAsked.load(ordering: .relaxed) >= 1
        }
        for renewals in 2...4 {
            try await wait(for: "renewal \(renewals)") { renewed.log.count >= renewals }
            time.advance(by: .seconds(300))
        }
        try await wait(for: "the last renewal") { renewed.log.count == 5 }
        let ending = Task { await table.detachAll() }
        try await wait(for: "the lock to be left protected") { renewed.log.last == "detach" }
        for lock in [released, stuck] { lock.end() }
        await ending.value
    }

    @Test("protection that could not be renewed is tried again long before it runs out")
    func failedRenewal() async throws {
        let time = ManualTime()
        let table = LockTable(limit: 10, limitPerClient: 10, time: time.timekeeper)
        let lock = FakeLock(isProtected: false)
        let id = try #require(await table.add(lock, on: subject, client: client("a")))
        #expect(await table.attach(id, scope: scope, client: client("a")) != nil)
        let begun = time.now
        for tries in 2...4 {
            // Renewals that succeed come every 300 s, so three of them would take 900 s.
            while lock.log.count < tries {
                try await wait(for: "the table to sleep") { time.sleeping > 0 || lock.log.count >= tries }
                time.advance(by: .seconds(1))
                try #require(begun.duration(to: time.now) < .seconds(250), "\(lock.log.count) tries")
            }
        }
        await table.unlock(id, scope: scope)
    }

    @Test("silent connections are bounded: few for one lock, and few for a client")
    func connections() async throws {
        let table = LockTable(limit: 10, limitPerClient: 10, connectionsPerClient: 6)
        var ids: [LockID] = []
        for _ in 0..<2 { ids.append(try #require(await table.add(FakeLock(), on: subject, client: client("a")))) }
        var first: [LockTable.ConnectionID] = []
        for _ in 0..<4 { first.append(try #require(await table.attach(ids[0], scope: scope, client: client("a")))) }
        #expect(await table.attach(ids[0], scope: scope, client: client("a")) == nil, "too many for one lock")
        for _ in 0..<2 { #expect(await table.attach(ids[1], scope: scope, client: client("a")) != nil) }
        #expect(await table.attach(ids[1], scope: scope, client: client("a")) == nil, "too many for one client")
        #expect(await table.attach(ids[1], scope: scope, client: client("b")) != nil)
        await table.detach(ids[0], from: first[0], client: client("a"))
        #expect(await table.attach(ids[1], scope: scope, client: client("a")) != nil)
        #expect(await table.unlock(ids[0], scope: scope), "refused connections leave the lock")
        await table.detach(ids[0], from: first[1], client: client("a"))
        #expect(await table.attach(ids[0], scope: scope, client: client("a")) == nil)
    }
}
