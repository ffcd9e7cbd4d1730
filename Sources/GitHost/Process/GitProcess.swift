import Subprocess
import Synchronization
import SystemPackage

/// The two pipes of a running git process, valid while the body of ``GitCommand/stream(_:)`` runs.
public struct GitProcess: Sendable {
    /// Where to write what the process reads.
    public let input: GitInput
    /// What the process prints, as it prints it.
    public let output: GitOutputStream

    /// Writes all bytes, waiting while the process does not read; false when it no longer reads.
    @discardableResult
    public func write(_ bytes: [UInt8]) async throws -> Bool { try await input.write(bytes) }

    /// Tells the process that no more input comes.
    public func finish() async throws { try await input.finish() }

    func write(all bytes: [UInt8]) async throws {
        try await write(bytes)
        try await finish()
    }
}

/// The standard input of a running git process.
public struct GitInput: Sendable {
    let writer: StandardInputWriter
    let child: GitChild

    /// Writes all bytes, waiting while the process does not read.
    ///
    /// A process that stopped reading is not an error here, since its exit status tells more: the answer is then false,
    /// and writing on is useless. A cancelled task throws `CancellationError`.
    @discardableResult
    public func write(_ bytes: [UInt8]) async throws -> Bool { try await write(bytes.span.bytes) }

    /// Writes all bytes of a span that the caller keeps alive; see ``write(_:)-([UInt8])``.
    @discardableResult
    public func write(_ bytes: RawSpan) async throws -> Bool {
        var done = 0
        while done < bytes.byteCount {
            let count: Int
            child.happened(.writeBegan)
            defer { child.happened(.writeEnded) }
            do {
                count = try await writer.write(bytes.extracting(droppingFirst: done))
            } catch {
                try Task.checkCancellation()
                if error.underlyingError == Errno.brokenPipe { return false }
                throw error
            }
            done += count
            if done < bytes.byteCount {
                // A short count means that the process has ended or that this task is cancelled.
                try Task.checkCancellation()
                if count == 0 { return false }
            }
        }
        return true
    }

    /// Tells the process that no more input comes.
    public func finish() async throws {
        child.happened(.inputEnded)
        try await writer.finish()
    }
}

/// A piece of what a process prints; it is not copied on the way.
public struct GitChunk: Sendable {
    private enum Storage: Sendable {
        case buffer(SubprocessOutputSequence.Buffer)
        case bytes([UInt8])
    }

    private let storage: Storage

    public init(_ bytes: [UInt8]) { storage = .bytes(bytes) }

    init(_ buffer: SubprocessOutputSequence.Buffer) { storage = .buffer(buffer) }

    /// In bytes.
    public var count: Int {
        switch storage {
        case .buffer(let buffer): buffer.count
        case .bytes(let bytes): bytes.count
        }
    }

    /// Lends the bytes for the length of the call.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch storage {
        case .buffer(let buffer): try buffer.withUnsafeBytes(body)
        case .bytes(let bytes): try bytes.withUnsafeBytes(body)
        }
    }

    /// A copy of the bytes.
    public var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}

/// What a git process prints, chunk by chunk as it arrives, at most one pipe buffer each.
///
/// Nothing is read before it is asked for, so a slow reader makes the process wait. All iterators share one position;
/// one task reads at a time. A cancelled task gets `CancellationError`, never a silent end.
public struct GitOutputStream: AsyncSequence, Sendable {
    private let source: Source

    init(_ sequence: SubprocessOutputSequence, of child: GitChild) { source = Source(sequence, child) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let source: Source

        public func next() async throws -> GitChunk? { try await source.next() }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source: source) }

    /// Reads and forgets what is left; answers false as soon as it was more than `limit` bytes.
    func discardRest(limit: Int) async throws -> Bool {
        var count = 0
        while let chunk = try await source.next() {
            count += chunk.count
            if count > limit { return false }
        }
        return true
    }

    /// The iterator of the pipe, which may exist only once, lent to one reader at a time.
    fileprivate final class Source: Sendable {
        private struct Position: @unchecked Sendable {
            var iterator: SubprocessOutputSequence.Iterator
            var atEnd = false
        }

        private let position: Mutex<Position?>
        private let child: GitChild

        init(_ sequence: SubprocessOutputSequence, _ child: GitChild) {
            self.child = child
            position = Mutex(Position(iterator: sequence.makeAsyncIterator()))
        }

        func next() async throws -> GitChunk? {
            guard var current = position.withLock({ $0.take() }) else {
                throw GitError(code: .unexpectedOutput, command: "", message: "two tasks read the output at once")
            }
            defer { position.withLock { $0 = current } }
            if current.atEnd { return nil }
            child.happened(.readBegan)
            defer { child.happened(.readEnded) }
            if let buffer = try await current.iterator.next() { return GitChunk(buffer) }
            // The pipe also reports an end to a cancelled reader.
            try Task.checkCancellation()
            current.atEnd = true
            return nil
        }
    }
}
