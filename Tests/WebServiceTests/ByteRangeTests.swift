import Testing

@testable import WebService

@Suite struct ByteRangeTests {
    @Test(
        "RFC 9110 §14.1.2",
        arguments: [
            ("bytes=0-499", 1000, ByteRange.bytes(first: 0, count: 500)),
            ("bytes=500-", 1000, .bytes(first: 500, count: 500)),
            ("bytes=-1", 1000, .bytes(first: 999, count: 1)), ("bytes=-5000", 1000, .bytes(first: 0, count: 1000)),
            ("bytes=0-5000", 1000, .bytes(first: 0, count: 1000)),
            ("bytes=999-999", 1000, .bytes(first: 999, count: 1)),
            ("Bytes=0-0", 1000, .bytes(first: 0, count: 1)), ("bytes=1000-", 1000, .unsatisfiable),
            ("bytes=0-", 0, .unsatisfiable), ("bytes=-0", 1000, .unsatisfiable), ("bytes=-3", 0, .unsatisfiable),
            ("bytes=0-1,5-6", 1000, .ignored), ("bytes=5-2", 1000, .ignored), ("bytes=a-b", 1000, .ignored),
            ("bytes=-", 1000, .ignored), ("bytes=", 1000, .ignored), ("items=0-1", 1000, .ignored),
            ("bytes=0x1-2", 1000, .ignored), ("bytes=99999999999999999999999-", 1000, .unsatisfiable),
            ("bytes=0-99999999999999999999999", 1000, .bytes(first: 0, count: 1000)),
            ("bytes=0-", .max, .bytes(first: 0, count: .max)), ("bytes=-1", .max, .bytes(first: .max - 1, count: 1)),
            ("bytes=-18446744073709551615", .max, .bytes(first: 0, count: .max)),
            ("bytes=18446744073709551614-18446744073709551615", .max, .bytes(first: .max - 1, count: 1)),
        ])
    func parses(header: String, size: UInt64, expected: ByteRange) {
        #expect(ByteRange(header, of: size) == expected)
    }
}
