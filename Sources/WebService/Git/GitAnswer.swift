import GitHost
import NIOCore
import Synchronization

/// The answer of a git service: begun with git's first bytes, so that an earlier failure can still become a status.
final class GitAnswer: Sendable {
    private let exchange: Exchange
    private let contentType: String
    private let writer = Mutex<ExchangeWriter?>(nil)

    init(_ exchange: Exchange, contentType: String) {
        self.exchange = exchange
        self.contentType = contentType
    }

    func write(_ chunk: GitChunk) async throws {
        let bytes = chunk.withUnsafeBytes { ByteBuffer(bytes: $0) }
        try await begun().write(bytes)
    }

    func write(_ bytes: [UInt8]) async throws {
        if !bytes.isEmpty { try await begun().write(ByteBuffer(bytes: bytes)) }
    }

    /// Ends the answer; only now the client sees the whole of it.
    func finish() async throws { try await begun().finish() }

    private func begun() async throws -> ExchangeWriter {
        if let writer = writer.withLock({ $0 }) { return writer }
        let begun = try await exchange.stream(
            status: 200,
            headers: [
                ("Content-Type", contentType), ("Cache-Control", "no-cache, max-age=0, must-revalidate"),
                ("Expires", "Fri, 01 Jan 1980 00:00:00 GMT"), ("Pragma", "no-cache"),
            ])
        writer.withLock { $0 = begun }
        return begun
    }
}
