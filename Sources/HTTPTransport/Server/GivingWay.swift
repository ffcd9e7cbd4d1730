import NIOCore

/// The order in which idle connections give way to new ones: the oldest of the client that has most of them, and so on.
///
/// One client with any number of idle connections so loses its own, and others keep the few they have.
struct GivingWay<Name: Sendable> {
    struct Candidate: Sendable {
        var name: Name
        /// Whose it is, by the address of its other end.
        var client: String
        /// Since when it has been idle, as uptime in nanoseconds.
        var since: UInt64
    }

    /// The first of them, `limit` at most, the next to give way first.
    static func first(_ limit: Int, of candidates: [Candidate]) -> [Candidate] {
        // The youngest first, so that the oldest is taken from the end.
        var lines = Dictionary(grouping: candidates, by: \.client).values
            .map { $0.sorted { $0.since > $1.since } }
            .sorted { $0.count > $1.count }
        var result: [Candidate] = []
        var level = lines.first?.count ?? 0
        while level > 0, result.count < limit {
            // Each of those that have as many as the one with most gives one.
            var round: [Candidate] = []
            for index in lines.indices {
                guard lines[index].count == level else { break }
                round.append(lines[index].removeLast())
            }
            result += round.sorted { $0.since < $1.since }
            level -= 1
        }
        return Array(result.prefix(limit))
    }
}
