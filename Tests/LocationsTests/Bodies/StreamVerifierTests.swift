import AnnexProtocol
import Blocking
import Dispatch
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import Locations

@Suite struct StreamVerifierTests {
    @Test("content in pieces of any size gets the verdict of the whole", arguments: 0..<20 as Range<UInt64>)
    func pieces(seed: UInt64) async throws {
        let pool = BlockingPool(name: "digests", threadCount: 2)
        var generator = SeededGenerator(seed: seed)
        // From nothing to several times what may wait to be hashed.
        let bytes = seededBytes(Int.random(in: 0...8 << 20, using: &generator), seed: seed)
        let key = try sha256Key(bytes)
        for spoiled in [false, true] where !spoiled || !bytes.isEmpty {
            let verifier = try #require(StreamVerifier(key, pool: pool))
            var sent = bytes
            if spoiled { sent[Int.random(in: 0..<sent.count, using: &generator)] ^= 1 }
            var rest = sent[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...1 << Int.random(in: 10...21, using: &generator)))
                rest = rest.dropFirst(piece.count)
                try await verifier.feed(ByteBuffer(bytes: piece))
            }
            #expect(try await verifier.finish() == (spoiled ? .wrongDigest : .accepted))
        }
        await pool.shutdown()
    }

    /// Attack: a target that sends single bytes, each of which keeps a whole buffer of the gateway.
    @Test("few small pieces wait to be hashed, and not thousands of buffers", .timeLimit(.minutes(10)))
    func smallPieces() async throws {
        let pool = BlockingPool(name: "digests", threadCount: 1)
        let gate = DispatchSemaphore(value: 0)
        pool.begin { _ in gate.wait() }
        let bytes = seededBytes(2000, seed: 2)
        let verifier = try #require(StreamVerifier(try sha256Key(bytes), pool: pool))
        let fed = Counter()
        let feeding = Task {
            for byte in bytes {
                try await verifier.feed(ByteBuffer(bytes: [byte]))
                fed.value.add(1, ordering: .relaxed)
            }
            return try await verifier.finish()
        }
        try await wait(for: "the room to be used up") { fed.value.load(ordering: .relaxed) >= 32 }
        // Time to go on, for one that does not wait.
        try await Task.sleep(for: .milliseconds(50))
        #expect(fed.value.load(ordering: .relaxed) <= 32)
        gate.signal()
        #expect(try await feeding.value == .accepted)
        await pool.shutdown()
    }

    @Test("other work has its turn while content is hashed")
    func givesWay() async throws {
        let pool = BlockingPool(name: "digests", threadCount: 1)
        let gate = DispatchSemaphore(value: 0)
        pool.begin { _ in gate.wait() }
        let bytes = seededBytes(1 << 20, seed: 3)
        let verifier = try #require(StreamVerifier(try sha256Key(bytes), pool: pool, share: 512 << 10))
        for start in stride(from: 0, to: bytes.count, by: 1 << 18) {
            try await verifier.feed(ByteBuffer(bytes: bytes[start..<start + 1 << 18]))
        }
        let left = Counter()
        let other = Task { try await pool.run { left.value.store(verifier.backlog, ordering: .relaxed) } }
        try await wait(for: "both to be in line") { pool.waitingJobs >= 2 }
        gate.signal()
        try await other.value
        #expect(left.value.load(ordering: .relaxed) == 512 << 10)
        #expect(try await verifier.finish() == .accepted)
        await pool.shutdown()
    }

    private final class Counter: Sendable {
        let value = Atomic(0)
    }

    @Test("where the threads have ended nobody waits for a digest")
    func shutDown() async throws {
        let pool = BlockingPool(name: "digests", threadCount: 1)
        let bytes = seededBytes(4 << 20, seed: 1)
        let verifier = try #require(StreamVerifier(try sha256Key(bytes), pool: pool))
        await pool.shutdown()
        await #expect(throws: LocationError.self) {
            for start in stride(from: 0, to: bytes.count, by: 1 << 18) {
                try await verifier.feed(ByteBuffer(bytes: bytes[start..<start + 1 << 18]))
            }
        }
        await #expect(throws: LocationError.self) { try await verifier.finish() }
    }
}
