import AnnexBranch
import AnnexProtocol
import Hosting
import Logging

/// What a repository proxies, by its git config and its proxy.log together (spec 03 §1.4), laid out so that a request
/// costs two look-ups however long the two are.
struct ProxyRoutes: Sendable {
    /// The remotes that git config has, and those that their gateways bring along, cheapest first.
    let configuration: ProxyConfiguration
    /// What proxy.log lists for this repository.
    let served: Set<ProxyLog.Entry>
    /// The names under which each repository is served.
    private var names: [RepositoryUUID: Set<String>] = [:]
    /// The remotes that lead to each repository and that git config lets requests pass to, cheapest first.
    private var allowed: [RepositoryUUID: [ProxiedRemote]] = [:]

    init(_ configuration: ProxyConfiguration, served: Set<ProxyLog.Entry>) {
        self.configuration = configuration
        self.served = served
        for entry in served { names[entry.uuid, default: []].insert(entry.name) }
        let gateways = configuration.clusterGateways
        for remote in configuration.remotes {
            guard let uuid = remote.uuid, configuration.allows(remote, clusterGateways: gateways) else { continue }
            allowed[uuid, default: []].append(remote)
        }
    }

    /// What to do with a request for a repository that is not this one.
    ///
    /// Who can push the git-annex branch decides what is in proxy.log, so git config must agree: the second gate.
    func decide(_ uuid: RepositoryUUID) -> ProxyGate {
        guard let names = names[uuid] else { return .notServed }
        return allowed[uuid]?.first { names.contains($0.name) }.map { .remote($0) } ?? .notConfigured
    }

    /// A name under which a repository is served; nil where it is not.
    func name(of uuid: RepositoryUUID) -> String? { names[uuid]?.min() }

    /// The remotes that clients may reach, or could once proxy.log says so.
    var shown: [ProxiedRemote] {
        configuration.remotes.filter { remote in
            remote.isCandidate || remote.uuid.map { decide($0) == .remote(remote) } ?? false
        }
    }

    /// About how many bytes this takes.
    var cost: Int {
        let entries = served.reduce(0) { $0 + 200 + $1.name.utf8.count + $1.uuid.bytes.count }
        return configuration.remotes.reduce(entries) { $0 + 600 + $1.name.utf8.count }
    }
}

extension ProxyRoutes {
    /// The routes of one repository, computed once for each version of its proxy.log and git config.
    static func cached(
        own: RepositoryUUID, name: RepositoryName, services: HostServices
    ) -> CachedLog<ProxyConfiguration, ProxyRoutes> {
        CachedLog(.proxyLog, in: services.logCache, cost: \.cost) { content, configuration in
            let reading = ProxyLog(parsing: content).entries(of: configuration.gateways.union([own]))
            if !reading.cut.isEmpty {
                services.logger.warning(
                    "proxy.log lists more than is looked at",
                    metadata: [
                        "repository": "\(name)", "gateways": "\(reading.cut.sorted())",
                        "limit": "\(ProxyLog.maximumEntries)",
                    ])
            }
            return ProxyRoutes(
                configuration.instantiating(reading.entries, own: own), served: reading.entries[own] ?? [])
        }
    }
}
