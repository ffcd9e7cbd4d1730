import NIOCore
import Synchronization

/// Counts the connections of a server over all its listening sockets, those of each client as well, and wakes the
/// sockets that wait for room.
final class ConnectionCount: Sendable {
    private let maximum: Int
    private let maximumPerClient: Int
    private let clients = Mutex<[String: Int]>([:])
    private let statistics: TransportStatistics
    private let gates = Mutex<[(gate: AcceptGate, loop: any EventLoop)]>([])

    init(maximum: Int, statistics: TransportStatistics) {
        self.maximum = max(1, maximum)
        maximumPerClient = max(1, maximum / 2)
        self.statistics = statistics
    }

    var isFull: Bool { statistics.openConnections >= maximum }

    func add(_ gate: AcceptGate, loop: any EventLoop) { gates.withLock { $0.append((gate, loop)) } }

    func remove(_ gate: AcceptGate) { gates.withLock { $0.removeAll { $0.gate === gate } } }

    func increment() {
        statistics.connections.add(1, ordering: .relaxed)
        statistics.accepted.add(1, ordering: .relaxed)
    }

    /// Counts a connection of a client, unless that has half of all already: nobody alone can keep the others out.
    ///
    /// - Returns: whether it was counted; then ``leave(_:)`` follows.
    func enter(_ client: String) -> Bool {
        clients.withLock { clients in
            let count = clients[client] ?? 0
            guard count < maximumPerClient else { return false }
            clients[client] = count + 1
            return true
        }
    }

    func leave(_ client: String) {
        clients.withLock { clients in
            guard let count = clients[client] else { return }
            clients[client] = count > 1 ? count - 1 : nil
        }
    }

    func decrement() {
        let before = statistics.connections.subtract(1, ordering: .relaxed).oldValue
        guard before >= maximum else { return }
        for entry in gates.withLock({ $0 }) { entry.loop.execute { entry.gate.resume() } }
    }
}
