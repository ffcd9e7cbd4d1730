import Blocking
import Locations
import Synchronization

/// Bounds how many requests to one target run at one time; later ones wait in the order they came.
final class TargetGate: Sendable {
    private let limit: Int
    private let patience: Duration
    /// How many places are free.
    private let line: WaitingLine<Int, Void>

    init(limit: Int, patience: Duration) {
        self.limit = max(1, limit)
        self.patience = patience
        line = WaitingLine(self.limit) { free, _ in
            guard free > 0 else { return false }
            free -= 1
            return true
        }
    }

    var inUse: Int { limit - line.state }
    var waiting: Int { line.waiting }

    /// A place, given back when it is released or goes away. Throws `.busy` where that takes too long; `name` is for the
    /// message.
    func enter(_ name: String) async throws -> Place {
        guard await line.enter((), patience: patience) else {
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
            if !isReleased.exchange(true, ordering: .acquiringAndReleasing) {
                gate.line.change { free, _ in free += 1 }
            }
        }

        deinit { release() }
    }
}
