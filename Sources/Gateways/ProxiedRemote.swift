public import AnnexProtocol
public import Remotes

/// A remote of a hosted repository, as its git config has it (spec 03 §1.1), or as one of its gateways brings it along.
public struct ProxiedRemote: Hashable, Sendable {
    public var description: RemoteDescription
    /// How it is reached.
    public var reachability: Reachability
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
    /// The name of the remote that passes requests for this one on; nil if git config has it itself (spec 03 §1.5).
    public var gateway: String?

    public var name: String { description.name }
    /// Nil if git config does not tell (yet).
    public var uuid: RepositoryUUID? { description.uuid }

    /// Whether the remote may be proxied at all: by itself or as a node (spec 03 §1.2 step 1).
    public var isCandidate: Bool { isProxied || !clusters.isEmpty }
}
