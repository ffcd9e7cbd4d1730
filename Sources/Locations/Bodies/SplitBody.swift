public import Blocking
import NIOCore
import Synchronization

/// One body for several readers, such as the nodes of a cluster: it is pulled at the pace of the slowest reader that
/// still moves.
///
/// A reader that takes nothing for a while, although it is the one that all others wait for, is left behind: to it the
/// body looks broken off, and the others go on.
public final class SplitBody: Sendable {
    private struct ReaderState {
        /// Index of the next chunk to take.
        var position: Int
        /// What it has not taken yet, by ``weight(of:)``.
        var backlog = 0
        /// Since when nothing can be pulled because of it.
        var blockingSince: ContinuousClock.Instant?
        var waiter: CheckedContinuation<Void, Never>?
    }

    private struct State {
        var chunks = CircularBuffer<UploadChunk>()
        /// Index of the first of them.
        var first = 0
        var hasEnded = false
        var nextID = 0
        var readers: [Int: ReaderState] = [:]
        /// Whoever pulls the body, while there is no room.
        var pump: CheckedContinuation<Void, Never>?

        var end: Int { first + chunks.count }

        /// Forgets what all have taken.
        mutating func trim() {
            let needed = readers.values.map(\.position).min() ?? end
            while first < needed, !chunks.isEmpty {
                chunks.removeFirst()
                first += 1
            }
        }
    }

    private enum Room {
        case free
        /// Nobody reads any more.
        case useless
        /// Some reader has to move until then.
        case full(until: ContinuousClock.Instant)
    }

    private let body: any UploadBody
    private let window: Int
    private let stall: Duration
    private let time: Timekeeper
    private let state = Mutex(State())

    /// - Parameters:
    ///   - window: how many bytes the fastest reader may be ahead of the slowest; small pieces count for more.
    ///   - stall: how long the others wait for a reader that takes nothing.
    public init(
        _ body: any UploadBody, window: Int = 1 << 20, stall: Duration, time: Timekeeper = .system
    ) {
        self.body = body
        self.window = window
        self.stall = stall
        self.time = time
    }

    /// The body once more. All readers are made before ``run()``; each is used by one task at a time.
    public func reader() -> Reader {
        let id = state.withLock { state in
            state.nextID += 1
            state.readers[state.nextID] = ReaderState(position: state.end)
            return state.nextID
        }
        return Reader(self, id)
    }

    /// Pulls the body for all readers; returns after its end, or when nobody reads any more. When the task is cancelled
    /// the body is broken off for all.
    public func run() async throws {
        do {
            while try await waitForRoom() {
                let chunk = try await body.next()
                if case .bytes(let piece) = chunk {
                    if piece.readableBytes > 0 { publish(chunk, weight: Self.weight(of: piece)) }
                    continue
                }
                if case .broken = chunk { try Task.checkCancellation() }
                return publish(chunk, weight: 0)
            }
        } catch {
            publish(.broken, weight: 0)
            throw error
        }
    }

    /// In bytes. A piece of few bytes may keep a whole buffer in memory.
    private static func weight(of piece: ByteBuffer) -> Int { max(piece.readableBytes, 64 << 10) }

    // MARK: The side that pulls

    private func publish(_ chunk: UploadChunk, weight: Int) {
        let now = time.now
        let waiters = state.withLock { state in
            if state.hasEnded || state.readers.isEmpty { return [CheckedContinuation<Void, Never>]() }
            if case .bytes = chunk {} else { state.hasEnded = true }
            state.chunks.append(chunk)
            var waiters: [CheckedContinuation<Void, Never>] = []
            for id in state.readers.keys {
                state.readers[id]?.backlog += weight
                if let reader = state.readers[id], reader.backlog >= window, reader.blockingSince == nil {
                    state.readers[id]?.blockingSince = now
                }
                if let waiter = state.readers[id]?.waiter.take() { waiters.append(waiter) }
            }
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when more may be pulled, or false if nobody would read it. Leaves readers behind that do not move.
    private func waitForRoom() async throws -> Bool {
        while true {
            let deadline: ContinuousClock.Instant
            switch state.withLock({ room($0) }) {
            case .free: return true
            case .useless: return false
            case .full(let until): deadline = until
            }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.waitForChange() }
                group.addTask { [time] in try? await time.sleep(until: deadline) }
                await group.next()
                group.cancelAll()
            }
            try Task.checkCancellation()
            let now = time.now
            state.withLock { state in
                for (id, reader) in state.readers {
                    // Who waits for a chunk is not the one that is waited for.
                    if let since = reader.blockingSince, since + stall <= now { state.readers[id] = nil }
                }
                state.trim()
            }
        }
    }

    private func room(_ state: State) -> Room {
        if state.readers.isEmpty { return .useless }
        guard let since = state.readers.values.compactMap(\.blockingSince).min() else { return .free }
        return .full(until: since + stall)
    }

    private func waitForChange() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard case .full = room(state), !Task.isCancelled else { return true }
                    state.pump = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.pump.take() }?.resume()
        }
    }

    // MARK: The sides that read

    private enum Step {
        case chunk(UploadChunk)
        case wait
    }

    fileprivate func next(_ id: Int) async -> UploadChunk {
        while true {
            if case .chunk(let chunk) = take(id) { return chunk }
            await waitForChunk(id)
            // Takes nothing: whoever asks next gets it.
            if Task.isCancelled { return .broken }
        }
    }

    private func take(_ id: Int) -> Step {
        let now = time.now
        let (step, pump) = state.withLock { state -> (Step, CheckedContinuation<Void, Never>?) in
            guard var reader = state.readers[id] else { return (.chunk(.broken), nil) }
            guard reader.position < state.end else { return (.wait, nil) }
            let chunk = state.chunks[
                state.chunks.index(state.chunks.startIndex, offsetBy: reader.position - state.first)]
            // The end is there for as long as somebody asks.
            guard case .bytes(let piece) = chunk else { return (.chunk(chunk), nil) }
            reader.position += 1
            reader.backlog -= Self.weight(of: piece)
            reader.blockingSince = reader.backlog >= window ? now : nil
            state.readers[id] = reader
            state.trim()
            if case .full = room(state) { return (.chunk(chunk), nil) }
            return (.chunk(chunk), state.pump.take())
        }
        pump?.resume()
        return step
    }

    private func waitForChunk(_ id: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard let reader = state.readers[id], reader.position == state.end, !Task.isCancelled else {
                        return true
                    }
                    state.readers[id]?.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.readers[id]?.waiter.take() }?.resume()
        }
    }

    fileprivate func leave(_ id: Int) {
        let (waiter, pump) = state.withLock { state in
            let waiter = state.readers.removeValue(forKey: id)?.waiter
            state.trim()
            if case .full = room(state) { return (waiter, CheckedContinuation<Void, Never>?.none) }
            return (waiter, state.pump.take())
        }
        waiter?.resume()
        pump?.resume()
    }

    /// One reader's view of the body. Whoever gives it up is not waited for.
    public final class Reader: UploadBody {
        private let split: SplitBody
        private let id: Int

        fileprivate init(_ split: SplitBody, _ id: Int) {
            self.split = split
            self.id = id
        }

        public var isJudged: Bool { split.body.isJudged }

        public func next() async throws -> UploadChunk { await split.next(id) }

        /// Nothing more is wanted; the body looks broken off from now on.
        public func leave() { split.leave(id) }

        deinit { split.leave(id) }
    }
}
