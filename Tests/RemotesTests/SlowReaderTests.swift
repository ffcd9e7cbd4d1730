import AnnexProtocol
import Glibc
import Locations
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import Remotes

/// Readers that take content more slowly than its target sends it.
@Suite struct SlowReaderTests {
    private static let size = 256 << 20

    @Test(
        "what a reader does not take stays at the target, whether it is verified on the way or not",
        arguments: ["URL-s268435456--x", "SHA256-s268435456--\(String(repeating: "0", count: 64))"])
    func backPressure(key: String) async throws {
        let sent = Counter()
        try await withScript { connection, _ in
            _ = try connection.readHead()
            try connection.send(
                "HTTP/1.1 200 OK\r\nX-git-annex-data-length: \(Self.size)\r\nContent-Length: \(Self.size)\r\n\r\n")
            let piece = [UInt8](repeating: 0, count: 64 << 10)
            for _ in 0..<Self.size / piece.count {
                try connection.send(piece)
                sent.bytes.add(piece.count, ordering: .relaxed)
            }
        } _: { location, _, _ in
            let content = try await location.open(try Key(parsing: key), for: Reading())
            guard case .stream(let remote)? = content?.source else {
                Issue.record("no content")
                return
            }
            let bytes = try await remote.bytes(from: 0)
            defer { bytes.cancel() }
            var taken = 0
            // The kernel lets more come once the reader has shown that it is quick.
            for (goal, limit) in [(1, 16 << 20), (64 << 20, 48 << 20)] {
                while taken < goal, let piece = try await bytes.next() { taken += piece.readableBytes }
                #expect(taken >= goal)
                #expect(try await onThread { sent.comeToRest() })
                // Socket buffers of both sides, and what is kept ready here.
                #expect(sent.bytes.load(ordering: .relaxed) - taken < limit)
            }
        }
    }

    private final class Counter: Sendable {
        let bytes = Atomic(0)

        /// Waits until nothing was sent for a while.
        func comeToRest() -> Bool {
            var seen = -1
            return eventually {
                let now = bytes.load(ordering: .relaxed)
                defer { seen = now }
                if now != seen { usleep(200_000) }
                return now == seen
            }
        }
    }
}
