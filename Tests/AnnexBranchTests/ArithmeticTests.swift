// Attack: a prepared repository has a loose object whose header claims to have as many bytes as there are numbers.
// Whatever is added to such a size must not end the process, and all other repositories with it.

import Foundation
import SystemPackage
import Testing

@testable import AnnexBranch

@Suite(.timeLimit(.minutes(5)))
struct ArithmeticTests {
    @Test(
        "sums of sizes end at the largest number",
        arguments: [(0, 0, 0), (1, 2, 3), (.max, 0, .max), (.max, 1, .max), (1, .max, .max), (.max, .max, .max)])
    func sums(left: Int, right: Int, sum: Int) {
        #expect(left.clampedSum(right) == sum)
    }

    @Test("what a push may change is used up once, by amounts of any size", arguments: [1, 100, Int.max])
    func limits(amount: Int) {
        var limits = PushLimits()
        (limits.files, limits.strangeFiles, limits.bytes) = (0, 0, 0)
        for _ in 0..<3 {
            #expect(throws: AnnexBranchError.self) {
                try limits.take(files: amount, strangeFiles: amount, bytes: amount)
            }
        }
    }

    @Test(
        "an object that claims to be as large as numbers are is reported, and skipped",
        arguments: [Int.max, Int.max - 1])
    func hugeObject(size: Int) async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let id = String(repeating: "ab", count: 20)
            let folder = repository.path + "/objects/ab"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let file = folder + "/" + id.dropFirst(2)
            try Data(stored(Array("blob \(size)\u{0}x".utf8))).write(to: URL(fileURLWithPath: file))
            let told = try await repository.git("cat-file", "--batch-check", input: id + "\n")
            #expect(told.contains(" blob \(size)"))
            let reader = ObjectReader(
                gitDirectory: FilePath(repository.path), sizeLimit: 1000, idleTime: .seconds(5))
            // Git tells the size, then prints what there is, and waits for the next name.
            await #expect(throws: AnnexBranchError.self) { try await reader.read([Array(id.utf8)]) }
            await reader.close()
        }
    }

    /// A zlib stream that is not compressed (RFC 1950, RFC 1951 §3.2.4).
    private func stored(_ bytes: [UInt8]) -> [UInt8] {
        let count = UInt16(bytes.count)
        var (low, high): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            low = (low + UInt32(byte)) % 65521
            high = (high + low) % 65521
        }
        func littleEndian(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xff), UInt8(value >> 8)] }
        let sum = [high >> 8, high & 0xff, low >> 8, low & 0xff].map { UInt8($0) }
        return [0x78, 0x01, 0x01] + littleEndian(count) + littleEndian(~count) + bytes + sum
    }
}
