import AnnexProtocol
import GitHost
import Remotes
import SystemPackage

/// What the git config of a hosted repository says about proxying, and the decision that follows from it
/// (spec 03 §1.1, §1.4).
struct ProxyConfiguration: Hashable, Sendable {
    /// All remotes in the order in which they are tried: by cost, and as the file has them among equals.
    private(set) var remotes: [ProxiedRemote] = []
    /// The clusters that this repository is a gateway of, by name.
    private(set) var clusters: [String: RepositoryUUID] = [:]

    /// - Parameters:
    ///   - top: what relative paths of remotes start from: the work tree, or the bare repository itself.
    ///   - drivers: the kinds of remotes that are reached.
    init(_ config: GitConfig, top: FilePath, _ drivers: RemoteDrivers) {
        let prefix = Array("annex.cluster.".utf8)
        for entry in config.entries where entry.key.starts(with: prefix) {
            guard let name = String(validating: entry.key.dropFirst(prefix.count), as: UTF8.self) else { continue }
            // Anything else is no cluster's UUID, and is ignored (spec 03 §2.1).
            clusters[name] = entry.value.flatMap { RepositoryUUID($0) }.flatMap { $0.isCluster ? $0 : nil }
        }
        for bytes in config.subsections(of: "remote") {
            guard let name = String(validating: bytes, as: UTF8.self), !name.isEmpty else { continue }
            remotes.append(Self.remote(name, config, top, drivers))
        }
        sort()
    }

    private mutating func sort() {
        // A stable sort: `sort` keeps the order of equal elements.
        remotes.sort { $0.cost < $1.cost }
    }

    /// Adds remotes that git config does not have; after existing remotes of the same cost.
    mutating func append(_ more: [ProxiedRemote]) {
        remotes += more
        sort()
    }

    /// The remotes for which git config has any setting.
    var names: Set<String> { Set(remotes.map(\.name)) }

    private static func remote(
        _ name: String, _ config: GitConfig, _ top: FilePath, _ drivers: RemoteDrivers
    ) -> ProxiedRemote {
        func value(_ key: String) -> String? { config.string("remote.\(name).\(key)") }
        let description = RemoteDescription(
            name: name, uuid: value("annex-uuid").flatMap { RepositoryUUID($0) }, url: value("url") ?? "",
            annexURL: value("annexurl") ?? "", top: top)
        let reachability = drivers.judge(description).reachability
        let cost = value("annex-cost").flatMap { Double($0) }.flatMap { $0.isFinite ? $0 : nil }
        return ProxiedRemote(
            description: description, reachability: reachability, cost: cost ?? reachability.defaultCost,
            isProxied: config.bool("remote.\(name).annex-proxy") ?? false,
            isPrivate: config.bool("remote.\(name).annex-private") ?? false,
            clusters: (value("annex-cluster-node") ?? "").split(whereSeparator: \.isWhitespace).map(String.init),
            isClusterGateway: value("annex-cluster-gateway")?.contains { !$0.isWhitespace } ?? false)
    }

    /// The repositories that this configuration can proxy for, whatever proxy.log says.
    var candidateUUIDs: Set<RepositoryUUID> { Set(remotes.filter(\.isCandidate).compactMap(\.uuid)) }

    /// Whether a remote may be a gateway that brings others along.
    var mayHaveGateways: Bool {
        remotes.contains { remote in
            remote.reachability.canBeGateway && remote.reachability.obstacle == nil
                && (remote.isProxied || remote.isClusterGateway)
        }
    }

    /// The remotes that are other gateways of a cluster, by name.
    var clusterGateways: Set<String> { Set(remotes.lazy.filter(\.isClusterGateway).map(\.name)) }

    /// Whether git config lets requests pass. For what a gateway brings along, it is the gateway that must be allowed.
    ///
    /// Attack: proxy.log names a remote that has become private since, or that somebody pushed the name of. What it has
    /// would be recorded where everybody reads it.
    func allows(_ remote: ProxiedRemote, clusterGateways: Set<String>) -> Bool {
        if remote.isPrivate { return false }
        return remote.isProxied || remote.clusters.contains { clusters[$0] != nil }
            || remote.gateway.map(clusterGateways.contains) ?? false
    }
}

/// Whether a repository passes requests for another one on.
enum ProxyGate: Hashable, Sendable {
    /// proxy.log does not list it.
    case notServed
    /// proxy.log lists it, and git config does not.
    case notConfigured
    case remote(ProxiedRemote)
}
