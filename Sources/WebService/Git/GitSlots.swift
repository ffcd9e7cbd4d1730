public import Blocking
import Synchronization

/// Bounds how many git services run at one time; those that come later wait, and are turned away after a while.
///
/// A place is for work. A git process whose client takes or sends nothing for a moment only waits, so its place goes to
/// another request; there is a bound on these as well, and on all that one client runs, so that a few slow readers do
/// not keep everybody from git.
public final class GitSlots: Sendable {
    public struct Limits: Sendable, Hashable {
        /// Git services that work at one time.
        public var working: Int
        /// Further ones that only wait for their client.
        public var slow: Int
        /// Of both kinds, for one client.
        public var ofClient: Int
        /// How long a request waits for its turn.
        public var patience: Duration
        /// After how long a process that waits for its client gives its place away.
        public var slowAfter = Duration.seconds(1)

        /// One client may have an eighth of all places, and two in any case: the slow ones of one client take nothing
        /// from others, and who stands with others behind a proxy that nobody trusts can still work.
        public init(working: Int, slow: Int, patience: Duration) {
            self.working = working
            self.slow = slow
            self.patience = patience
            ofClient = max(2, (working + slow) / 8)
        }
    }

    private struct State {
        var working = 0
        var slow = 0
        var byClient: [String: Int] = [:]

        func isCrowded(by client: String, _ limits: Limits) -> Bool { byClient[client, default: 0] >= limits.ofClient }
    }

    private let line: WaitingLine<State, String>
    private let limits: Limits
    fileprivate let time: Timekeeper

    /// - Parameter time: by which requests lose patience, and processes become slow.
    public init(_ limits: Limits, time: Timekeeper = .system) {
        self.limits = limits
        self.time = time
        line = WaitingLine(State(), time: time) { state, client in
            guard state.working < limits.working, !state.isCrowded(by: client, limits) else { return false }
            state.working += 1
            state.byClient[client, default: 0] += 1
            return true
        }
    }

    /// How many requests wait for their turn.
    public var waiting: Int { line.waiting }
    /// How many git services work.
    public var working: Int { line.state.working }
    /// How many only wait for their client.
    public var slow: Int { line.state.slow }

    /// Runs `body` when it is its turn; throws a 503 when that takes too long, and ends early when the client leaves.
    ///
    /// - Parameter client: who asks, as far as bounds tell people apart.
    func withSlot<Result: Sendable>(
        for client: String, _ body: (GitSlot) async throws -> Result
    ) async throws -> Result {
        guard await line.enter(client, patience: limits.patience) else {
            try Task.checkCancellation()
            let isAlone = line.state.isCrowded(by: client, limits)
            throw ServiceError(
                status: 503,
                reason: isAlone
                    ? "too many git operations of one client at the moment; try again"
                    : "too many git operations at the moment; try again", headers: [("Retry-After", "5")])
        }
        let slot = GitSlot(self)
        // Owned by this call, which cancels it.
        let watch = Task { await slot.watch(every: limits.slowAfter) }
        defer {
            watch.cancel()
            leave(client, isSlow: slot.end())
        }
        return try await body(slot)
    }

    private func leave(_ client: String, isSlow: Bool) {
        line.change { state, _ in
            if isSlow { state.slow -= 1 } else { state.working -= 1 }
            let left = state.byClient[client, default: 1] - 1
            state.byClient[client] = left > 0 ? left : nil
        }
    }

    /// Gives the place of a process away that waits for its client; false where no more of these may be.
    fileprivate func becomeSlow() -> Bool {
        line.change { state, _ in
            guard state.slow < limits.slow else { return false }
            state.slow += 1
            state.working -= 1
            return true
        }
    }

    /// Takes a place for a process that goes on, if one is free. It goes on in any case.
    fileprivate func becomeQuick() -> Bool {
        line.change { state, waiting in
            guard waiting == 0, state.working < limits.working else { return false }
            state.slow -= 1
            state.working += 1
            return true
        }
    }
}

/// The place of one git service.
final class GitSlot: Sendable {
    private struct State {
        var isSlow = false
        var hasEnded = false
        /// Waits for the client that are under way, at most one to read from it and one to write to it.
        var waits = 0
        var waitingSince: ContinuousClock.Instant
    }

    private let slots: GitSlots
    private let state: Mutex<State>

    fileprivate init(_ slots: GitSlots) {
        self.slots = slots
        state = Mutex(State(waitingSince: slots.time.now))
    }

    /// Runs `wait`, which waits for the client; when that takes long, the place is given to others.
    func whileWaiting<Result>(_ wait: () async throws -> Result) async rethrows -> Result {
        state.withLock { state in
            if state.waits == 0 { state.waitingSince = slots.time.now }
            state.waits += 1
        }
        defer {
            state.withLock { state in
                state.waits -= 1
                state.waitingSince = slots.time.now
                if state.isSlow, !state.hasEnded, slots.becomeQuick() { state.isSlow = false }
            }
        }
        return try await wait()
    }

    /// Looks again and again whether the client keeps the process waiting, until the task is cancelled.
    fileprivate func watch(every pause: Duration) async {
        while (try? await slots.time.sleep(until: slots.time.now + pause)) != nil {
            state.withLock { state in
                guard state.waits > 0, !state.isSlow, !state.hasEnded,
                    state.waitingSince.duration(to: slots.time.now) >= pause
                else { return }
                state.isSlow = slots.becomeSlow()
            }
        }
    }

    /// Ends the service; answers whether its place had been given away.
    fileprivate func end() -> Bool {
        state.withLock { state in
            state.hasEnded = true
            return state.isSlow
        }
    }
}
