public import AnnexProtocol
public import Remotes
public import SystemPackage

/// A remote of a hosted repository, as its git config has it (spec 03 §1.1), or as one of its gateways brings it along.
public struct ProxiedRemote: Hashable, Sendable {
    public var name: String
    /// Nil where git config does not tell (yet).
    public var uuid: RepositoryUUID?
    public var address: Address
    /// Cheaper ones are asked first.
    public var cost: Double
    /// `annex-proxy`: clients may reach it through this repository.
    public var isProxied: Bool
    /// `annex-private`: nothing about it is recorded in the git-annex branch.
    public var isPrivate: Bool
    /// `annex-cluster-node`: the names of the clusters that it is a node of.
    public var clusters: [String]
    /// `annex-cluster-gateway`: it is another gateway of a cluster.
    public var isClusterGateway: Bool
    /// It has no URL: what it is stands in remote.log.
    public var isSpecial: Bool
    /// The name of the remote that passes requests for this one on; nil where git config has it itself (spec 03 §1.5).
    public var gateway: String?

    /// How the remote is reached.
    public enum Address: Hashable, Sendable {
        /// A git repository on this machine; the path is absolute.
        case path(FilePath)
        /// The P2P protocol over HTTP. The URL of its git repository tells which credentials apply.
        case annexHTTP(AnnexURL, gitURL: String?)
        /// A git repository over HTTP whose annex URL is not known yet; `annexd proxy update` finds it.
        case gitHTTP(String)
        /// Something else, in words.
        case unsupported(String)
    }

    /// Whether the remote may be proxied at all: by itself or as a node (spec 03 §1.2 step 1).
    public var isCandidate: Bool { isProxied || !clusters.isEmpty }

    /// The default cost of git-annex: 100 on this machine, 200 elsewhere.
    static func defaultCost(_ address: Address) -> Double {
        if case .path = address { 100 } else { 200 }
    }
}

extension ProxiedRemote.Address: CustomStringConvertible {
    /// For people; without credentials.
    public var description: String {
        switch self {
        case .path(let path): path.string
        case .annexHTTP(let url, _): "annex+" + url.base
        case .gitHTTP(let url): Self.withoutUserInfo(url)
        case .unsupported(let what): what
        }
    }

    private static func withoutUserInfo(_ url: String) -> String {
        guard let start = url.firstRange(of: "://")?.upperBound else { return url }
        let authority = url[start...].prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return url }
        return String(url[..<start] + url[url.index(after: at)...])
    }
}
