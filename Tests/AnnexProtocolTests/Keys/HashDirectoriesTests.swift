import AnnexProtocol
import Testing

@Suite struct HashDirectoriesTests {
    private static let rows = [
        ("SHA256E-s6--5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03", "zK/02", "992/280"),
        (
            "SHA256E-s30--2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881.tar.gz", "W4/3Z",
            "245/f8d"
        ),
        ("WORM-s3-m1600000000--foo", "4j/4x", "2cd/110"),
        ("URL--http://example.com/a%b&c:d", "Gp/Km", "73f/fe6"),
        ("SHA1--foo", "58/jf", "484/1b1"),
        ("FOO--bar", "JJ/g3", "d73/548"),
        ("SHA256-s1048576-S1024-C2--abc", "QW/8v", "bc0/523"),
        ("SHA256-s1048576--abc", "QW/8v", "bc0/523"),
    ]

    @Test("spec 01 #15: every row of the table", arguments: rows)
    func table(key: String, mixed: String, lower: String) throws {
        let directories = HashDirectories(of: try Key(parsing: key))
        #expect(text(directories.mixed()) == mixed)
        #expect(text(directories.lower()) == lower)
    }

    @Test("spec 01 §2: one level, where the repository is tuned so")
    func oneLevel() throws {
        let directories = HashDirectories(of: try Key(parsing: "SHA1--foo"))
        #expect(text(directories.mixed(levels: .one)) == "58")
        #expect(text(directories.lower(levels: .one)) == "484")
    }

    private func text(_ levels: [[UInt8]]) -> String {
        levels.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
    }
}
