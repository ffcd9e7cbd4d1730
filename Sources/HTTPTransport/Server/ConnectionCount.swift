import NIOCore
import Synchronization

/// Counts the connections of a server over all its listening sockets, and wakes those that wait for room.
final class ConnectionCount: Sendable {
    private let maximum: Int
    private let statistics: TransportStatistics
    private let gates = Mutex<[(gate: AcceptGate, loop: any EventLoop)]>([])

    init(maximum: Int, statistics: TransportStatistics) {
        self.maximum = max(1, maximum)
        self.statistics = statistics
    }

    var isFull: Bool { statistics.openConnections >= maximum }

    func add(_ gate: AcceptGate, loop: any EventLoop) { gates.withLock { $0.append((gate, loop)) } }

    func remove(_ gate: AcceptGate) { gates.withLock { $0.removeAll { $0.gate === gate } } }

    func increment() {
        statistics.connections.add(1, ordering: .relaxed)
        statistics.accepted.add(1, ordering: .relaxed)
    }

    func decrement() {
        let before = statistics.connections.subtract(1, ordering: .relaxed).oldValue
        guard before >= maximum else { return }
        for entry in gates.withLock({ $0 }) { entry.loop.execute { entry.gate.resume() } }
    }
}
