/// When the journal is committed (spec 02 §2.8.3): soon after a burst, never long after its first change, and at once
/// when many changes wait. Pure: the owner tells it what happened and asks for the deadline.
struct CommitSchedule: Sendable {
    typealias Instant = ContinuousClock.Instant

    let idleDelay: Duration
    let maximumDelay: Duration
    let retryDelay: Duration
    let maximumPending: Int

    /// Changes since the last commit.
    private(set) var pending = 0
    private var oldest: Instant?
    private var newest: Instant?
    private var notBefore: Instant?
    private var heldUntil: Instant?

    init(_ settings: BranchSettings) {
        idleDelay = settings.idleDelay
        maximumDelay = settings.maximumDelay
        retryDelay = settings.retryDelay
        maximumPending = settings.maximumPending
    }

    /// Nil when nothing waits.
    var deadline: Instant? {
        guard let oldest, let newest else { return nil }
        let wanted = pending >= maximumPending ? oldest : min(newest + idleDelay, oldest + maximumDelay)
        return [wanted, notBefore, heldUntil].compactMap(\.self).max()
    }

    mutating func changed(files: Int, at now: Instant) {
        guard files > 0 else { return }
        pending += files
        oldest = oldest ?? now
        newest = now
    }

    mutating func committed() {
        pending = 0
        (oldest, newest, notBefore) = (nil, nil, nil)
    }

    mutating func failed(at now: Instant) { notBefore = now + retryDelay }

    /// Holds commits back while a first push is received, until it ends or `limit` passes.
    mutating func hold(until limit: Instant) { heldUntil = limit }

    mutating func endHold() { heldUntil = nil }

    func isHeld(at now: Instant) -> Bool { heldUntil.map { now < $0 } ?? false }
}
