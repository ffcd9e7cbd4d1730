public import Locations
import NIOCore
import Synchronization

/// The body of an upload that a test sends bit by bit.
public final class FakeBody: UploadBody {
    private struct State {
        var chunks: [UploadChunk] = []
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    public init() {}

    /// A body that is all there, in pieces of so many bytes.
    public convenience init(_ bytes: [UInt8], pieces: Int = 1000, end: UploadChunk = .end(.unchecked)) {
        self.init()
        for start in stride(from: 0, to: bytes.count, by: max(1, pieces)) {
            give(bytes[start..<min(bytes.count, start + max(1, pieces))])
        }
        self.end(end)
    }

    public func give(_ bytes: ArraySlice<UInt8>) { add(.bytes(ByteBuffer(bytes: bytes))) }

    public func end(_ chunk: UploadChunk) { add(chunk) }

    private func add(_ chunk: UploadChunk) {
        let waiter = state.withLock { state in
            state.chunks.append(chunk)
            return state.waiter.take()
        }
        waiter?.resume()
    }

    public func next() async throws -> UploadChunk {
        while true {
            let chunk: UploadChunk? = state.withLock { state in
                // How the body ended is told again and again.
                guard case .bytes? = state.chunks.first else { return state.chunks.first }
                return state.chunks.removeFirst()
            }
            if let chunk { return chunk }
            // As the bodies of requests do it: a cancelled pull takes nothing.
            if Task.isCancelled { return .broken }
            await waitForMore()
        }
    }

    private func waitForMore() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if !state.chunks.isEmpty || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume()
        }
    }
}
