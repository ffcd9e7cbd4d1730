import Synchronization

/// Bounds how many git services run at one time; those that come later wait, and are turned away after a while.
public final class GitSlots: Sendable {
    private struct Waiter {
        let id: UInt64
        let resume: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var free: Int
        var waiting: [Waiter] = []
        var ended: Set<UInt64> = []
        var nextID: UInt64 = 0
    }

    private let state: Mutex<State>
    private let patience: Duration

    /// - Parameters:
    ///   - count: git services at one time.
    ///   - patience: how long a request waits for its turn.
    public init(count: Int, patience: Duration) {
        state = Mutex(State(free: count))
        self.patience = patience
    }

    /// How many requests wait for their turn.
    public var waiting: Int { state.withLock { $0.waiting.count } }

    /// Runs `body` when it is its turn; throws a 503 when that takes too long, and ends early when the client leaves.
    func withSlot<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        guard await take() else {
            try Task.checkCancellation()
            throw ServiceError(
                status: 503, reason: "too many git operations at the moment; try again", headers: [("Retry-After", "5")]
            )
        }
        defer { giveBack() }
        return try await body()
    }

    private func take() async -> Bool {
        let id: UInt64? = state.withLock { state in
            if state.free > 0 {
                state.free -= 1
                return nil
            }
            state.nextID += 1
            return state.nextID
        }
        guard let id else { return true }
        // Waits for nobody: it ends the wait of this request, or finds it ended.
        let alarm = Task {
            try await Task.sleep(for: patience)
            end(id)
        }
        defer {
            alarm.cancel()
            state.withLock { _ = $0.ended.remove(id) }
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.ended.remove(id) != nil { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append(Waiter(id: id, resume: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            end(id)
        }
    }

    /// Ends a wait without a slot; one that has not begun yet ends when it begins.
    private func end(_ id: UInt64) {
        let waiter: Waiter? = state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
                state.ended.insert(id)
                return nil
            }
            return state.waiting.remove(at: index)
        }
        waiter?.resume.resume(returning: false)
    }

    private func giveBack() {
        let next: Waiter? = state.withLock { state in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume.resume(returning: true)
    }
}
