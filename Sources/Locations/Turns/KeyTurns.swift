public import AnnexProtocol
public import Blocking
import Synchronization

/// Lets uploads of one key take turns: the next one waits, without reading its body, until the one before has ended.
///
/// Two receivers would write into one temporary file; and the one that waited usually finds the content stored. An
/// upload that crawls while others wait is asked to step back: it keeps what it sent, goes to the end of the line, and
/// will mostly find the content stored when its turn comes again.
public final class KeyTurns: Sendable {
    /// When an upload is slow enough to step back.
    public struct Patience: Sendable {
        /// How long an upload is watched while others wait.
        public var window: Duration
        /// Bytes that it must get on by within the window.
        public var minimumProgress: UInt64

        public init(window: Duration = .seconds(3), minimumProgress: UInt64 = 512 << 10) {
            self.window = window
            self.minimumProgress = minimumProgress
        }
    }

    private struct Waiter {
        let turn: Turn
        let resume: CheckedContinuation<Bool, Never>
    }

    private struct Line {
        var active: Turn
        var waiting: [Waiter] = []
        var watch: Task<Void, Never>?
    }

    private struct State {
        var lines: [Key: Line] = [:]
        var cancelled: Set<ObjectIdentifier> = []
    }

    private let state = Mutex(State())
    private let patience: Patience
    private let time: Timekeeper

    public init(patience: Patience = Patience(), time: Timekeeper = .system) {
        self.patience = patience
        self.time = time
    }

    /// Runs `body` while nobody else has this key's turn. Cancelling the task leaves the queue.
    ///
    /// - Parameter hasStepped: whether this upload had a turn before and stepped back; only one that is stuck steps
    ///   back for it again, or slow ones would push each other aside without end.
    public func withTurn<Result: Sendable>(
        for key: Key, hasStepped: Bool = false, _ body: (Turn) async throws -> Result
    ) async throws -> Result {
        let turn = Turn(hasStepped: hasStepped)
        guard await take(key, turn) else { throw CancellationError() }
        defer { passOn(key) }
        return try await body(turn)
    }

    /// How many uploads wait for their turn.
    public var waiting: Int { state.withLock { $0.lines.values.reduce(0) { $0 + $1.waiting.count } } }

    private func take(_ key: Key, _ turn: Turn) async -> Bool {
        // Also for a task that is cancelled already: what arrived before its client left is still to be kept (spec 01
        // §4.2).
        let isFree = state.withLock { state in
            guard state.lines[key] == nil else { return false }
            state.lines[key] = Line(active: turn)
            return true
        }
        if isFree { return true }
        let id = ObjectIdentifier(turn)
        defer { _ = state.withLock { $0.cancelled.remove(id) } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return false }
                    guard state.lines[key] != nil else {
                        state.lines[key] = Line(active: turn)
                        return true
                    }
                    turn.waits()
                    state.lines[key]?.waiting.append(Waiter(turn: turn, resume: continuation))
                    if state.lines[key]?.watch == nil { state.lines[key]?.watch = watch(key) }
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLock { state in
                guard let index = state.lines[key]?.waiting.firstIndex(where: { $0.turn === turn }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.lines[key]?.waiting.remove(at: index)
            }
            waiter?.resume.resume(returning: false)
        }
    }

    private func passOn(_ key: Key) {
        let next: Waiter? = state.withLock { state in
            guard var line = state.lines[key] else { return nil }
            guard !line.waiting.isEmpty else {
                line.watch?.cancel()
                state.lines[key] = nil
                return nil
            }
            let first = line.waiting.removeFirst()
            line.active = first.turn
            state.lines[key] = line
            return first
        }
        next?.resume.resume(returning: true)
    }

    /// Looks now and then whether the active upload crawls while others wait; ends when nobody waits.
    ///
    /// Waits for nobody itself: the line owns it, and cancels it when it dissolves.
    private func watch(_ key: Key) -> Task<Void, Never> {
        let (patience, time) = (patience, time)
        return Task { [weak self] in
            var seen: (turn: Turn, progress: UInt64)?
            while true {
                guard let active = self?.active(watched: key) else { return }
                let progress = active.progress
                if let seen, seen.turn === active, progress - seen.progress < patience.minimumProgress {
                    self?.askToStepBack(active, key, isStuck: progress == seen.progress)
                }
                seen = (active, progress)
                guard (try? await time.sleep(until: time.now + patience.window)) != nil else { return }
            }
        }
    }

    /// The active upload, or nil, and the end of the watch, where nobody waits.
    private func active(watched key: Key) -> Turn? {
        state.withLock { state in
            guard let line = state.lines[key] else { return nil }
            if line.waiting.isEmpty {
                state.lines[key]?.watch = nil
                return nil
            }
            return line.active
        }
    }

    private func askToStepBack(_ active: Turn, _ key: Key, isStuck: Bool) {
        let isWorthIt = state.withLock { state in
            guard let line = state.lines[key], line.active === active else { return false }
            return isStuck || line.waiting.contains { !$0.turn.hasStepped }
        }
        if isWorthIt { active.askToStepBack() }
    }
}
