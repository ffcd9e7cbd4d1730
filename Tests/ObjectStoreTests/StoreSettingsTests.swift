import AnnexProtocol
import Testing

@testable import ObjectStore

@Suite struct StoreSettingsTests {
    @Test(
        arguments: [
            (nil, .group), ("false", .umask), ("umask", .umask), ("0", .umask), ("", .umask), ("no", .umask),
            ("true", .group), ("group", .group), ("1", .group), ("Group", .group), ("2", .all), ("world", .all),
            ("everybody", .all), ("all", .all), ("0660", .octal(0o660)), ("0640", .octal(0o640)),
            ("0600", .octal(0o600)),
            ("660", .octal(0o660)), ("0770", .octal(0o660)), ("0400", .umask), ("9", .umask), ("nonsense", .umask),
        ] as [(String?, SharedRepository)])
    func parsesSharing(text: String?, sharing: SharedRepository) {
        #expect(SharedRepository(parsing: text) == sharing)
    }

    @Test(
        "spec 01 #48: which backends are secure",
        arguments: [
            ("SHA256-s3--a", true), ("SHA256E-s3--a.txt", true), ("BLAKE2BP512E-s3--a", true), ("BLAKE3_256--a", true),
            ("SHA3_256--a", true), ("GITBUNDLE-s3--u-a", true), ("VURL--a", true), ("SHA1-s3--a", false),
            ("MD5E-s3--a", false), ("WORM-s3-m1--a", false), ("URL--a", false), ("XXH3--a", false), ("FOO--a", false),
            ("sha256--a", false), ("XFOO--a", false), ("GITMANIFEST--u", false), ("SHA256EE--a", false),
        ])
    func secureBackends(text: String, isSecure: Bool) throws {
        #expect(try Key(parsing: text).hasSecureHash == isSecure)
    }

    @Test(
        "spec 01 #42: client UUIDs as directory names",
        arguments: [
            ("ee953046-f26d-4c56-aaf7-32b6ac423ba9", true), ("x", true), ("A-1", true), ("..", false), (".", false),
            ("", false),
            ("../../x", false), ("a/b", false), ("-a", false), ("lck", false), ("a b", false), ("ä", false),
            (String(repeating: "a", count: 64), true), (String(repeating: "a", count: 65), false),
        ])
    func directoryNames(client: String, isKept: Bool) {
        let name = TransferSlot.directoryName(Array(client.utf8))
        #expect(name == Array((isKept ? client : "unknown-client").utf8))
    }
}

@Suite struct RetentionTimeTests {
    @Test(
        "spec 01 #34: reads what git-annex writes",
        arguments: [
            ("1795333259.411606589s", 1_795_333_259, 411_606_589), ("1795333259s", 1_795_333_259, 0), ("17", 17, 0),
            ("17.5", 17, 500_000_000), ("17.0000000019s", 17, 1), ("0s", 0, 0),
            ("99999999999999999999999s", Int64.max, 0),
        ])
    func parses(text: String, seconds: Int64, nanoseconds: Int64) {
        #expect(RetentionTime(parsing: Array(text.utf8)) == RetentionTime(seconds: seconds, nanoseconds: nanoseconds))
    }

    @Test(arguments: ["", "s", "x", "-5s", "1.s", "1.5.5s", "1 2s", ".5s"])
    func refuses(text: String) { #expect(RetentionTime(parsing: Array(text.utf8)) == nil) }

    @Test(arguments: [
        (17, 0, "17s"), (17, 500_000_000, "17.5s"), (17, 40_500_000, "17.0405s"), (17, 1, "17.000000001s"),
    ])
    func writes(seconds: Int64, nanoseconds: Int64, text: String) {
        let time = RetentionTime(seconds: seconds, nanoseconds: nanoseconds)
        #expect(time.bytes == Array(text.utf8))
        #expect(RetentionTime(parsing: time.bytes) == time)
    }

    @Test func ordersAndAdds() {
        let time = RetentionTime(seconds: 5, nanoseconds: 9)
        #expect(time < RetentionTime(seconds: 6))
        #expect(RetentionTime(seconds: 5, nanoseconds: 8) < time)
        #expect(time.adding(seconds: 600) == RetentionTime(seconds: 605, nanoseconds: 9))
    }
}
