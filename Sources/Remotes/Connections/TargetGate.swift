import Locations
import Synchronization

/// Bounds how many requests to one target run at one time; later ones wait in the order they came.
final class TargetGate: Sendable {
    private struct Waiter {
        let id: UInt64
        let resume: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var free: Int
        var waiting: [Waiter] = []
        /// Calls that wait, or are about to.
        var open: Set<UInt64> = []
        /// Those of them that ended before their wait began.
        var ended: Set<UInt64> = []
        var nextID: UInt64 = 0
    }

    private let limit: Int
    private let patience: Duration
    private let state: Mutex<State>

    init(limit: Int, patience: Duration) {
        self.limit = max(1, limit)
        self.patience = patience
        state = Mutex(State(free: max(1, limit)))
    }

    var inUse: Int { state.withLock { limit - $0.free } }
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// A place, given back when it is released or goes away. Throws `.busy` where that takes too long; `name` is for the
    /// message.
    func enter(_ name: String) async throws -> Place {
        guard await take() else {
            try Task.checkCancellation()
            throw RemoteError(.busy, "\(name) is busy: \(limit) requests to it are running")
        }
        return Place(self)
    }

    /// One of the requests that may run.
    final class Place: Sendable {
        private let gate: TargetGate
        private let isReleased = Atomic<Bool>(false)

        fileprivate init(_ gate: TargetGate) { self.gate = gate }

        func release() {
            if !isReleased.exchange(true, ordering: .acquiringAndReleasing) { gate.giveBack() }
        }

        deinit { release() }
    }

    private func take() async -> Bool {
        let id: UInt64? = state.withLock { state in
            if state.free > 0 {
                state.free -= 1
                return nil
            }
            state.nextID += 1
            state.open.insert(state.nextID)
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
            state.withLock { state in
                state.open.remove(id)
                state.ended.remove(id)
            }
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

    private func end(_ id: UInt64) {
        let waiter: Waiter? = state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
                if state.open.contains(id) { state.ended.insert(id) }
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
