import AnnexProtocol
import Blocking
import NIOCore

/// Computes the digest of content that passes by, on threads that may take their time: while one piece is hashed, the
/// next may be received. One task at a time uses it.
final class StreamVerifier: @unchecked Sendable {
    private let verifier: ContentVerifier
    private let pool: BlockingPool
    private var job: Task<Void, any Error>?

    /// Pieces of so many bytes are hashed on the spot: that takes less time than asking another thread.
    private static let inlineSize = 8 << 10

    /// Nil where the key does not tell how to check its content (for VURL keys only the branch does).
    init?(_ key: Key, pool: BlockingPool) {
        verifier = ContentVerifier(key)
        guard verifier.isVerifiable else { return nil }
        self.pool = pool
    }

    /// Takes the next piece; returns when the one before it is done.
    func feed(_ piece: ByteBuffer) async throws {
        try await settle()
        guard piece.readableBytes > Self.inlineSize else { return update(piece) }
        // Awaited by the next call.
        job = Task { [pool] in try await pool.run { self.update(piece) } }
    }

    /// The verdict on everything that was fed.
    func finish() async throws -> ContentVerifier.Verdict {
        try await settle()
        return verifier.finish()
    }

    private func settle() async throws {
        guard let job else { return }
        try await job.value
        self.job = nil
    }

    private func update(_ piece: ByteBuffer) { piece.withUnsafeReadableBytes { verifier.update($0) } }
}
