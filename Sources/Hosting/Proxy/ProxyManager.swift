import AnnexBranch
public import AnnexProtocol
import Blocking
import GitHost
import Locations
import Remotes
import SystemPackage

/// Records in the git-annex branch which remotes a repository proxies, as `git annex updateproxy` does (spec 03 §1.2).
public struct ProxyManager: Sendable {
    let catalog: Catalog
    private let name: RepositoryName
    let repository: HostedRepository
    let own: LocalContent

    /// Throws ``HostingError`` where the repository is not there or is no annex.
    public init(_ name: RepositoryName, in catalog: Catalog) async throws {
        guard let repository = try await catalog.repository(named: name) else { throw HostingError.gone(name) }
        guard let own = repository.ownContent else { throw HostingError.refused("\(name) is no annex") }
        self.catalog = catalog
        self.name = name
        self.repository = repository
        self.own = own
    }

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
        let recorded = try await repository.routes.served
        let wanted = try await entries(&update, recorded)
        update.started = wanted.subtracting(recorded).sorted()
        update.stopped = recorded.subtracting(wanted).sorted()
        if !update.started.isEmpty || !update.stopped.isEmpty {
            let gateway = own.uuid
            try await own.branch.change(.proxyLog, regarding: gateway) { content, now in
                var log = ProxyLog(parsing: content)
                return log.set(wanted, of: gateway, now: now) ? log.serialized : nil
            }
            // Clients learn of it with their next fetch.
            try await own.branch.flush()
        }
        return update
    }

    /// Asks candidates without a UUID who they are, as the stock program does when it first meets a remote.
    private func identifyRemotes(_ update: inout Update) async throws {
        let config = GitConfigFile(repository.gitDirectory.appending("config"))
        for remote in try await repository.routes.configuration.remotes
        where remote.gateway == nil && (remote.isCandidate || remote.isClusterGateway) {
            do {
                switch remote.address {
                case .path(let path) where remote.uuid == nil:
                    guard let uuid = try await catalog.repository(at: path)?.uuid else { continue }
                    try await config.set("remote.\(remote.name).annex-uuid", uuid.description)
                case .annexHTTP(_, let url?) where remote.uuid == nil:
                    // Somebody has set its annex URL, which stays as it is.
                    guard let uuid = try await catalog.services.remotes.discover(gitURL: url).uuid else { continue }
                    try await config.set("remote.\(remote.name).annex-uuid", uuid.description)
                case .gitHTTP(let url):
                    let found = try await catalog.services.remotes.discover(gitURL: url)
                    if let uuid = found.uuid, remote.uuid == nil {
                        try await config.set("remote.\(remote.name).annex-uuid", uuid.description)
                    }
                    guard let annexURL = found.annexURL else { continue }
                    // Attack: whoever answers could send this host's requests, and credentials, to any other.
                    guard annexURL.host == AnnexURL("annex+" + url)?.host else {
                        update.warnings.append("\(remote.name) names an annex URL on another host: \(annexURL.base)")
                        continue
                    }
                    try await config.set("remote.\(remote.name).annexurl", "annex+" + annexURL.base)
                default: continue
                }
            } catch let error as LocationError {
                update.warnings.append("\(remote.name) could not be asked who it is: \(error.message)")
            }
        }
    }

    /// One entry for each cluster, and for each candidate that can be named and told apart.
    private func entries(
        _ update: inout Update, _ recorded: Set<ProxyLog.Entry>
    ) async throws -> Set<ProxyLog.Entry> {
        let configuration = try await repository.routes.configuration
        var entries = Set(configuration.clusters.map { ProxyLog.Entry(uuid: $0.value, name: $0.key) })
        func add(_ remote: ProxiedRemote) {
            switch Self.verdict(on: remote, gateway: own.uuid, recorded) {
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
        for remote in try await nodes(of: configuration) where !listed.contains(remote.uuid ?? own.uuid) { add(remote) }
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
        guard case .unsupported(let what) = remote.address else { return .recorded(entry) }
        return recorded.contains(entry) ? .kept(entry, reason: what) : .left(reason: what)
    }

    /// Remotes behind other gateways that are nodes of clusters of this repository (spec 03 §1.2 step 5).
    private func nodes(of configuration: ProxyConfiguration) async throws -> [ProxiedRemote] {
        if configuration.clusters.isEmpty { return [] }
        let log = KeyedLog(parsing: try await own.branch.read(.clusterLog) ?? [])
        let trust = OldUUIDLog(parsing: try await own.branch.read(.trustLog) ?? [])
        let nodes = configuration.clusters.values.flatMap { cluster in
            (log[cluster.bytes] ?? []).split(separator: UInt8(ascii: " ")).prefix(ProxyLog.maximumEntries)
                .compactMap { RepositoryUUID($0) }
        }
        let alive = Set(nodes).filter { trust[$0] != [UInt8(ascii: "X")] }
        return configuration.remotes.filter { $0.gateway != nil && $0.uuid.map(alive.contains) ?? false }
    }
}
