import GitHost
import Synchronization

/// A ``GitHost/PushAnswer`` that one task fills and another one reads afterwards.
final class PushFilter: Sendable {
    private let state: Mutex<PushAnswer>

    init(_ answer: PushAnswer) { state = Mutex(answer) }

    var answer: PushAnswer { state.withLock { $0 } }

    func receive(_ bytes: [UInt8]) -> [UInt8] { state.withLock { $0.receive(bytes) } }
}
