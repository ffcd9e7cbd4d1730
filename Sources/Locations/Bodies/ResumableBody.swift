import NIOCore
import Synchronization

/// The body of an upload that may be sent in several parts, one after the other: counts what was pulled of it.
public final class ResumableBody: UploadBody {
    private struct State {
        var pulled: UInt64 = 0
        var last: ByteBuffer?
        var givenBack: ByteBuffer?

        mutating func takeGivenBack() -> ByteBuffer? {
            guard let byte = givenBack else { return nil }
            pulled += 1
            (givenBack, last) = (nil, byte)
            return byte
        }
    }

    private let body: any UploadBody
    private let state = Mutex(State())

    public init(_ body: any UploadBody) { self.body = body }

    /// How many bytes were pulled so far.
    public var pulled: UInt64 { state.withLock { $0.pulled } }

    public var isJudged: Bool { body.isJudged }

    public func next() async throws -> UploadChunk {
        if let byte = state.withLock({ $0.takeGivenBack() }) { return .bytes(byte) }
        let chunk = try await body.next()
        if case .bytes(let piece) = chunk, piece.readableBytes > 0 {
            state.withLock { state in
                state.pulled += UInt64(piece.readableBytes)
                // A copy: a slice would keep the whole piece in memory.
                state.last = ByteBuffer(bytes: piece.readableBytesView.suffix(1))
            }
        }
        return chunk
    }

    /// The last byte that was pulled is pulled once more.
    public func giveBackLastByte() {
        state.withLock { state in
            guard let last = state.last else { return }
            state.pulled -= 1
            (state.givenBack, state.last) = (last, nil)
        }
    }
}
