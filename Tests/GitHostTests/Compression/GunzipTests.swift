import CZlib
import Testing

@testable import GitHost

@Suite struct GunzipTests {
    @Test(arguments: [1, 2, 7, 1000, 1 << 20])
    func inflatesHoweverItIsCut(step: Int) throws {
        let plain = noise(300_000)
        #expect(try inflate(gzip(plain), step: step) == plain)
    }

    @Test func inflatesNothingAndSeveralMembers() throws {
        #expect(try inflate(gzip([]), step: 3) == [])
        #expect(try inflate(gzip([1, 2]) + gzip([]) + gzip([3]), step: 5) == [1, 2, 3])
        #expect(try inflate(gzip([1, 2]) + gzip([3]), step: 1000) == [1, 2, 3])
    }

    @Test func largeContentWithFewInputBytesComesOutWhole() throws {
        let plain = [UInt8](repeating: 0, count: 1 << 20)
        #expect(try inflate(gzip(plain), step: 1 << 20) == plain)
    }

    @Test func aTruncatedBodyIsNoticed() throws {
        let packed = gzip(noise(1000))
        for count in [0, 1, 5, 10, 500, packed.count - 1] {
            #expect(throws: Gunzip.Failure.truncated) { try inflate(Array(packed.prefix(count)), step: 100) }
        }
    }

    @Test func otherBytesAreRefused() throws {
        let packed = gzip([1, 2, 3])
        var wrongSum = packed
        wrongSum[packed.count - 5] ^= 1
        let zlibOnly: [UInt8] = [0x78, 0x9c, 3, 0, 0, 0, 0, 1]
        for bytes in [wrongSum, packed + [1, 2, 3], packed + [0, 0], Array("hello, world".utf8), zlibOnly] {
            #expect(throws: Gunzip.Failure.malformed) { try inflate(bytes, step: 4) }
        }
    }

    @Test func aBombIsRefused() throws {
        let bomb = gzip([UInt8](repeating: 0, count: 40 << 20))
        #expect(throws: Gunzip.Failure.tooLarge) { try inflate(bomb, step: 1 << 20) }
        #expect(throws: Gunzip.Failure.tooLarge) { try inflate(bomb, step: 10) }
        #expect(throws: Gunzip.Failure.tooLarge) { try inflate(gzip(noise(1001)), step: 10, limit: 1000) }
        #expect(try inflate(gzip(noise(1000)), step: 10, limit: 1000).count == 1000)
    }

    @Test func randomBytesNeverFailOtherwise() {
        var random = SplitMix(state: 3)
        for _ in 0..<500 {
            var packed = gzip(noise(200))
            packed[Int.random(in: 0..<packed.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            _ = try? inflate(packed, step: 50)
        }
    }

    private func noise(_ count: Int) -> [UInt8] {
        var random = SplitMix(state: 1)
        return (0..<count).map { _ in UInt8.random(in: 0..<64, using: &random) }
    }

    private func inflate(_ bytes: [UInt8], step: Int, limit: Int = 64 << 20) throws -> [UInt8] {
        var gunzip = try Gunzip(limit: limit)
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            gunzip.feed(Array(bytes[start..<min(start + step, bytes.count)]))
            while let piece = try gunzip.next() { result += piece }
        }
        try gunzip.finish()
        return result
    }
}

func gzip(_ bytes: [UInt8]) -> [UInt8] {
    let room = bytes.count + 1000
    return [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
        count = bytes.withUnsafeBytes { annexd_gzip($0.baseAddress, $0.count, buffer.baseAddress, room) }
    }
}
