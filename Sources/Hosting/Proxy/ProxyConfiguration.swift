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

    /// - Parameter top: what relative paths of remotes start from: the work tree, or the bare repository itself.
    init(_ config: GitConfig, top: FilePath) {
        let prefix = Array("annex.cluster.".utf8)
        for entry in config.entries where entry.key.starts(with: prefix) {
            guard let name = String(validating: entry.key.dropFirst(prefix.count), as: UTF8.self) else { continue }
            // Anything else is no cluster's UUID, and is ignored (spec 03 §2.1).
            clusters[name] = entry.value.flatMap { RepositoryUUID($0) }.flatMap { $0.isCluster ? $0 : nil }
        }
        for bytes in config.subsections(of: "remote") {
            guard let name = String(validating: bytes, as: UTF8.self), !name.isEmpty else { continue }
            remotes.append(Self.remote(name, config, top))
        }
        sort()
    }

    private mutating func sort() {
        // A stable sort: `sort` keeps the order of equal elements.
        remotes.sort { $0.cost < $1.cost }
    }

    /// Adds remotes that git config does not have; among equally dear ones they come last.
    mutating func append(_ more: [ProxiedRemote]) {
        remotes += more
        sort()
    }

    /// The remotes for which git config has any setting.
    var names: Set<String> { Set(remotes.map(\.name)) }

    private static func remote(_ name: String, _ config: GitConfig, _ top: FilePath) -> ProxiedRemote {
        func value(_ key: String) -> String? { config.string("remote.\(name).\(key)") }
        let address = address(url: value("url"), annexURL: value("annexurl"), top)
        let cost = value("annex-cost").flatMap { Double($0) }.flatMap { $0.isFinite ? $0 : nil }
        return ProxiedRemote(
            name: name, uuid: value("annex-uuid").flatMap { RepositoryUUID($0) }, address: address,
            cost: cost ?? ProxiedRemote.defaultCost(address),
            isProxied: config.bool("remote.\(name).annex-proxy") ?? false,
            isPrivate: config.bool("remote.\(name).annex-private") ?? false,
            clusters: (value("annex-cluster-node") ?? "").split(whereSeparator: \.isWhitespace).map(String.init),
            isClusterGateway: value("annex-cluster-gateway")?.contains { !$0.isWhitespace } ?? false,
            isSpecial: (value("url") ?? "").isEmpty && (value("annexurl") ?? "").isEmpty)
    }

    private static func address(url: String?, annexURL: String?, _ top: FilePath) -> ProxiedRemote.Address {
        if let annexURL, let parsed = AnnexURL(annexURL) { return .annexHTTP(parsed, gitURL: url) }
        guard let url, !url.isEmpty else { return .unsupported("special remotes are not proxied yet") }
        if let parsed = AnnexURL(url) { return .annexHTTP(parsed, gitURL: nil) }
        if url.hasPrefix("http://") || url.hasPrefix("https://") { return .gitHTTP(url) }
        if url.hasPrefix("file:///"), let path = percentDecoded(url.dropFirst("file://".count)) { return .path(path) }
        if url.hasPrefix("/") { return .path(FilePath(url).lexicallyNormalized()) }
        let start = url.prefix { $0 != "/" }
        if start.contains(":") { return .unsupported("remotes at \(start)… are not proxied yet") }
        return .path(top.pushing(FilePath(url)).lexicallyNormalized())
    }

    private static func percentDecoded(_ text: Substring) -> FilePath? {
        guard let bytes = try? PercentEncoding.decode(Array(text.utf8)), !bytes.contains(0) else { return nil }
        return FilePath(String(decoding: bytes, as: UTF8.self)).lexicallyNormalized()
    }

    /// The repositories that this configuration can proxy for, whatever proxy.log says.
    var candidateUUIDs: Set<RepositoryUUID> { Set(remotes.filter(\.isCandidate).compactMap(\.uuid)) }

    /// Whether a remote may be a gateway that brings others along.
    var mayHaveGateways: Bool {
        remotes.contains { remote in
            guard case .annexHTTP = remote.address else { return false }
            return remote.isProxied || remote.isClusterGateway
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
