import Blocking
import Locations

/// Bounds how many requests to one target run at one time; later ones wait in the order they came.
///
/// Transfers may take as long as they like, so a part of the places is left to requests that take a moment: a target
/// that is busy with transfers still tells what it has, removes, and keeps its locks.
final class TargetGate: Sendable {
    enum Purpose: Sendable {
        /// Content is sent or received.
        case transfer
        /// Everything else.
        case question
    }

    private let limit: Int
    private let patience: Duration
    /// How many places are free.
    private let line: WaitingLine<Int, Purpose>

    init(limit: Int, patience: Duration) {
        let limit = max(1, limit)
        // With a single place nothing can be left.
        let reserved = limit > 1 ? max(1, limit / 8) : 0
        self.limit = limit
        self.patience = patience
        line = WaitingLine(limit) { free, purpose in
            guard free > (purpose == .transfer ? reserved : 0) else { return false }
            free -= 1
            return true
        }
    }

    var inUse: Int { limit - line.state }
    var waiting: Int { line.waiting }

    /// A place, given back when it is released or goes away. Throws `.busy` where that takes too long; `name` is for
    /// the message.
    func enter(_ purpose: Purpose, _ name: String) async throws -> Place {
        guard await line.enter(purpose, patience: patience) else {
            try Task.checkCancellation()
            throw RemoteError(.busy, "\(name) is busy: \(inUse) requests to it are running")
        }
        return Place { [line] in line.change { free, _ in free += 1 } }
    }
}
