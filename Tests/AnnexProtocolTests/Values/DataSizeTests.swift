import AnnexProtocol
import Testing

@Suite struct DataSizeTests {
    @Test(arguments: [
        ("0", 0), ("20", 20), ("100MB", 100_000_000), ("100 mb", 100_000_000), ("1 kB", 1000), ("1k", 1000),
        ("1.5gb", 1_500_000_000), ("10 Gi", 10 << 30), ("1GiB", 1 << 30), ("3 megabytes", 3_000_000),
        ("1 kibibyte", 1024), ("1e3", 1000), ("2e", 2_000_000_000_000_000_000), ("1.5e3kb", 1_500_000), ("2 kbit", 250),
        ("1 byte", 1), ("7b", 7),
        ("-5", -5), ("2.5", 2), ("3.5", 4), ("1000TB", 1_000_000_000_000_000), ("1 EB", 1_000_000_000_000_000_000),
        ("1QB", Int64.max), ("99999999999999999999", Int64.max), ("  8 MB ", 8_000_000),
    ])
    func parses(text: String, bytes: Int64) { #expect(DataSize.parse(text) == bytes) }

    @Test(arguments: ["", "MB", ".5gb", "1.gb", "1 parsec", "1 2", "x", "1MBs", "--1", "1e+"])
    func refuses(text: String) { #expect(DataSize.parse(text) == nil) }

    @Test(arguments: [
        (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1 kB"), (18_600_000, "18.6 MB"),
        (1_010_000, "1.01 MB"), (1_001_000, "1.01 MB"), (2_000_000_000, "2 GB"), (UInt64.max, "18.45 EB"),
    ])
    func describes(bytes: UInt64, text: String) { #expect(DataSize.describe(bytes) == text) }

    @Test("sizes as text: whatever the digits, the sign, the fraction, the exponent and the unit are")
    func sizesAsText() {
        let numbers = [
            "0", "1", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e308", "1e309", "1e-400",
            "0e999999999", "99999999999999999999999999999999999999999", "0.0000000000000000000000001",
            "1.7976931348623157e308",
            "1e99999999999999999999", "9007199254740993.5",
        ]
        let units = ["", "b", "kB", "MiB", "GB", "eb", "EiB", "yb", "YiB", "quettabyte", "bits", "ybit", "e", "x"]
        for number in numbers {
            for unit in units {
                for text in ["\(number)\(unit)", "-\(number) \(unit)", " \(number)\t\(unit) "] {
                    guard let size = DataSize.parse(text) else { continue }
                    #expect(size > .min && (text.contains("-\(number)") ? size <= 0 : size >= 0), "\(text)")
                }
            }
        }
        #expect(DataSize.parse("9eb") == 9_000_000_000_000_000_000)
        #expect(DataSize.parse("10eb") == .max)
    }
}
