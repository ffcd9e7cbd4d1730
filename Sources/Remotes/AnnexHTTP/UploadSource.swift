import Locations
import NIOCore

/// The body of an upload, pulled once from its sender; as long as little has been pulled it can be read again from the
/// start. One task at a time uses it.
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
    private var kept = HeldPieces()
    private var keptBytes = 0
    private var position = 0
    /// What the end of the body told, once it was there.
    private var proof: Proof?
    /// Whether everything that was pulled so far is still at hand.
    private(set) var canRewind = true
    /// What is kept for another try, as it stands in memory, in bytes.
    var memory: Int { kept.memory }
    /// The answer to the last try, for the case that there can be no other.
    var refusal: Exchange.Answer?

    init(_ body: any UploadBody) { self.body = body }

    func rewind() { position = 0 }

    /// The next bytes, or nil at the end. Throws ``Broken``.
    func next() async throws -> ByteBuffer? {
        if position < kept.count {
            defer { position += 1 }
            return kept[position]
        }
        if proof != nil { return nil }
        while true {
            switch try await body.next() {
            case .end(let proof):
                self.proof = proof
                return nil
            case .broken:
                // A cancelled reader is told the same.
                try Task.checkCancellation()
                throw Broken()
            case .bytes(let piece):
                guard piece.readableBytes > 0 else { continue }
                keep(piece)
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

    /// Whether all that was pulled may be the content of the key. To be asked at the end.
    var isGenuine: Bool { proof != .wrong }
}
