import Locations
import NIOCore
import Synchronization

/// The body of an upload that may be sent in several parts, one after the other: counts what was pulled of it.
final class InterruptedBody: UploadBody {
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

    init(_ body: any UploadBody) { self.body = body }

    /// How many bytes were pulled so far.
    var pulled: UInt64 { state.withLock { $0.pulled } }

    func next() async throws -> UploadChunk {
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
    func giveBackLastByte() {
        state.withLock { state in
            guard let last = state.last else { return }
            state.pulled -= 1
            (state.givenBack, state.last) = (last, nil)
        }
    }
}

/// The body as one turn sees it: tells the turn how it gets on, and looks broken off where the turn is to end, so that the
/// remote keeps what it has.
struct WatchedBody: UploadBody {
    let body: InterruptedBody
    let turn: Turn

    func next() async throws -> UploadChunk {
        if turn.isAskedToStepBack { return .broken }
        let chunk = try await turn.steppingBack { try await body.next() }
        switch chunk {
        case .bytes(let piece): turn.advance(by: piece.readableBytes)
        case .end: turn.settle()
        case .broken: break
        }
        return chunk
    }
}
