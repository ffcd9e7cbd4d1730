import Testing

@testable import WebService

@Suite struct ByteCountTests {
    @Test(
        "sizes for people, rounded up so that freeing what is said suffices",
        arguments: [
            (0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (1001, "1.1 kB"), (18_600_000, "18.6 MB"),
            (18_600_001, "18.7 MB"), (999_999, "1000.0 kB"), (1_000_000_000_000, "1.0 TB"),
            (UInt64(Int64.max), "9.3 EB"),
        ])
    func describes(value: UInt64, text: String) {
        #expect(ByteCount(value).description == text)
    }
}
