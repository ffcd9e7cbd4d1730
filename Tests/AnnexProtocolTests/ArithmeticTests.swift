// Attack: numbers at the ends of what their types hold, in keys, logs, headers and requests. Each is taken, cut off or
// refused.

import AnnexProtocol
import Testing

@Suite struct ArithmeticTests {
    @Test("clocks at the ends are written, read back, and followed by another", arguments: [Int64.min, -1, 0, .max])
    func clocks(seconds: Int64) throws {
        let clock = BranchTimestamp(seconds: seconds)
        #expect(BranchTimestamp(parsing: clock.serialized[...]) == clock)
        let next = BranchTimestamp.next(candidate: BranchTimestamp(seconds: 5), after: clock)
        #expect(next > clock || seconds < 5 && next == BranchTimestamp(seconds: 5))
        #expect(BranchTimestamp(parsing: next.serialized[...]) == next)
        let last = BranchTimestamp(picoseconds: Int128.max / 2)
        #expect(BranchTimestamp.next(candidate: clock, after: last) >= last)
    }

    @Test(
        "counts at the ends",
        arguments: [
            ("-9223372036854775807", 1), ("-9223372036854775808", nil), ("9223372036854775807", Int.max),
            ("9223372036854775808", nil), ("18446744073709551615", nil),
        ])
    func counts(text: String, count: Int?) {
        #expect(CountLog(parsing: Array("1s \(text)\n".utf8)).record?.count == count)
    }

    @Test(
        "lengths of uploads at the ends",
        arguments: [
            ("9223372036854775807", Int64.max), ("9223372036854775808", .max), ("99999999999999999999", .max),
            ("-9223372036854775808", -.max), ("-99999999999999999999", -.max), ("-0", 0),
        ])
    func lengths(text: String, length: Int64) throws {
        #expect(try DataLengthHeader.parse(Array(text.utf8)) == length)
    }

    @Test("keys with sizes, times and chunks at the ends")
    func keys() throws {
        let largest = try Key(parsing: "WORM-s9223372036854775807-m9223372036854775807-S9223372036854775807-C1--x")
        #expect(largest.size == UInt64(Int64.max))
        #expect(try Key(parsing: largest.description) == largest)
        for text in ["WORM-s9223372036854775808--x", "WORM-s18446744073709551616--x"] {
            #expect(throws: (any Error).self) { try Key(parsing: text) }
        }
    }
}
