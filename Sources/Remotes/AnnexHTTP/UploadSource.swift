import AnnexProtocol
import Blocking
import Locations
import NIOCore

/// The body of an upload, pulled once from its sender and hashed on the way; as long as little has been pulled it can be
/// read again from the start. One task at a time uses it.
final class UploadSource: @unchecked Sendable {
    /// How the sender ended the body.
    enum Ending: Hashable {
        /// Exactly the announced bytes, and they are what the key says, as far as that can be told.
        case complete
        case short(by: UInt64)
        case tooLong
        case wrongContent
    }

    /// The sender's connection broke.
    struct Broken: Error {}

    /// How much is kept for another try, in bytes.
    private static let replaySize = 1 << 20

    private let body: any UploadBody
    private let verifier: StreamVerifier?
    private var kept = HeldPieces()
    private var keptBytes = 0
    private var position = 0
    private var hasEnded = false
    private var verdict: ContentVerifier.Verdict?
    /// Whether everything that was pulled so far is still at hand.
    private(set) var canRewind = true
    /// What is kept for another try, as it stands in memory, in bytes.
    var memory: Int { kept.memory }
    /// The answer to the last try, for the case that there can be no other.
    var refusal: Exchange.Answer?

    init(_ upload: Upload, of key: Key, pool: BlockingPool) {
        body = upload.body
        verifier = upload.offset == 0 ? StreamVerifier(key, pool: pool) : nil
    }

    func rewind() { position = 0 }

    /// The next bytes, or nil at the end. Throws ``Broken``.
    func next() async throws -> ByteBuffer? {
        if position < kept.count {
            defer { position += 1 }
            return kept[position]
        }
        if hasEnded { return nil }
        while true {
            switch try await body.next() {
            case .end:
                hasEnded = true
                return nil
            case .broken:
                // A cancelled reader is told the same.
                try Task.checkCancellation()
                throw Broken()
            case .bytes(let piece):
                guard piece.readableBytes > 0 else { continue }
                keep(piece)
                try await verifier?.feed(piece)
                return piece
            }
        }
    }

    private func keep(_ piece: ByteBuffer) {
        guard canRewind else { return }
        keptBytes += piece.readableBytes
        if keptBytes <= Self.replaySize {
            kept.append(piece)
            position = kept.count
        } else {
            canRewind = false
            kept.removeAll()
            position = 0
        }
    }

    /// Whether all that was pulled is the content of the key. To be asked at the end.
    func isGenuine() async throws -> Bool {
        guard let verifier else { return true }
        if let verdict { return verdict == .accepted }
        let found = try await verifier.finish()
        verdict = found
        return found == .accepted
    }
}
