import AnnexDigest
import AnnexProtocol
import Testing

@Suite struct BackendTests {
    @Test(
        "spec 01 §1.4: kinds",
        arguments: [
            ("SHA256", Backend.Kind.hash(.sha256)), ("SHA256E", .hash(.sha256)), ("XXH3", .hash(.xxh3)),
            ("XXH3E", .hash(.xxh3)), ("BLAKE3_256E", .hash(.blake3x256)), ("BLAKE2BP512", .hash(.blake2bp512)),
            ("SHA3_224E", .hash(.sha3x224)), ("WORM", .worm), ("URL", .url), ("VURL", .vurl), ("GITBUNDLE", .gitBundle),
            ("GITMANIFEST", .gitManifest), ("XFOO", .external), ("XFOOE", .external), ("FOO", .unknown),
            ("sha256", .unknown), ("WORME", .unknown), ("SHA256EE", .unknown),
        ])
    func kinds(name: String, kind: Backend.Kind) throws {
        #expect(try Key(parsing: name + "--x").backend.kind == kind)
    }

    @Test("spec 01 §1.4: a backend with and without extension for every digest", arguments: DigestAlgorithm.allCases)
    func hashes(algorithm: DigestAlgorithm) throws {
        for end in ["", "E"] {
            let backend = try Key(parsing: algorithm.rawValue + end + "--x").backend
            #expect(backend.digest == algorithm)
            #expect(backend.isSecure == algorithm.isSecure)
        }
    }

    @Test(
        "spec 01 #48: which keys are secure",
        arguments: [
            ("SHA256--x", true), ("GITBUNDLE--x", true), ("MD5--x", false), ("SHA1E--x", false), ("XXH3--x", false),
            ("WORM--x", false), ("URL--x", false), ("GITMANIFEST--x", false), ("XFOO--x", false), ("FOO--x", false),
        ])
    func secure(text: String, isSecure: Bool) throws { #expect(try Key(parsing: text).isSecure() == isSecure) }

    @Test("spec 01 §1.5: a VURL key is as secure as all its equivalents")
    func secureVURL() throws {
        let key = try Key(parsing: "VURL--x")
        let (sha256, md5) = (try Key(parsing: "SHA256--x"), try Key(parsing: "MD5--x"))
        #expect(!key.backend.isSecure)
        #expect(key.isSecure())
        #expect(key.isSecure(equivalentKeys: [sha256, key]))
        #expect(!key.isSecure(equivalentKeys: [sha256, md5]))
    }
}
