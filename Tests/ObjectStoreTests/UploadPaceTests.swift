// What an upload announces, and what it takes. Attack: an upload announces as much as the disk has room for, and sends
// a byte now and then; everybody else is told that there is no room.

import AnnexProtocol
import Testing

@testable import ObjectStore

@Suite struct UploadPaceTests {
    private let start = ContinuousClock.now

    private func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test("an upload that sends next to nothing counts for little, however long it lasts")
    func stalled() {
        var meter = PaceMeter(at: start)
        #expect(meter.expected(at: start) == PaceMeter.allowance)
        for second in stride(from: 1.0, to: 4000, by: 100) {
            meter.advance(by: 1, at: after(second))
            #expect(meter.expected(at: after(second + 50)) < PaceMeter.allowance + 100)
        }
    }

    @Test("an upload counts for what it will get on by in ten minutes at its pace, and less once it stops")
    func steady() {
        var meter = PaceMeter(at: start)
        for second in 1...60 { meter.advance(by: 10_000_000, at: after(Double(second))) }
        let expected = meter.expected(at: after(60))
        #expect(expected > 5_000_000_000 && expected < 7_000_000_000, "\(expected)")
        _ = meter.expected(at: after(70))
        #expect(meter.expected(at: after(120)) < 10_000_000)
    }

    @Test func neitherZeroTimeNorHugeNumbersAreATrap() {
        var meter = PaceMeter(at: start)
        meter.advance(by: .max, at: start)
        meter.advance(by: .max, at: start)
        #expect(meter.expected(at: start) == .max)
    }

    @Test("one upload cannot keep the disk's room for itself; one that stalls leaves it to others")
    func room() throws {
        let fixture = try Fixture()
        let other = try Key(parsing: "URL--other")
        let paths = fixture.store.paths
        let huge = try Key(parsing: "SHA256-s1000000000--x")
        let reception = try fixture.begin(huge, length: 1_000_000_000, client: "A").reception
        try reception.append([1])
        // Its first byte may be the start of many; a moment's pace is that of a second.
        #expect(try TransferSlot.outstandingBytes(besides: other, paths) <= PaceMeter.allowance + 1000)
        reception.release()
        #expect(try TransferSlot.outstandingBytes(besides: other, paths) == 0)
    }
}
