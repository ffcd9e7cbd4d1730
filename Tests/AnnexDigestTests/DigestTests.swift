import AnnexDigest
import Testing

@Suite struct DigestTests {
    /// The test vectors of the specification: the digests of `foo`.
    private static let foo: [(DigestAlgorithm, String)] = [
        (.sha1, "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33"),
        (.md5, "acbd18db4cc2f85cedef654fccc4a4d8"),
        (.sha224, "0808f64e60d58979fcb676c96ec938270dea42445aeefcd3a4e6f8db"),
        (.sha256, "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"),
        (.sha3x224, "f4f6779e153c391bbd29c95e72b0708e39d9166c7cea51d1f10ef58a"),
        (.sha3x256, "76d3bc41c9f588f7fcd0d5bf4718f8f84b1c41b20882703100b9eb9413807c01"),
        (.skein256, "a04efd9a0aeed6ede40fe5ce0d9361ae7b7d88b524aa19917b9315f1ecf00d33"),
        (
            .skein512,
            "fd8956898113510180aa4658e6c0ac85bd74fb47f4a4ba264a6b705d7a8e8526"
                + "756e75aecda12cff4f1aca1a4c2830fbf57f458012a66b2b15a3dd7d251690a7"
        ),
        (.blake2b160, "983ceba2afea8694cc933336b27b907f90c53a88"),
        (.blake2b256, "b8fe9f7f6255a6fa08f668ab632a8d081ad87983c77cd274e48ce450f0b349fd"),
        (.blake2s160, "52fb63154f958a5c56864597273ea759e52c6f00"),
        (.blake2s256, "08d6cad88075de8f192db097573d0e829411cd91eb6ec65e8fc16c017edfdb74"),
        (.blake2sp224, "8492d356fbac99f046f55e114301f7596649cb590e5b083d1a19dcdb"),
        (.blake2sp256, "050dc5786037ea72cb9ed9d0324afcab03c97ec02e8c47368fc5dfb4cf49d8c9"),
        (
            .blake2bp512,
            "8ca9ccee7946afcb686fe7556628b5ba1bf9a691da37ca58cd049354d99f3704"
                + "2c007427e5f219b9ab5063707ec6823872dee413ee014b4d02f2ebb6abb5f643"
        ),
        (.blake3x256, "04e0bb39f30b1a3feb89f536c93be15055482df748674b00d26e5a75777702e9"),
        (.xxh3, "ab6e5f64077e7d8a"),
    ]

    @Test("spec 01 #7: the vectors of section 1.4", arguments: foo)
    func specified(algorithm: DigestAlgorithm, expected: String) {
        #expect(text(StreamingDigest.digest(algorithm, of: "foo".utf8)) == expected)
    }

    /// Published vectors: FIPS 180-4, FIPS 202, RFC 1321, RFC 7693 and the BLAKE3 and Skein papers.
    private static let published: [(DigestAlgorithm, [UInt8], String)] = [
        (.md5, Array("abc".utf8), "900150983cd24fb0d6963f7d28e17f72"),
        (.sha1, Array("abc".utf8), "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (.sha224, Array("abc".utf8), "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        (.sha256, Array("abc".utf8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (.sha3x256, Array("abc".utf8), "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        (.blake2s256, Array("abc".utf8), "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"),
        (.blake3x256, Array("abc".utf8), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
        (.skein256, [0xff], "0b98dcd198ea0e50a7a244c444e25c23da30c10fc9a1f270a6637f1f34e67ed2"),
    ]

    @Test("published vectors", arguments: published)
    func agreesWithPublished(algorithm: DigestAlgorithm, input: [UInt8], expected: String) {
        #expect(text(StreamingDigest.digest(algorithm, of: input)) == expected)
    }

    @Test("spec 01 #7 and #8: the same as the stock program, up to 1 MiB", arguments: StockVectors.all)
    func stock(vector: StockVectors.Vector) {
        #expect(text(StreamingDigest.digest(vector.algorithm, of: StockVectors.pattern(vector.count))) == vector.digest)
    }

    @Test("every algorithm has stock vectors")
    func everyAlgorithmIsCovered() {
        #expect(Set(StockVectors.all.map(\.algorithm)) == Set(DigestAlgorithm.allCases))
        #expect(DigestAlgorithm.allCases.count == 25)
    }

    @Test("any division into pieces gives the same digest", arguments: DigestAlgorithm.allCases)
    func divided(algorithm: DigestAlgorithm) {
        let bytes = StockVectors.pattern(10_011)
        let whole = StreamingDigest.digest(algorithm, of: bytes)
        #expect(whole.count == algorithm.byteCount)
        let limits = [3, 65, 513, 1025, 4097, 9000]
        for limit in limits {
            let digest = StreamingDigest(algorithm)
            bytes.withUnsafeBytes { all in
                var start = 0
                while start < all.count {
                    let end = min(all.count, start + Int.random(in: 0...limit))
                    digest.update(UnsafeRawBufferPointer(rebasing: all[start..<end]))
                    start = end
                }
            }
            #expect(digest.finalize() == whole, "pieces up to \(limit)")
        }
    }

    @Test("pieces that begin right after a block or a chunk", arguments: DigestAlgorithm.allCases)
    func dividedAtBoundaries(algorithm: DigestAlgorithm) {
        let bytes = StockVectors.pattern(9 * 1024 + 1)
        for first in [0, 31, 32, 33, 64, 512, 1023, 1024, 1025, 4096, 5120] {
            for count in [first, first + 1, first + 64, bytes.count] {
                let digest = StreamingDigest(algorithm)
                bytes.withUnsafeBytes { all in
                    digest.update(UnsafeRawBufferPointer(rebasing: all[..<first]))
                    digest.update(UnsafeRawBufferPointer(rebasing: all[first..<count]))
                }
                #expect(digest.finalize() == StreamingDigest.digest(algorithm, of: bytes[..<count]))
            }
        }
    }

    @Test("a finished digest gives nothing more, so it can equal no other", arguments: DigestAlgorithm.allCases)
    func finishedTwice(algorithm: DigestAlgorithm) {
        let digest = StreamingDigest(algorithm)
        digest.update(UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(digest.finalize() == StreamingDigest.digest(algorithm, of: []))
        [1, 2, 3].withUnsafeBytes { digest.update($0) }
        #expect(digest.finalize() == [])
    }

    @Test("which digests are secure (spec 01 §1.4)")
    func secure() {
        #expect(DigestAlgorithm.allCases.filter { !$0.isSecure } == [.md5, .sha1, .xxh3])
    }

    @Test("the MD5 of hash directories is MD5, at every length around its blocks")
    func shortMD5() {
        for count in 0...200 {
            let bytes = StockVectors.pattern(count)
            let expected = StreamingDigest.digest(.md5, of: bytes)
            #expect(md5(bytes) == expected)
            #expect(md5(ScatteredBytes(bytes: bytes)) == expected)
            let word = expected[..<4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            #expect(md5Word(bytes) == word)
        }
    }

    private func text(_ digest: [UInt8]) -> String { String(decoding: hexadecimal(digest), as: UTF8.self) }
}

/// A collection that has no contiguous storage to lend.
private struct ScatteredBytes: Collection {
    var bytes: [UInt8]
    var startIndex: Int { 0 }
    var endIndex: Int { bytes.count }
    func index(after index: Int) -> Int { index + 1 }
    subscript(index: Int) -> UInt8 { bytes[index] }
}
