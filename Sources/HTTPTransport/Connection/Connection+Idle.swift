import NIOCore
import Synchronization

/// What makes a connection give way to others when the server is full: to be without a request, or with half its head.
///
/// What has had its answer and lingers closes soon by itself.
extension Connection {
    /// Since when it has been idle, as uptime in nanoseconds; nil while a request goes on. From any thread.
    var idleSince: UInt64? {
        let state = idleState.load(ordering: .relaxed)
        return state == 0 || state == .max ? nil : state
    }

    func isIdle(since: UInt64) -> Bool { idleState.load(ordering: .relaxed) == since }

    /// On the event loop. A request that begins now is served, though the connection was to give way.
    func setIdle(_ isIdle: Bool) {
        idleState.store(isIdle ? max(1, NIODeadline.now().uptimeNanoseconds) : 0, ordering: .relaxed)
    }

    /// Chooses it to give way; false if it has not been idle all the time, or was chosen by somebody else. From any
    /// thread.
    func claim(idleSince since: UInt64) -> Bool {
        idleState.compareExchange(expected: since, desired: .max, ordering: .relaxed).exchanged
    }

    /// Closes after ``claim(idleSince:)``, and tells whether it did: not where a request has begun meanwhile. On the
    /// event loop.
    func giveWay() -> Bool {
        guard idleState.load(ordering: .relaxed) == .max, case .open = phase, exchange == nil else { return false }
        closeBelowTLS()
        return true
    }
}
