// A repository on a disk that does not answer any more. Requests for it wait; those for others must not, and the log
// must say which folder it is.

import Blocking
import Dispatch
import SystemPackage
import Testing

@testable import Hosting

@Suite struct StuckWorkTests {
    @Test("work of one repository that hangs leaves the threads of another alone")
    func others() async throws {
        let root = try Root()
        for text in ["dead", "alive"] { try await root.manager.create(name(text)) }
        let catalog = root.catalog
        let dead = try #require(try await catalog.repository(named: name("dead")))
        let alive = try #require(try await catalog.repository(named: name("alive")))
        let latch = DispatchSemaphore(value: 0)
        let hanging = (0..<20).map { _ in Task { try await dead.perform { latch.wait() } } }
        let pool = root.services.pool
        let end = ContinuousClock.now + .seconds(60)
        while pool.waitingJobs < 20 - pool.threadsPerOwner {
            try #require(ContinuousClock.now < end, "waited in vain for the work to hang")
            try await Task.sleep(for: .milliseconds(5))
        }
        // More of the same, through the catalog as requests do it.
        let more = (0..<5).map { _ in Task { try await catalog.repository(named: name("dead")) } }
        for _ in 0..<20 {
            #expect(try await catalog.repository(named: name("alive")) === alive)
            _ = try await alive.perform { try alive.currentSettings() }
        }
        try await root.manager.create(name("new"))
        #expect(try await catalog.repository(named: name("new")) != nil)
        let stuck = pool.stuck(now: .now + BlockingPool.stuckAfter + .seconds(1))
        #expect(stuck.threads == [dead.gitDirectory.string: pool.threadsPerOwner])
        for _ in hanging { latch.signal() }
        for task in hanging { try await task.value }
        for task in more { #expect(try await task.value === dead) }
    }

    @Test("each folder is told once, for as long as it is stuck")
    func news() {
        var first = StuckJobs()
        first.threads = ["/a": 2]
        var second = first
        second.threads["/b"] = 1
        second.ownThreads = 1
        #expect(Catalog.news(first, since: StuckJobs()).map(\.owner) == ["/a"])
        #expect(Catalog.news(second, since: first).map(\.owner) == ["/b", "the host's own"])
        #expect(Catalog.news(second, since: second).isEmpty)
        #expect(Catalog.news(StuckJobs(), since: second).isEmpty)
        #expect(Catalog.news(first, since: StuckJobs()).map(\.threads) == [2])
    }
}
