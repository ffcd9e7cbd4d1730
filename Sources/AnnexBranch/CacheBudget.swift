import Synchronization

/// How much memory the values of all ``CachedLog``s together may take. What was not used for the longest time goes
/// first.
///
/// Attack: whoever may push to many repositories, or each of many people to one, could otherwise have the host remember
/// a large log for each of them.
public final class CacheBudget: Sendable {
    private struct Entry {
        var cost: Int
        var lastUse: UInt64
        var drop: @Sendable () -> Void
    }

    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        var total = 0
        /// Counts uses.
        var clock: UInt64 = 0

        mutating func remove(_ owner: ObjectIdentifier) -> Entry? {
            guard let entry = entries.removeValue(forKey: owner) else { return nil }
            total -= entry.cost
            return entry
        }
    }

    private let state = Mutex(State())
    private let limit: Int

    /// Smaller values count as nothing: as many as there are open repositories are kept.
    static let negligible = 1024

    /// - Parameter limit: in bytes.
    public init(limit: Int = 32 << 20) { self.limit = limit }

    /// Bytes that are counted now.
    public var used: Int { state.withLock { $0.total } }

    /// Counts what an owner keeps, in place of what it kept before, and has others drop theirs where it is too much.
    ///
    /// - Parameter drop: called once at most, when the owner is to let go of it. False is returned where the value is
    ///   too large to be kept at all.
    func keep(_ cost: Int, of owner: ObjectIdentifier, drop: @escaping @Sendable () -> Void) -> Bool {
        let dropped = state.withLock { state -> [Entry] in
            _ = state.remove(owner)
            if cost <= Self.negligible || cost > limit { return [] }
            state.clock += 1
            state.entries[owner] = Entry(cost: cost, lastUse: state.clock, drop: drop)
            state.total += cost
            if state.total <= limit { return [] }
            // Down to three quarters, so that not each of many new values has to look for the oldest.
            var result: [Entry] = []
            for (oldest, _) in state.entries.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
                if state.total <= limit / 4 * 3 || oldest == owner { break }
                if let entry = state.remove(oldest) { result.append(entry) }
            }
            return result
        }
        // Outside of the lock: each takes the lock of its owner.
        for entry in dropped { entry.drop() }
        return cost <= limit
    }

    /// Takes note that what an owner keeps was used.
    func touch(_ owner: ObjectIdentifier) {
        state.withLock { state in
            state.clock += 1
            state.entries[owner]?.lastUse = state.clock
        }
    }

    /// Forgets an owner that is no more.
    func release(_ owner: ObjectIdentifier) { state.withLock { _ = $0.remove(owner) } }
}
