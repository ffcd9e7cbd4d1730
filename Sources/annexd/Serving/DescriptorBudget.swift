import Glibc
import Logging
import Settings

/// Shares out the file descriptors that the process may have, so that no kind of use takes those of another.
///
/// A connection has one, also one to another host, a content lock one, a git process a handful, and an answer one for
/// the file it sends. Where the machine allows few, the bounds shrink with them: the server then queues and refuses
/// earlier, and never fails.
enum DescriptorBudget {
    /// Raises the limit of this process as far as it may, and answers it.
    static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var higher = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &higher) == 0 { limit = higher }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// The limits that fit into `descriptors`, and the names of those that had to shrink.
    static func fit(_ limits: Settings.Limits, into descriptors: Int) -> (limits: Settings.Limits, shrunk: [String]) {
        var fitted = limits
        var shrunk: [String] = []
        func shrink(_ path: WritableKeyPath<Settings.Limits, Int>, to share: Int, _ name: String) {
            guard fitted[keyPath: path] > share else { return }
            fitted[keyPath: path] = share
            shrunk.append(name)
        }
        shrink(\.maxConnections, to: max(8, descriptors * 3 / 8), "limits.max_connections")
        shrink(\.maxRemoteConnections, to: max(4, descriptors / 10), "limits.max_remote_connections")
        shrink(\.maxLocks, to: max(4, descriptors / 8), "limits.max_locks")
        shrink(\.maxAnonymousLocks, to: max(3, descriptors / 10), "limits.max_anonymous_locks")
        // Whatever the others are set to: five clients at least share what people without a login may have.
        let share = max(1, fitted.maxAnonymousLocks / 5)
        if fitted.maxLocksPerClient > share {
            let isOurs = fitted.maxAnonymousLocks < limits.maxAnonymousLocks
            fitted.maxLocksPerClient = share
            if isOurs { shrunk.append("limits.max_locks_per_client") }
        }
        shrink(\.gitProcesses, to: max(1, descriptors / 40), "limits.git_processes")
        shrink(\.gitSlowClients, to: max(1, descriptors / 80), "limits.git_slow_clients")
        return (fitted, shrunk)
    }

    /// The fewest descriptors with which no limit shrinks.
    static func wanted(for limits: Settings.Limits) -> Int {
        var (few, enough) = (0, 1)
        while enough < 1 << 40, !fit(limits, into: enough).shrunk.isEmpty { (few, enough) = (enough, enough * 2) }
        while enough - few > 1 {
            let middle = few + (enough - few) / 2
            if fit(limits, into: middle).shrunk.isEmpty { enough = middle } else { few = middle }
        }
        return enough
    }

    /// The same, with a line in the log where limits had to shrink.
    static func fit(_ settings: Settings, logger: Logger) -> Settings {
        let descriptors = raise()
        var settings = settings
        let given = settings.limits
        let (limits, shrunk) = fit(given, into: descriptors)
        settings.limits = limits
        if !shrunk.isEmpty {
            logger.info(
                "some limits were lowered to the files that the process may open; LimitNOFILE or ulimit -n raises that",
                metadata: [
                    "files": "\(descriptors)", "wanted": "\(wanted(for: given))",
                    "lowered": "\(shrunk.joined(separator: " "))",
                ])
        }
        return settings
    }
}
