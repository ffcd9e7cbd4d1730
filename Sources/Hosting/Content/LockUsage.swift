/// Counts content locks, and what they need: the locks of one client on one key need it once. Pure.
struct LockUsage: Sendable {
    /// What counts once, however many locks there are.
    struct Use: Hashable, Sendable {
        var client: LockTable.Client
        var subject: LockTable.Subject
    }

    /// Locked keys, each once for a client, and the locks on them.
    struct Count: Hashable, Sendable {
        var keys = 0
        var locks = 0
    }

    private var locks: [Use: Int] = [:]
    private var byClient: [LockTable.Client: Count] = [:]
    private(set) var all = Count()
    /// Of people without a login.
    private(set) var ofAnonymous = Count()

    func contains(_ use: Use) -> Bool { locks[use] != nil }

    func of(_ client: LockTable.Client) -> Count { byClient[client] ?? Count() }

    mutating func add(_ use: Use) {
        let isNew = locks[use] == nil
        locks[use, default: 0] += 1
        change(use.client, keys: isNew ? 1 : 0, locks: 1)
    }

    mutating func remove(_ use: Use) {
        guard let count = locks[use] else { return }
        locks[use] = count > 1 ? count - 1 : nil
        change(use.client, keys: count > 1 ? 0 : -1, locks: -1)
    }

    private mutating func change(_ client: LockTable.Client, keys: Int, locks: Int) {
        func changed(_ count: Count) -> Count { Count(keys: count.keys + keys, locks: count.locks + locks) }
        let ofClient = changed(of(client))
        byClient[client] = ofClient.locks > 0 ? ofClient : nil
        all = changed(all)
        if client.isAnonymous { ofAnonymous = changed(ofAnonymous) }
    }
}
