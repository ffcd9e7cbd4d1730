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
        let wanted = try await entries(&update)
        let recorded = try await repository.served
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
        for remote in try await repository.remotes.remotes where remote.isCandidate {
            do {
                switch remote.address {
                case .path(let path) where remote.uuid == nil:
                    guard let uuid = try await catalog.repository(at: path)?.uuid else { continue }
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
            } catch let error as RemoteError {
                update.warnings.append("\(remote.name) could not be asked who it is: \(error.message)")
            }
        }
    }

    /// One entry for each cluster, and for each candidate that can be named and told apart.
    private func entries(_ update: inout Update) async throws -> Set<ProxyLog.Entry> {
        let configuration = try await repository.remotes
        var entries = Set(configuration.clusters.map { ProxyLog.Entry(uuid: $0.value, name: $0.key) })
        for remote in configuration.remotes where remote.isCandidate {
            if let reason = Self.objection(to: remote, gateway: own.uuid) {
                update.warnings.append("\(remote.name) is not proxied: \(reason)")
            } else if let uuid = remote.uuid {
                entries.insert(ProxyLog.Entry(uuid: uuid, name: remote.name))
            }
        }
        return entries
    }

    private static func objection(to remote: ProxiedRemote, gateway: RepositoryUUID) -> String? {
        guard let uuid = remote.uuid else { return "it has no UUID (remote.\(remote.name).annex-uuid)" }
        if remote.isPrivate { return "it is private (remote.\(remote.name).annex-private)" }
        if uuid == gateway { return "it is this repository itself" }
        if !ProxyLog.isRemoteName(remote.name) { return "clients could not have a remote of this name" }
        if case .unsupported(let what) = remote.address { return what }
        return nil
    }
}
