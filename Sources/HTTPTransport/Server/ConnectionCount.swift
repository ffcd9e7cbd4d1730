import Logging
import NIOCore
import Synchronization

/// Counts the connections of a server over all its listening sockets, and wakes those that wait for room.
///
/// When the maximum is reached, idle connections give way to new ones, in the order of ``GivingWay``. One that a
/// request goes on in, such as one that keeps a lock, never does. Whether somebody waits in the kernel's queue cannot
/// be seen; so one connection more is accepted while there is one to close, and that is closed then.
final class ConnectionCount: Sendable {
    private typealias Candidate = GivingWay<Connection>.Candidate

    /// The next ones to give way, the last one first, as of a time.
    private struct Line {
        var candidates: [Candidate] = []
        var made = NIODeadline.distantPast
        var lastWarning: NIODeadline?
    }

    private let core: ServerCore
    private let maximum: Int
    private let statistics: TransportStatistics
    private let gates = Mutex<[(gate: AcceptGate, loop: any EventLoop)]>([])
    private let line = Mutex(Line())
    /// Connections that were told to give way, and are still counted.
    private let leaving = Atomic<Int>(0)

    /// How many are chosen at once, so that a flood does not look through all connections for each.
    private static let chosenAtOnce = 64

    init(core: ServerCore) {
        self.core = core
        maximum = max(1, core.configuration.maximumConnections)
        statistics = core.statistics
    }

    /// Whether one more may be accepted: there is room for it, or there will be.
    func admitsAnother() -> Bool {
        if staying < maximum { return true }
        // Some may have come when all others were busy.
        makeRoom()
        return staying < maximum || staying == maximum && hasCandidate()
    }

    func add(_ gate: AcceptGate, loop: any EventLoop) { gates.withLock { $0.append((gate, loop)) } }

    func remove(_ gate: AcceptGate) { gates.withLock { $0.removeAll { $0.gate === gate } } }

    func increment() {
        statistics.connections.add(1, ordering: .relaxed)
        statistics.accepted.add(1, ordering: .relaxed)
        makeRoom()
    }

    func decrement() {
        let before = statistics.connections.subtract(1, ordering: .relaxed).oldValue
        guard before >= maximum else { return }
        for entry in gates.withLock({ $0 }) { entry.loop.execute { entry.gate.resume() } }
    }

    // MARK: Giving way

    private var staying: Int { statistics.openConnections - leaving.load(ordering: .relaxed) }

    /// Closes as many idle connections as there are beyond the maximum.
    private func makeRoom() {
        while staying > maximum, let candidate = line.withLock({ next(&$0, keepsIt: false) }) {
            guard candidate.name.claim(idleSince: candidate.since) else { continue }
            leaving.add(1, ordering: .relaxed)
            let connection = candidate.name
            connection.onLoop {
                if connection.giveWay() { self.statistics.closedIdle.add(1, ordering: .relaxed) }
                self.leaving.subtract(1, ordering: .relaxed)
            }
        }
    }

    private func hasCandidate() -> Bool { line.withLock { next(&$0, keepsIt: true) } != nil }

    /// The next one that is still as idle as when it was chosen.
    private func next(_ line: inout Line, keepsIt: Bool) -> Candidate? {
        let now = NIODeadline.now()
        if line.made + .seconds(1) < now { line.candidates = [] }
        for isFresh in [false, true] {
            while let last = line.candidates.last {
                let isIdle = last.name.isIdle(since: last.since)
                if !isIdle || !keepsIt { line.candidates.removeLast() }
                if isIdle { return last }
            }
            if isFresh { break }
            let idle = core.idleConnections(until: now - core.configuration.idleGrace)
            line.candidates = GivingWay.first(Self.chosenAtOnce, of: idle).reversed()
            line.made = now
            warn(&line, now)
        }
        return nil
    }

    private func warn(_ line: inout Line, _ now: NIODeadline) {
        guard let first = line.candidates.last, line.lastWarning.map({ $0 + .minutes(1) < now }) ?? true else { return }
        line.lastWarning = now
        core.logger.warning(
            "all connections are taken: idle ones give way to new ones, beginning with the client that has most",
            metadata: ["client": "\(first.client)", "connections": "\(statistics.openConnections)"])
    }
}
