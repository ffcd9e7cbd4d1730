import AnnexProtocol
import Testing

@Suite struct BranchTimestampTests {
    @Test(
        "spec 02 #7 #9: accepted clocks and their output form",
        arguments: [
            ("1287290776.765152s", "1287290776.765152s"), ("1287290776.765152", "1287290776.765152s"), ("100", "100s"),
            ("100s", "100s"), ("+100s", "100s"), ("-5s", "-5s"), ("100.25s", "100.25s"), ("200.50s", "200.5s"),
            ("0100.000", "100s"), ("-0.5", "-0.5s"), ("1.000000000001", "1.000000000001s"),
        ])
    func accepts(text: String, output: String) throws {
        let clock = try #require(BranchTimestamp(parsing: Array(text.utf8)[...]))
        #expect(clock.description == output)
        #expect(BranchTimestamp(parsing: clock.serialized[...]) == clock)
    }

    @Test(
        "spec 02 #7: refused clocks",
        arguments: [
            "100.s", "1e3s", "xs", "100s1", "", "s", "+", "--5", ".5", "1.2.3", "100 ",
            String(repeating: "9", count: 60),
        ])
    func refuses(text: String) { #expect(BranchTimestamp(parsing: Array(text.utf8)[...]) == nil) }

    @Test("spec 02 #8: exact decimal comparison to the picosecond")
    func compares() throws {
        func clock(_ text: String) throws -> BranchTimestamp {
            try #require(BranchTimestamp(parsing: Array(text.utf8)[...]))
        }
        #expect(try clock("100.5") > clock("100.05"))
        #expect(try clock("1.1234567890120004") == clock("1.1234567890120001"))
        #expect(try clock("-6") < clock("-5"))
    }

    @Test("spec 02 #10 #11: a clock that is not newer becomes the previous one plus a second")
    func next() throws {
        let now = BranchTimestamp(seconds: 100)
        #expect(BranchTimestamp.next(candidate: now, after: nil) == now)
        #expect(BranchTimestamp.next(candidate: now, after: BranchTimestamp(seconds: 99)) == now)
        #expect(BranchTimestamp.next(candidate: now, after: now).description == "101s")
        let ahead = try #require(BranchTimestamp(parsing: Array("200.25s".utf8)[...]))
        #expect(BranchTimestamp.next(candidate: now, after: ahead).description == "201.25s")
    }

    /// A pushed line with a clock at the end of time must not make those unreadable that we write after it.
    @Test("after the last clock comes one that can still be read", arguments: ["", ".999999999999", ".999999999998"])
    func last(fraction: String) throws {
        let text = Array((String(repeating: "9", count: 24) + fraction + "s").utf8)
        let last = try #require(BranchTimestamp(parsing: text[...]))
        let next = BranchTimestamp.next(candidate: BranchTimestamp(seconds: 100), after: last)
        #expect(next >= last)
        #expect(BranchTimestamp(parsing: next.serialized[...]) == next)
        var log = PresenceLog(parsing: text + Array(" 0 u\n".utf8))
        log.markDead()
        #expect(PresenceLog(parsing: log.serialized)[Array("u".utf8)] == .dead)
        log.set(Array("u".utf8), to: .present, now: BranchTimestamp(seconds: 100))
        #expect(PresenceLog(parsing: log.serialized)[Array("u".utf8)] == .present)
    }
}
