import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPTransport

@Suite struct ConnectionDeadlinesTests {
    private func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

    private func fresh() -> ConnectionDeadlines {
        var limits = ConnectionDeadlines.Limits()
        limits.idle = .seconds(180)
        limits.head = .seconds(30)
        limits.body = .seconds(300)
        limits.write = .seconds(400)
        limits.linger = .seconds(2)
        return ConnectionDeadlines(limits: limits)
    }

    @Test func idleConnectionLivesItsTime() {
        var deadlines = fresh()
        deadlines.waitForRequest(at: at(10))
        #expect(deadlines.next == at(190))
        #expect(deadlines.expired(at: at(189)) == nil)
        #expect(deadlines.expired(at: at(190)) == .idle)
    }

    @Test func drippingHeadDoesNotProlongItsTime() {
        var deadlines = fresh()
        deadlines.waitForRequest(at: at(0))
        deadlines.headBegan(at: at(5))
        deadlines.headBegan(at: at(20))
        #expect(deadlines.expired(at: at(34)) == nil)
        #expect(deadlines.expired(at: at(35)) == .head)
        deadlines.requestBegan()
        #expect(deadlines.next == nil)
        #expect(deadlines.expired(at: at(10_000)) == nil)
    }

    @Test func bodyTimeCountsPerWait() {
        var deadlines = fresh()
        deadlines.requestBegan()
        deadlines.waitForBody(at: at(0))
        deadlines.bodyArrived()
        #expect(deadlines.expired(at: at(1000)) == nil)
        deadlines.waitForBody(at: at(1000))
        #expect(deadlines.next == at(1300))
        #expect(deadlines.expired(at: at(1300)) == .body)
    }

    @Test func writesExpireOnlyWithoutProgress() {
        var deadlines = fresh()
        deadlines.observe(unsent: 100, at: at(0))
        #expect(deadlines.next == at(100))
        deadlines.observe(unsent: 100, at: at(100))
        deadlines.observe(unsent: 99, at: at(200))
        deadlines.observe(unsent: 99, at: at(599))
        #expect(deadlines.expired(at: at(599)) == nil)
        #expect(deadlines.next == at(600))
        deadlines.observe(unsent: 99, at: at(600))
        #expect(deadlines.expired(at: at(600)) == .write)
        deadlines.observe(unsent: 0, at: at(601))
        #expect(deadlines.next == nil)
    }

    @Test func lingeringEnds() {
        var deadlines = fresh()
        deadlines.waitForBody(at: at(0))
        deadlines.beginLinger(at: at(1))
        #expect(deadlines.next == at(3))
        #expect(deadlines.expired(at: at(3)) == .linger)
        deadlines.waitForRequest(at: at(3))
        #expect(deadlines.next == at(183))
    }
}
