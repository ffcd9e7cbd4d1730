import AnnexProtocol
import Blocking
import Locations
import NIOCore
import NIOHTTP1
import Synchronization
import TestKit
import Testing

@testable import Remotes

/// Attack: a sender of single bytes, each of which arrives in a large buffer of its own.
@Suite struct HeldPiecesTests {
    /// As the transport reads it off the socket.
    private static func piece(_ bytes: some Collection<UInt8>) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: 256 << 10)
        buffer.writeBytes(bytes)
        return buffer
    }

    /// A body that comes in such pieces.
    private final class Trickle: UploadBody {
        private let bytes: [UInt8]
        private let sent = Atomic(0)

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        func next() async throws -> UploadChunk {
            let index = sent.add(1, ordering: .relaxed).oldValue
            return index < bytes.count ? .bytes(HeldPiecesTests.piece([bytes[index]])) : .end(.unchecked)
        }
    }

    private let bytes = seededBytes(20_000, seed: 41)

    @Test("what is kept for another try takes about as much memory as it has bytes")
    func source() async throws {
        let source = UploadSource(Trickle(bytes))
        while try await source.next() != nil {}
        #expect(source.memory < 1 << 20)
        #expect(source.canRewind)
        source.rewind()
        var again: [UInt8] = []
        while let piece = try await source.next() { again += Array(piece.readableBytesView) }
        #expect(again == bytes)
    }

    @Test("what a target does not read takes about as much memory as it has bytes")
    func stream() async throws {
        let stream = UploadStream()
        let exchange = Exchange(
            name: "node1", endpoint: "http://127.0.0.1:1", target: "/", patience: .seconds(60),
            needsFreshConnection: false, upload: stream)
        for byte in bytes { try await stream.send(Self.piece([byte]), exchange) }
        #expect(stream.memory < 1 << 20)
        stream.finish()
        var received: [UInt8] = []
        for try await piece in stream {
            received += Array(piece.readableBytesView)
            stream.wrote(piece.readableBytes)
        }
        #expect(received == bytes)
    }

    @Test("pieces of all sizes stay in order, within four times their size", arguments: 0..<20 as Range<UInt64>)
    func order(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let bytes = seededBytes(1 << 20, seed: seed)
        var held = HeldPieces()
        var taken: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...1 << Int.random(in: 0...18, using: &generator)))
            rest = rest.dropFirst(piece.count)
            held.append(Self.piece(piece))
            let size = (0..<held.count).reduce(0) { $0 + held[$1].readableBytes }
            #expect(held.memory <= 4 * size)
            while Int.random(in: 0..<3, using: &generator) == 0, let first = held.popFirst() {
                taken += Array(first.readableBytesView)
            }
        }
        while let first = held.popFirst() { taken += Array(first.readableBytesView) }
        #expect(taken == bytes)
        #expect(held.isEmpty && held.memory == 0)
    }
}
