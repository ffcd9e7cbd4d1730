import NIOCore
import Synchronization

/// The body of an upload on its way from whoever has it to the client library, which pulls it.
///
/// Between both there is at most a window of bytes that the socket has not taken; the sender then waits. There are also
/// only a few writes on their way at one time: small pieces wait here and are joined, so that a sender of tiny ones
/// cannot keep an event loop from everybody else.
final class UploadStream: AsyncSequence, Sendable {
    /// The exchange was ended, or its answer came; no more of the body is wanted.
    struct Stopped: Error {}

    private struct State {
        var queue = HeldPieces()
        var unwritten = 0
        /// Writes that the socket has not taken.
        var writes = 0
        var isFinished = false
        var isStopped = false
        /// A pull that waits; it looks again when it is woken without a piece.
        var reader: CheckedContinuation<Pull?, Never>?
        /// A sender that waits until no more than `limit` bytes are unwritten.
        var sender: (limit: Int, continuation: CheckedContinuation<Void, Never>)?

        /// What a pull gets now; nil where it has to wait.
        mutating func pull() -> Pull? {
            if isStopped { return .stopped }
            guard !queue.isEmpty else { return isFinished ? .end : nil }
            guard writes < UploadStream.maximumWrites, let piece = queue.popFirst() else { return nil }
            writes += 1
            return .piece(piece)
        }
    }

    private enum Pull {
        case piece(ByteBuffer)
        case end, stopped
    }

    /// In bytes.
    static let window = 512 << 10
    private static let maximumWrites = 8

    private let state = Mutex(State())

    /// What has not been pulled yet, as it stands in memory, in bytes.
    var memory: Int { state.withLock { $0.queue.memory } }

    /// Hands over bytes, and waits while there are more than a window of them; throws where no more are wanted.
    func send(_ bytes: ByteBuffer, _ exchange: Exchange) async throws {
        try Task.checkCancellation()
        exchange.willWrite(bytes.readableBytes)
        let reader = state.withLock { state in
            state.queue.append(bytes)
            state.unwritten += bytes.readableBytes
            return state.reader.take()
        }
        reader?.resume(returning: nil)
        try await wait(until: Self.window)
    }

    /// Waits until the socket has taken all that was sent; throws where no more is wanted.
    func drain() async throws { try await wait(until: 0) }

    /// Waits until no more than so many bytes are unwritten.
    private func wait(until limit: Int) async throws {
        while state.withLock({ $0.unwritten > limit && !$0.isStopped }) {
            try Task.checkCancellation()
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let waits = state.withLock { state in
                        guard state.unwritten > limit, !state.isStopped, !Task.isCancelled else { return false }
                        state.sender = (limit, continuation)
                        return true
                    }
                    if !waits { continuation.resume() }
                }
            } onCancel: {
                state.withLock { $0.sender.take() }?.continuation.resume()
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
        reader?.resume(returning: nil)
    }

    /// Nothing more of the body is wanted; who waits is told.
    func stop() {
        let (reader, sender) = state.withLock { state in
            state.isStopped = true
            state.queue.removeAll()
            return (state.reader.take(), state.sender.take())
        }
        reader?.resume(returning: nil)
        sender?.continuation.resume()
    }

    /// The socket has taken so many bytes.
    func wrote(_ count: Int) {
        let (reader, sender) = state.withLock { state in
            state.unwritten -= count
            state.writes -= 1
            let isEnough = state.sender.map { state.unwritten <= $0.limit } ?? false
            return (state.reader.take(), isEnough ? state.sender.take() : nil)
        }
        reader?.resume(returning: nil)
        sender?.continuation.resume()
    }

    func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: UploadStream

        func next() async throws -> ByteBuffer? { try await stream.take() }
    }

    /// Called from a task of the library that nothing cancels, so ``stop()`` must always follow.
    private func take() async throws -> ByteBuffer? {
        while true {
            let pull: Pull? = await withCheckedContinuation { continuation in
                let pull = state.withLock { state in
                    let pull = state.pull()
                    if pull == nil { state.reader = continuation }
                    return pull
                }
                if let pull { continuation.resume(returning: pull) }
            }
            switch pull {
            case .piece(let piece)?: return piece
            case .end?: return nil
            case .stopped?: throw Stopped()
            case nil: continue
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
