// A disk that does not answer: each request to a repository on it takes a thread and never gives it back. Sixteen of
// them once stopped the whole host. Others must go past them, and the operator must be told.

import Dispatch
import Synchronization
import Testing

@testable import Blocking

@Suite struct SharesTests {
    /// A pool in which jobs of one owner wait for a latch; opened at the end whatever happens.
    private static func withStuck(
        _ jobs: Int, threads: Int, _ body: (BlockingPool, BlockingPool) async throws -> Void
    ) async throws {
        let pool = BlockingPool(threadCount: threads)
        let dead = pool.share(of: "dead")
        let latch = DispatchSemaphore(value: 0)
        let ended = (0..<jobs).map { _ in Task { try await dead.run { latch.wait() } } }
        let result: Result<Void, any Error>
        do { result = .success(try await body(pool, dead)) } catch { result = .failure(error) }
        for _ in 0..<jobs { latch.signal() }
        for task in ended { try await task.value }
        await pool.shutdown()
        try result.get()
    }

    /// Waits for a condition; fails the test where it does not come about within a minute.
    private static func wait(for what: String, until condition: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while !condition() {
            try #require(ContinuousClock.now < end, "waited in vain for \(what)")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test("work that hangs occupies at most half of the threads, and others go past what waits behind it")
    func othersGoOn() async throws {
        try await Self.withStuck(20, threads: 4) { pool, dead in
            try await Self.wait(for: "two threads to hang") { pool.runningJobs == 2 && pool.waitingJobs == 18 }
            #expect(pool.threadsPerOwner == 2)
            for _ in 0..<50 { #expect(try await pool.share(of: "alive").run { 7 } == 7) }
            #expect(try await pool.run { 8 } == 8)
            // Another share of the same owner is no way around it.
            #expect(pool.runningJobs == 2 && pool.waitingJobs == 18)
        }
    }

    @Test("threads that hang are told of, by owner")
    func stuck() async throws {
        try await Self.withStuck(3, threads: 4) { pool, _ in
            try await Self.wait(for: "two threads to hang") { pool.runningJobs == 2 }
            let now = ContinuousClock.now
            #expect(pool.stuck(now: now).count == 0)
            let later = pool.stuck(now: now + BlockingPool.stuckAfter + .seconds(1))
            #expect(later.threads == ["dead": 2] && later.ownThreads == 0 && later.count == 2)
        }
    }

    @Test("everything of an owner runs in the order it came, and its place is free again at the end")
    func order() async throws {
        let pool = BlockingPool(threadCount: 2)
        let share = pool.share(of: "x")
        let seen = Mutex<[Int]>([])
        let gate = DispatchSemaphore(value: 0)
        share.begin { _ in gate.wait() }
        for number in 0..<1000 { share.begin { _ in seen.withLock { $0.append(number) } } }
        gate.signal()
        try await Self.wait(for: "all jobs") { seen.withLock { $0.count } == 1000 }
        #expect(seen.withLock { $0 } == Array(0..<1000))
        try await Self.wait(for: "the counters") { pool.runningJobs == 0 && pool.waitingJobs == 0 }
        #expect(pool.stuck(now: .now + .seconds(3600)).count == 0)
        await pool.shutdown()
    }

    @Test("what waits in line when the threads end is told so, however much it is")
    func shutdown() async throws {
        let pool = BlockingPool(threadCount: 2)
        let share = pool.share(of: "x")
        let gate = DispatchSemaphore(value: 0)
        share.begin { _ in gate.wait() }
        let waiting = (0..<20_000).map { _ in Task { try await share.run {} } }
        try await Self.wait(for: "the line") { pool.waitingJobs >= 20_000 }
        let ending = Task { await pool.shutdown() }
        gate.signal()
        await ending.value
        var failed = 0
        for task in waiting {
            do { try await task.value } catch is PoolWasShutDown { failed += 1 }
        }
        #expect(failed <= 20_000)
        #expect(pool.waitingJobs == 0 && pool.runningJobs == 0)
        await #expect(throws: PoolWasShutDown.self) { try await share.run {} }
    }
}
