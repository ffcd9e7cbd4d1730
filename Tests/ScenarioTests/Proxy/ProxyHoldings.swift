import Foundation
import TestKit
import Testing

/// Everything that requests to a remote may hold, at the gateway and at the remote, but for the content locks that were
/// promised.
struct ProxyHoldings: CustomStringConvertible {
    private(set) var counts: [String: Int] = [:]
    /// Lock files and temporary files of transfers; partial content stays on purpose.
    private(set) var litter: [String] = []

    private static let gauges = [
        "annexd_connections", "annexd_remote_requests", "annexd_remote_queue", "annexd_remote_connections",
        "annexd_uploads_waiting", "annexd_blocking_waiting", "annexd_blocking_running", "annexd_git_working",
        "annexd_git_slow", "annexd_git_queue",
    ]

    /// - Parameter gateway: whether to look at the gateway, too.
    init(_ setup: ProxySetup, gateway: Bool = true) throws {
        if gateway { try add("gateway", setup.host) }
        if let other = setup.otherHost { try add("remote", other) }
        let places = [setup.targetGitDirectory] + (gateway ? [setup.gateway.directory] : [])
        let folders = places.flatMap { directory in
            ["transfer", "othertmp", "tmp"].map { "\(directory)/annex/\($0)" }
        }
        // The stock program notes what failed, too.
        let kept = ["!", "-path", "*/annex/tmp/SHA256-*", "!", "-path", "*/transfer/failed/*"]
        litter = try Command(["find"] + folders + ["-type", "f"] + kept).run().lines
    }

    private mutating func add(_ name: String, _ host: AnnexdHost) throws {
        // First, so that the connection that asks for the others is none of them.
        let readings = try host.readings
        let metrics = try host.metrics()
        for gauge in Self.gauges {
            let value = try #require(metrics[gauge], "\(gauge)")
            counts["\(name) \(gauge)"] = value
        }
        // A lock on content of this machine is an open file.
        let locks = try host.localLocks()
        counts["\(name) descriptors"] = readings.descriptors - locks
        counts["\(name) threads"] = readings.threads
        counts["\(name) children"] = readings.children.count
    }

    /// What is held that was not held then. The runtime may make a thread or two late, once.
    func excess(over before: ProxyHoldings) -> [String] {
        counts.filter { $0.value > (before.counts[$0.key] ?? 0) + ($0.key.hasSuffix("threads") ? 2 : 0) }.map {
            "\($0.key) \($0.value)"
        }.sorted()
            + Set(litter).subtracting(before.litter)
    }

    /// Whether nothing is going on but the question itself.
    var isQuiet: Bool {
        counts.allSatisfy { name, count in
            if name.hasSuffix("descriptors") || name.hasSuffix("threads") { return true }
            return count <= (name.hasSuffix("annexd_connections") ? 1 : 0)
        } && litter.isEmpty
    }

    var description: String {
        counts.filter { $0.value != 0 }.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            .joined(separator: ", ") + ", files \(litter)"
    }
}

extension AnnexdHost {
    /// How many lock files of contents it has open.
    fileprivate func localLocks() throws -> Int {
        let links = try Command(["sh", "-c", "ls -l /proc/$0/fd 2>/dev/null", "\(pid)"]).run().lines
        return links.count { $0.hasSuffix(".lck") && $0.contains("/annex/objects/") }
    }
}
