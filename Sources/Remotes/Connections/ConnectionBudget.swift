import Blocking
import Locations

/// Bounds how many requests to other hosts have a connection at one time, all hosts together, since each takes a file
/// descriptor of this process. Later ones wait in the order they came.
final class ConnectionBudget: Sendable {
    let limit: Int
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

    var waiting: Int { line.waiting }

    /// A place, given back when it is released or goes away. Throws `.busy` where that takes too long; `name` is for
    /// the message.
    func enter(_ name: String) async throws -> Place {
        guard await line.enter((), patience: patience) else {
            try Task.checkCancellation()
            throw RemoteError(
                .busy, "the server has no connection left for \(name): \(limit) to other hosts are in use")
        }
        return Place { [line] in line.change { free, _ in free += 1 } }
    }
}
