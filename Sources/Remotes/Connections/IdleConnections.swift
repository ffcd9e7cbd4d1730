import NIOCore

/// The connections on which nothing is going on, with when that began.
struct IdleConnections {
    private struct Entry {
        let channel: any Channel
        let endpoint: String
        let number: UInt64
    }

    private var entries: [ObjectIdentifier: Entry] = [:]
    private var countByEndpoint: [String: Int] = [:]
    private var nextNumber: UInt64 = 0

    /// Whether the next request to an endpoint has one.
    func has(to endpoint: String) -> Bool { countByEndpoint[endpoint] != nil }

    mutating func add(_ channel: any Channel, to endpoint: String) {
        remove(channel)
        nextNumber += 1
        entries[ObjectIdentifier(channel)] = Entry(channel: channel, endpoint: endpoint, number: nextNumber)
        countByEndpoint[endpoint, default: 0] += 1
    }

    mutating func remove(_ channel: any Channel) {
        guard let entry = entries.removeValue(forKey: ObjectIdentifier(channel)) else { return }
        let left = countByEndpoint[entry.endpoint, default: 1] - 1
        countByEndpoint[entry.endpoint] = left > 0 ? left : nil
    }

    /// Takes out so many, if any, that have been idle for longest.
    mutating func removeOldest(_ count: Int) -> [any Channel] {
        guard count > 0, !entries.isEmpty else { return [] }
        let oldest = entries.values.sorted { $0.number < $1.number }.prefix(count)
        for entry in oldest { remove(entry.channel) }
        return oldest.map(\.channel)
    }
}
