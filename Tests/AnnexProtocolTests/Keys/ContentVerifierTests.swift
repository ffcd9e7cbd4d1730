import AnnexDigest
import AnnexProtocol
import Testing

@Suite struct ContentVerifierTests {
    private static let foo = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

    @Test("spec 01 #7: every backend verifies, and one flipped bit does not", arguments: DigestAlgorithm.allCases)
    func everyBackend(algorithm: DigestAlgorithm) throws {
        let content = (0..<5000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let digest = String(decoding: hexadecimal(StreamingDigest.digest(algorithm, of: content)), as: UTF8.self)
        for name in ["\(algorithm.rawValue)-s5000--\(digest)", "\(algorithm.rawValue)E--\(digest).tar.gz"] {
            #expect(try verdict(name, content) == .accepted)
            var flipped = content
            flipped[Int.random(in: 0..<5000)] ^= 1 << UInt8.random(in: 0..<8)
            #expect(try verdict(name, flipped) == .wrongDigest)
        }
    }

    @Test(
        "spec 01 #9: what may surround the digest",
        arguments: [
            ("SHA256-s3--\(foo).txt", true), ("SHA256-s3--\\\(foo)", true), ("SHA256E-s3--\\\(foo).b.c", true),
            ("SHA256-s3--\\\\\(foo)", false), ("SHA256-s3--\(foo.uppercased())", false),
            ("SHA256-s3--\(foo.dropLast())", false),
            ("SHA256-s3--\(foo)0", false), ("SHA256-s3--", false), ("SHA256-s3--.\(foo)", false),
            ("SHA256-s3--\\", false),
        ])
    func spelling(key: String, isRight: Bool) throws {
        #expect(try verdict(key, Array("foo".utf8)) == (isRight ? .accepted : .wrongDigest))
    }

    @Test(
        "spec 01 #10, #13: only the size counts where the name tells no digest",
        arguments: [
            "WORM-s3-m1--x", "URL-s3--x", "FOO-s3--x", "GITMANIFEST-s3--u", "XFOO-s3--\(foo)", "VURL-s3--x",
        ])
    func sizeOnly(key: String) throws {
        #expect(try verdict(key, [1, 2, 3]) == .accepted)
        #expect(try verdict(key, [1, 2, 3, 4]) == .wrongSize(expected: 3, received: 4))
        #expect(try verdict(key, []) == .wrongSize(expected: 3, received: 0))
        #expect(try !ContentVerifier(Key(parsing: key)).isVerifiable)
    }

    @Test("spec 01 #11: bundles and manifests of git")
    func bundles() throws {
        let content = Array("foo".utf8)
        #expect(try verdict("GITBUNDLE-s3--a-b-c-\(Self.foo)", content) == .accepted)
        #expect(try verdict("GITBUNDLE-s3--a-b-c-\(Self.foo)x", content) == .wrongDigest)
        #expect(try verdict("GITBUNDLE-s3--a-b-c", content) == .wrongDigest)
        #expect(try verdict("GITMANIFEST--u", content) == .accepted)
        #expect(try ContentVerifier(Key(parsing: "GITBUNDLE--u-\(Self.foo)")).isVerifiable)
    }

    @Test("spec 01 #12: a VURL key is verified by any equivalent key")
    func equivalents() throws {
        let content = Array("foo".utf8)
        let right = try Key(parsing: "SHA256-s3--\(Self.foo)")
        let wrong = try Key(parsing: "SHA256-s3--\(Self.foo.reversed())")
        let wrongSize = try Key(parsing: "SHA256-s4--\(Self.foo)")
        let md5 = try Key(parsing: "MD5--acbd18db4cc2f85cedef654fccc4a4d8")
        let vurl = try Key(parsing: "VURL--y")
        #expect(try verdict("VURL--x", content) == .accepted)
        #expect(try verdict("VURL--x", content, [vurl]) == .accepted)
        #expect(try verdict("VURL--x", content, [wrong]) == .wrongDigest)
        // As the stock program does: the equivalent's digest decides, and one without a digest proves nothing.
        #expect(try verdict("VURL--x", content, [wrongSize]) == .accepted)
        let worm = try Key(parsing: "WORM-s3-m1--x")
        #expect(try verdict("VURL--x", content, [worm]) == .wrongDigest)
        #expect(try verdict("VURL--x", content, [wrong, worm]) == .wrongDigest)
        #expect(ContentVerifier(try Key(parsing: "VURL--x"), equivalentKeys: [worm]).isVerifiable)
        #expect(try verdict("VURL--x", content, [wrong, vurl, right]) == .accepted)
        #expect(try verdict("VURL--x", content, [wrong, md5]) == .accepted)
        #expect(try verdict("VURL-s4--x", content, [right]) == .wrongSize(expected: 4, received: 3))
        #expect(ContentVerifier(try Key(parsing: "VURL--x"), equivalentKeys: [right, md5, vurl]).isVerifiable)
        // Other keys have no equivalents.
        #expect(try verdict("SHA256--\(Self.foo)x", content, [right]) == .wrongDigest)
    }

    @Test("spec 01 #14: empty content")
    func empty() throws {
        let name = "SHA256-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        #expect(try verdict(name, []) == .accepted)
        #expect(try verdict(name, [0]) == .wrongSize(expected: 0, received: 1))
    }

    @Test("spec 01 §1.5: a chunk key's size is that of the file")
    func chunk() throws {
        let name = "SHA256-s3-S1-C1--ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(try verdict(name, Array("abc".utf8)) == .accepted)
    }

    /// Feeds the content in random pieces.
    private func verdict(
        _ key: String, _ content: [UInt8], _ equivalentKeys: [Key] = []
    ) throws -> ContentVerifier.Verdict {
        let verifier = ContentVerifier(try Key(parsing: key), equivalentKeys: equivalentKeys)
        content.withUnsafeBytes { all in
            var rest = all[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...1500))
                verifier.update(UnsafeRawBufferPointer(rebasing: piece))
                rest = rest[piece.endIndex...]
            }
        }
        #expect(verifier.received == UInt64(content.count))
        return verifier.finish()
    }
}
