/// One call that waits for its connection; resumed once, at first. Touched on the event loop of the connection only.
final class Waiter<Value: Sendable>: @unchecked Sendable {
    private var continuation: CheckedContinuation<Value, Never>?
    private var early: Value?
    private var isDone = false
    /// Set when the waiting task was cancelled, perhaps before the wait began.
    var isAbandoned = false

    func resume(_ value: Value) {
        guard !isDone else { return }
        isDone = true
        if let continuation {
            self.continuation = nil
            continuation.resume(returning: value)
        } else {
            early = value
        }
    }

    func attach(_ continuation: CheckedContinuation<Value, Never>) {
        if let early { continuation.resume(returning: early) } else { self.continuation = continuation }
    }
}
