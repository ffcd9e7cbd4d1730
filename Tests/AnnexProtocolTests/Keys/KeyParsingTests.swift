import AnnexProtocol
import Testing

@Suite struct KeyParsingTests {
    @Test(
        "spec 01 #1: numbers lose their leading zeros",
        arguments: [
            ("SHA256-s007--x", "SHA256-s7--x"),
            ("SHA256-s000--x", "SHA256-s0--x"),
            ("SHA256-s3-S04-C01--x", "SHA256-s3-S4-C1--x"),
            ("WORM-s3-m99999999999999999999--x", "WORM-s3-m7766279631452241919--x"),
        ])
    func canonical(text: String, expected: String) throws {
        let key = try Key(parsing: text)
        #expect(key.description == expected)
        #expect(try key == Key(parsing: expected))
        #expect(try key.hashValue == Key(parsing: expected).hashValue)
    }

    @Test(
        "spec 01 §1.1: accepted as they are",
        arguments: [
            "SHA256--", "SHA256-s3-m5--x", "SHA256-s3-S4-C1--x", "SHA256-s3-S4--x", "SHA256-s3-C1--x",
            "SHA256-s3--a--b",
            "SHA256-s3--a/b", "SHA256-s3--../../x", "../../x--y", "..--x", "sha256-s3--a", "FOO-s3--a", "SHA256-s3----",
            "WORM-s3-m1600000000--foo", "SHA256-s9223372036854775807--x", "SHA256-s3--with spaces and ü",
        ])
    func accepted(text: String) throws { #expect(try Key(parsing: text).description == text) }

    @Test(
        "spec 01 #2: no keys",
        arguments: [
            "SHA256-m5-s3--x", "SHA256-s3-C1-S4--x", "SHA256-s-5--x", "SHA256-s+3--x", "SHA256-s3.5--x", "SHA256-s--x",
            "SHA256-s3-x5--x", "SHA256-s3-foo", "--x", "-s3--x", "abc", "", "-", "--", "SHA256", "SHA256-", "SHA256-s3",
            "SHA256-s3-", "SHA256-s3-s3--x", "SHA256-s 3--x", "SHA256-s3 --x", "SHA256-x--y",
        ])
    func rejected(text: String) { #expect(throws: KeyError.notAKey) { try Key(parsing: text) } }

    @Test(
        "spec 01 #3: an extension of 64 bytes with its dot, not of 65, where the backend ends in E",
        arguments: [
            ("SHA256E-s3--abc", true), ("XFOOE--abc", true), ("FOOE--a", true), ("E--a", true), ("XXH3E--a", true),
            ("FOO--a", false), ("SHA256--a", false), ("URL--a", false), ("WORM--a", false), ("VURL--a", false),
            ("GITBUNDLE--a", false), ("GITMANIFEST--a", false), ("XFOO--a", false),
        ])
    func extensions(start: String, isLimited: Bool) throws {
        #expect(try Key(parsing: start + "." + letters(63)).description == start + "." + letters(63))
        // It is counted from the first dot.
        for name in [letters(64), "b." + letters(62)] {
            let text = start + "." + name
            if isLimited {
                #expect(throws: KeyError.extensionTooLong) { try Key(parsing: text) }
            } else {
                #expect(try Key(parsing: text).description == text)
            }
        }
    }

    @Test("spec 01 #4: bytes and lengths that cannot be stored")
    func unstorable() throws {
        for byte: UInt8 in [0, 10, 13] {
            #expect(throws: KeyError.forbiddenByte) { try Key(parsing: Array("FOO--a".utf8) + [byte]) }
            #expect(throws: KeyError.forbiddenByte) { try Key(parsing: [byte] + Array("FOO--a".utf8)) }
        }
        #expect(try Key(parsing: "FOO--" + letters(250)).fileName.count == 255)
        #expect(throws: KeyError.nameTooLong) { try Key(parsing: "FOO--" + letters(251)) }
        #expect(try Key(parsing: "FOO--:" + letters(248)).fileName.count == 255)
        #expect(throws: KeyError.nameTooLong) { try Key(parsing: "FOO--:" + letters(249)) }
        #expect(throws: KeyError.numberTooLarge) { try Key(parsing: "SHA256-s9223372036854775808--x") }
        #expect(throws: KeyError.numberTooLarge) { try Key(parsing: "SHA256-s99999999999999999999999--x") }
        // Its mtime would wrap to a number with a sign, which no parser takes back.
        #expect(throws: KeyError.numberTooLarge) { try Key(parsing: "WORM-s3-m9223372036854775808--x") }
    }

    @Test("the parts of a key")
    func parts() throws {
        let key = try Key(parsing: "SHA256E-s10-m7-S4-C2--ab.tar.gz")
        #expect(key.backend.name == Array("SHA256E".utf8))
        #expect(key.size == 10)
        #expect(key.mtime == 7)
        #expect(key.chunk?.size == 4)
        #expect(key.chunk?.number == 2)
        #expect(Array(key.name) == Array("ab.tar.gz".utf8))
        #expect(key.bytesWithoutChunk == Array("SHA256E-s10-m7--ab.tar.gz".utf8))
        let plain = try Key(parsing: "WORM--x")
        #expect(plain.size == nil && plain.mtime == nil && plain.chunk == nil)
    }

    @Test("random bytes never do harm, and what parses is its own canonical form")
    func randomBytes() throws {
        let pieces: [[UInt8]] = [
            "SHA256", "-", "--", "-s", "-m", "-S", "-C", "1", "0", ".", "/", "&", "%", ":", "E", "é",
        ]
        .map { Array($0.utf8) }
        var parsed = 0
        for round in 0..<20_000 {
            let bytes: [UInt8] =
                round % 2 == 0
                ? (0..<Int.random(in: 0...40)).map { _ in UInt8.random(in: 0...255) }
                : (0..<Int.random(in: 0...9)).flatMap { _ in pieces.randomElement() ?? [] }
            guard let key = try? Key(parsing: bytes) else { continue }
            parsed += 1
            #expect(try Key(parsing: key.bytes) == key)
            #expect(try Key(parsing: key.bytes[...]).bytes == key.bytes)
            #expect(try Key(fileName: key.fileName) == key)
            #expect(!key.fileName.contains(UInt8(ascii: "/")))
        }
        #expect(parsed > 100)
    }

    private func letters(_ count: Int) -> String { String(repeating: "a", count: count) }
}
