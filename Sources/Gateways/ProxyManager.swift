import AnnexBranch
public import AnnexProtocol
import GitHost
import Hosting
import Locations
import Remotes
import SystemPackage

/// Records in the git-annex branch which remotes a repository proxies, as `git annex updateproxy` does (spec 03 §1.2).
public struct ProxyManager: Sendable {
    let gateways: Gateways
    private let repository: HostedRepository
    private let branch: AnnexBranch
    /// The gateway's.
    let uuid: RepositoryUUID

    /// Throws ``HostingError`` if the repository is not there or is no annex.
    public init(_ name: RepositoryName, in gateways: Gateways) async throws {
        guard let repository = try await gateways.catalog.repository(named: name) else {
            throw HostingError.gone(name)
        }
        guard let branch = repository.branch, let uuid = repository.uuid else {
            throw HostingError.refused("\(name) is no annex")
        }
        self.gateways = gateways
        self.repository = repository
        self.branch = branch
        self.uuid = uuid
    }

    var routes: ProxyRoutes { get async throws { try await gateways.view(of: repository).routes } }

    /// What an update changed, and what it could not use.
    public struct Update: Sendable {
        public var started: [ProxyLog.Entry] = []
        public var stopped: [ProxyLog.Entry] = []
        /// Sentences for a person, each about one remote.
        public var warnings: [String] = []
    }

    /// Finds out who the candidates are, where git config does not say, and brings proxy.log up to date.
    public func update() async throws -> Update {
        var update = Update()
        try await identifyRemotes(&update)
        let recorded = try await routes.served
        let wanted = try await entries(&update, recorded)
        update.started = wanted.subtracting(recorded).sorted()
        update.stopped = recorded.subtracting(wanted).sorted()
        if !update.started.isEmpty || !update.stopped.isEmpty {
            let gateway = uuid
            try await branch.change(.proxyLog, regarding: gateway) { content, now in
                var log = ProxyLog(parsing: content)
                return log.set(wanted, of: gateway, now: now) ? log.serialized : nil
            }
            // Clients learn of it with their next fetch.
            try await branch.flush()
        }
        return update
    }

    /// Asks candidates of whom git config does not tell all who they are, as the stock program does when it first meets
    /// a remote.
    private func identifyRemotes(_ update: inout Update) async throws {
        let config = GitConfigFile(repository.gitDirectory.appending("config"))
        for remote in try await routes.configuration.remotes
        where remote.gateway == nil && (remote.isCandidate || remote.isClusterGateway) {
            do {
                guard let driver = gateways.drivers.driver(of: remote.description),
                    let identity = try await driver.identify(remote.description)
                else { continue }
                if let uuid = identity.uuid, remote.uuid == nil {
                    try await config.set("remote.\(remote.name).annex-uuid", uuid.description)
                }
                if let annexURL = identity.annexURL {
                    try await config.set("remote.\(remote.name).annexurl", annexURL)
                }
                if let warning = identity.warning { update.warnings.append(warning) }
            } catch let error as LocationError {
                update.warnings.append("\(remote.name) could not be asked who it is: \(error.message)")
            }
        }
    }

    /// One entry for each cluster, and for each candidate that can be named and told apart.
    private func entries(
        _ update: inout Update, _ recorded: Set<ProxyLog.Entry>
    ) async throws -> Set<ProxyLog.Entry> {
        let configuration = try await routes.configuration
        var entries = Set(configuration.clusters.map { ProxyLog.Entry(uuid: $0.value, name: $0.key) })
        func add(_ remote: ProxiedRemote) {
            switch Self.verdict(on: remote, gateway: uuid, recorded) {
            case .recorded(let entry): entries.insert(entry)
            case .kept(let entry, let reason):
                entries.insert(entry)
                update.warnings.append("\(remote.name) stays recorded, and is not served yet: \(reason)")
            case .left(let reason):
                // Where the gateway cannot be proxied, its own warning says it all.
                if remote.gateway == nil { update.warnings.append("\(remote.name) is not proxied: \(reason)") }
            }
        }
        for remote in configuration.remotes where remote.isCandidate { add(remote) }
        let listed = Set(entries.map(\.uuid))
        for remote in try await nodes(of: configuration) where !listed.contains(remote.uuid ?? uuid) { add(remote) }
        return entries
    }

    /// What becomes of a candidate.
    private enum Verdict {
        case recorded(ProxyLog.Entry)
        /// The stock program recorded it, which can proxy what annexd cannot.
        case kept(ProxyLog.Entry, reason: String)
        case left(reason: String)
    }

    private static func verdict(
        on remote: ProxiedRemote, gateway: RepositoryUUID, _ recorded: Set<ProxyLog.Entry>
    ) -> Verdict {
        guard let uuid = remote.uuid else {
            return .left(reason: "it has no UUID (remote.\(remote.name).annex-uuid)")
        }
        if remote.isPrivate { return .left(reason: "it is private (remote.\(remote.name).annex-private)") }
        if uuid == gateway { return .left(reason: "it is this repository itself") }
        if !ProxyLog.isRemoteName(remote.name) { return .left(reason: "clients could not have a remote of this name") }
        let entry = ProxyLog.Entry(uuid: uuid, name: remote.name)
        guard case .unsupported(let what) = remote.reachability.obstacle else { return .recorded(entry) }
        return recorded.contains(entry) ? .kept(entry, reason: what) : .left(reason: what)
    }

    /// Remotes behind other gateways that are nodes of clusters of this repository (spec 03 §1.2 step 5).
    private func nodes(of configuration: ProxyConfiguration) async throws -> [ProxiedRemote] {
        if configuration.clusters.isEmpty { return [] }
        let log = KeyedLog(parsing: try await branch.read(.clusterLog) ?? [])
        let trust = OldUUIDLog(parsing: try await branch.read(.trustLog) ?? [])
        let nodes = configuration.clusters.values.flatMap { cluster in
            (log[cluster.bytes] ?? []).split(separator: UInt8(ascii: " ")).prefix(ProxyLog.maximumEntries)
                .compactMap { RepositoryUUID($0) }
        }
        let alive = Set(nodes).filter { trust[$0] != [UInt8(ascii: "X")] }
        return configuration.remotes.filter { $0.gateway != nil && $0.uuid.map(alive.contains) ?? false }
    }
}
