import AnnexBranch
import AnnexProtocol
import Synchronization

/// Which repositories each gateway proxies for, as one repository's git-annex branch says now (spec 03 §1.4).
///
/// Asked for every request, so that a push, a commit or another program's change counts at once; read again only when
/// the branch has moved.
final class ServedRepositories: Sendable {
    private struct Reading {
        var version: BranchFileVersion
        var entries: [RepositoryUUID: Set<ProxyLog.Entry>]
    }

    private let latest = Mutex<Reading?>(nil)

    func current(_ branch: AnnexBranch) async throws -> [RepositoryUUID: Set<ProxyLog.Entry>] {
        // The version first: a change during the reading is then seen by the next call.
        let version = try await branch.version(of: .proxyLog)
        if let known = latest.withLock({ $0 }), known.version == version { return known.entries }
        let entries = ProxyLog(parsing: try await branch.read(.proxyLog) ?? []).entries
        latest.withLock { $0 = Reading(version: version, entries: entries) }
        return entries
    }
}
