public import AnnexProtocol
public import Blocking
import NIOCore
import Synchronization

/// A body that is compared with its key on the way, once, in front of every place that it goes to: its end tells the
/// verdict (docs/adr/0011).
public final class VerifiedBody: UploadBody {
    private let body: any UploadBody
    private let verifier: StreamVerifier
    private let verdict = Mutex<Proof?>(nil)

    /// Nil if nothing can be told of the content: its key has no digest, or the body begins in the middle of it.
    ///
    /// - Parameters:
    ///   - offset: how many bytes of the content the sender left out.
    ///   - pool: threads that hash, while the next bytes are pulled and stored.
    public init?(_ body: any UploadBody, of key: Key, offset: UInt64, pool: BlockingPool) {
        guard offset == 0, let verifier = StreamVerifier(key, pool: pool) else { return nil }
        self.body = body
        self.verifier = verifier
    }

    public var isJudged: Bool { true }

    public func next() async throws -> UploadChunk {
        let chunk = try await body.next()
        switch chunk {
        case .bytes(let piece):
            if piece.readableBytes > 0 { try await verifier.feed(piece) }
            return chunk
        case .end: return .end(try await judge())
        case .broken: return chunk
        }
    }

    /// The end may be pulled several times, and the verdict can be asked for once.
    private func judge() async throws -> Proof {
        if let known = verdict.withLock({ $0 }) { return known }
        let proof: Proof = try await verifier.finish() == .accepted ? .right : .wrong
        verdict.withLock { $0 = proof }
        return proof
    }
}

extension Upload {
    /// The same, with a body that is judged: this one if it is already, or if nothing can be told of it.
    public func judged(as key: Key, pool: BlockingPool) -> Upload {
        guard !body.isJudged, let verified = VerifiedBody(body, of: key, offset: offset, pool: pool) else {
            return self
        }
        var upload = self
        upload.body = verified
        return upload
    }
}
