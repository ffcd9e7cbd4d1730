import Synchronization

/// Callers that wait until some state has room for them, in the order they came and for a bounded time.
public final class WaitingLine<State: Sendable, Guest: Sendable>: Sendable {
    private struct Waiter {
        let id: UInt64
        let guest: Guest
        let resume: CheckedContinuation<Bool, Never>
    }

    private struct Line {
        var state: State
        var waiting: [Waiter] = []
        /// Calls that wait, or are about to.
        var open: Set<UInt64> = []
        /// Those of them that ended before their wait began.
        var ended: Set<UInt64> = []
        var nextID: UInt64 = 0
    }

    private let line: Mutex<Line>
    private let enters: @Sendable (inout State, Guest) -> Bool
    private let time: Timekeeper

    /// - Parameters:
    ///   - time: by which patience ends.
    ///   - enters: lets a guest in, or returns false if there is no room for it now.
    public init(
        _ state: sending State, time: Timekeeper = .system, enters: @escaping @Sendable (inout State, Guest) -> Bool
    ) {
        line = Mutex(Line(state: state))
        self.time = time
        self.enters = enters
    }

    public var state: State { line.withLock { $0.state } }
    /// How many wait.
    public var waiting: Int { line.withLock { $0.waiting.count } }

    /// Lets the guest in when there is room. Answers false where that took longer than `patience`, or the task was
    /// cancelled meanwhile.
    public func enter(_ guest: Guest, patience: Duration) async -> Bool {
        let id: UInt64? = line.withLock { line in
            if enters(&line.state, guest) { return nil }
            line.nextID += 1
            line.open.insert(line.nextID)
            return line.nextID
        }
        guard let id else { return true }
        let deadline = time.now + patience
        // Waits for nobody: it ends the wait of this call, or finds it ended.
        let alarm = Task {
            try await time.sleep(until: deadline)
            end(id)
        }
        defer {
            alarm.cancel()
            line.withLock { line in
                line.open.remove(id)
                line.ended.remove(id)
            }
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = line.withLock { line in
                    if line.ended.remove(id) != nil { return false }
                    if enters(&line.state, guest) { return true }
                    line.waiting.append(Waiter(id: id, guest: guest, resume: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            end(id)
        }
    }

    /// Changes the state, and lets those in for whom there is room then.
    ///
    /// - Parameter body: is also told how many wait.
    @discardableResult
    public func change<Result: Sendable>(_ body: (inout State, Int) -> Result) -> Result {
        let (result, admitted) = line.withLock { line in
            let result = body(&line.state, line.waiting.count)
            var admitted: [Waiter] = []
            line.waiting.removeAll { waiter in
                guard enters(&line.state, waiter.guest) else { return false }
                admitted.append(waiter)
                return true
            }
            return (result, admitted)
        }
        for waiter in admitted { waiter.resume.resume(returning: true) }
        return result
    }

    /// Ends a wait in vain; one that has not begun yet ends when it begins.
    private func end(_ id: UInt64) {
        let waiter: Waiter? = line.withLock { line in
            guard let index = line.waiting.firstIndex(where: { $0.id == id }) else {
                if line.open.contains(id) { line.ended.insert(id) }
                return nil
            }
            return line.waiting.remove(at: index)
        }
        waiter?.resume.resume(returning: false)
    }
}
