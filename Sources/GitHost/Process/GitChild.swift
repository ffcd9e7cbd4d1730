import Glibc
import Synchronization
import SystemPackage

/// One git process: for how long it is waited for, and its end.
///
/// Attack: a FIFO in place of a ref or an object of a prepared repository, for which git waits for ever. And where a
/// disk does not answer, not even a killed process ends: it is then left behind, so that whoever waited for it goes on.
final class GitChild: Sendable {
    private struct State {
        var silence: GitSilence
        var group: pid_t?
        var isKilled = false
        /// It was ended for its silence.
        var isGivenUp = false
        /// It did not end though it was killed, and nobody waits for it any more.
        var isLeft = false
    }

    let gitDirectory: FilePath
    private let command: String
    /// How long it may be silent; nil where its whole time is bounded.
    private let patience: Duration?
    /// How long it may take to end once it should.
    private let grace: Duration
    private let state: Mutex<State>

    init(
        _ command: String, in gitDirectory: FilePath, _ manner: GitSilence.Manner, patience: Duration?,
        grace: Duration = .seconds(12)
    ) {
        self.command = command
        self.gitDirectory = gitDirectory
        self.patience = patience
        self.grace = grace
        state = Mutex(State(silence: GitSilence(manner, at: .now)))
    }

    func happened(_ event: GitSilence.Event) {
        state.withLock { $0.silence.happened(event, at: .now) }
    }

    /// Tells the process group, which is all that the process starts.
    func started(_ group: pid_t) {
        let isKilled = state.withLock { state in
            state.group = group
            return state.isKilled
        }
        if isKilled { Glibc.kill(-group, SIGKILL) }
    }

    /// Ends it at once, whatever it does.
    func kill() {
        let group = state.withLock { state in
            state.isKilled = true
            return state.group
        }
        if let group { Glibc.kill(-group, SIGKILL) }
    }

    /// Whether it has been waited for in vain for longer than `time`, or was left behind.
    func isStuck(for time: Duration, at now: ContinuousClock.Instant) -> Bool {
        state.withLock { $0.isLeft || $0.silence.since.map { $0.duration(to: now) > time } ?? false }
    }

    var isLeft: Bool { state.withLock { $0.isLeft } }

    /// Does the work with the process, but not for longer than that may be silent; nor, when the task is cancelled,
    /// than it may take to end.
    ///
    /// - Parameter work: starts the process and waits for its end; cancellation has it end it. It may go on after this
    ///   has thrown.
    func supervise<Output: Sendable>(
        among children: GitChildren = .all, _ work: @escaping @Sendable () async throws -> Output
    ) async throws -> Output {
        let outcome = Handover<Output>()
        // Where the caller runs, which may be the event loop of a connection.
        let executor = withUnsafeCurrentTask { $0?.unownedTaskExecutor?.asTaskExecutor() }
        try children.add(self)
        // Not a child of this task, since that would be waited for.
        let run = Task(executorPreference: executor) {
            let result: Result<Output, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            children.remove(self)
            outcome.settle(result.mapError { self.reason ?? $0 })
        }
        let guardian = Task {
            guard await self.fallsSilent() else { return }
            run.cancel()
            await self.leave(outcome)
        }
        defer { guardian.cancel() }
        return try await withTaskCancellationHandler {
            try await outcome.value
        } onCancel: {
            run.cancel()
            // Ends a moment later for nobody, as a rule.
            Task { await self.leave(outcome) }
        }
    }

    /// Returns when the process has been silent for too long; false when the task was cancelled.
    private func fallsSilent() async -> Bool {
        guard let patience else { return false }
        while !Task.isCancelled {
            let now = ContinuousClock.now
            let due = (state.withLock { $0.silence.since } ?? now) + patience
            if due <= now {
                state.withLock { $0.isGivenUp = true }
                return true
            }
            try? await Task.sleep(until: due)
        }
        return false
    }

    /// Lets the caller go on, if the process has not ended when it should have.
    private func leave<Output>(_ outcome: Handover<Output>) async {
        try? await Task.sleep(for: grace)
        guard !Task.isCancelled else { return }
        if outcome.settle(.failure(reason ?? CancellationError())) { state.withLock { $0.isLeft = true } }
    }

    private var reason: GitError? {
        guard let patience, state.withLock({ $0.isGivenUp }) else { return nil }
        return GitError(
            code: .timedOut, command: command,
            message: "it neither took nor printed a byte for \(patience), in \"\(gitDirectory)\"")
    }
}

/// A result that one task waits for, and that the first of several others gives.
private final class Handover<Output: Sendable>: Sendable {
    private struct State {
        var result: Result<Output, any Error>?
        var waiting: CheckedContinuation<Output, any Error>?
        var isSettled = false
    }

    private let state = Mutex(State())

    /// False if there is a result already.
    @discardableResult
    func settle(_ result: Result<Output, any Error>) -> Bool {
        let (isFirst, waiting) = state.withLock { state in
            guard !state.isSettled else { return (false, CheckedContinuation<Output, any Error>?.none) }
            state.isSettled = true
            if state.waiting == nil { state.result = result }
            return (true, state.waiting.take())
        }
        waiting?.resume(with: result)
        return isFirst
    }

    var value: Output {
        get async throws {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state in
                    if state.result == nil { state.waiting = continuation }
                    return state.result.take()
                }
                if let result { continuation.resume(with: result) }
            }
        }
    }
}
