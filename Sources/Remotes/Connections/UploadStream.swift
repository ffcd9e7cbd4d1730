import NIOCore
import Synchronization

/// The body of an upload on its way from whoever has it to the client library, which pulls it.
///
/// Between both there is at most a window of bytes that the socket has not taken; the sender then waits.
final class UploadStream: AsyncSequence, Sendable {
    /// The exchange was ended, or its answer came; no more of the body is wanted.
    struct Stopped: Error {}

    private struct State {
        var queue: [ByteBuffer] = []
        var unwritten = 0
        var isFinished = false
        var isStopped = false
        var reader: CheckedContinuation<Void, Never>?
        var sender: CheckedContinuation<Void, Never>?
    }

    /// In bytes.
    static let window = 512 << 10

    private let state = Mutex(State())

    /// Hands over bytes, and waits while there are more than a window of them; throws where no more are wanted.
    func send(_ bytes: ByteBuffer, _ exchange: Exchange) async throws {
        try Task.checkCancellation()
        exchange.willWrite(bytes.readableBytes)
        let reader = state.withLock { state in
            state.queue.append(bytes)
            state.unwritten += bytes.readableBytes
            return state.reader.take()
        }
        reader?.resume()
        while state.withLock({ $0.unwritten > Self.window && !$0.isStopped }) {
            try Task.checkCancellation()
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let waits = state.withLock { state in
                        guard state.unwritten > Self.window, !state.isStopped, !Task.isCancelled else { return false }
                        state.sender = continuation
                        return true
                    }
                    if !waits { continuation.resume() }
                }
            } onCancel: {
                state.withLock { $0.sender.take() }?.resume()
            }
        }
        if state.withLock({ $0.isStopped }) { throw Stopped() }
    }

    /// The body ends properly with what was sent.
    func finish() {
        let reader = state.withLock { state in
            state.isFinished = true
            return state.reader.take()
        }
        reader?.resume()
    }

    /// Nothing more of the body is wanted; who waits is told.
    func stop() {
        let (reader, sender) = state.withLock { state in
            state.isStopped = true
            state.queue = []
            return (state.reader.take(), state.sender.take())
        }
        reader?.resume()
        sender?.resume()
    }

    /// The socket has taken so many bytes.
    func wrote(_ count: Int) {
        let sender = state.withLock { state in
            state.unwritten -= count
            return state.unwritten <= Self.window ? state.sender.take() : nil
        }
        sender?.resume()
    }

    func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: UploadStream

        func next() async throws -> ByteBuffer? { try await stream.take() }
    }

    /// Called from a task of the library that nothing cancels, so ``stop()`` must always follow.
    private func take() async throws -> ByteBuffer? {
        while true {
            let (isStopped, piece, isFinished) = state.withLock { state in
                (state.isStopped, state.queue.isEmpty ? nil : state.queue.removeFirst(), state.isFinished)
            }
            if isStopped { throw Stopped() }
            if let piece { return piece }
            if isFinished { return nil }
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    guard state.queue.isEmpty, !state.isStopped, !state.isFinished else { return false }
                    state.reader = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        }
    }
}

extension Optional {
    /// The value, leaving nothing behind.
    fileprivate mutating func take() -> Self {
        defer { self = nil }
        return self
    }
}
