public import AnnexProtocol
public import Locations

/// A git-annex repository on another host that speaks the P2P protocol over HTTP.
public struct AnnexHTTPTarget: Hashable, Sendable {
    /// What the gateway calls the remote; messages begin with it.
    public var name: String
    /// The repository that must answer.
    public var uuid: RepositoryUUID
    public var url: AnnexURL
    /// The remote's git URL; where it is an `http` one on the same host, its credentials apply (spec 01 §6.8).
    public var gitURL: String?

    public init(name: String, uuid: RepositoryUUID, url: AnnexURL, gitURL: String? = nil) {
        self.name = name
        self.uuid = uuid
        self.url = url
        self.gitURL = gitURL
    }
}

/// What a look at a target showed.
public enum TargetHealth: Equatable, Sendable {
    /// It serves the repository, in this version of the protocol.
    case available(P2PVersion)
    /// It answers, and does not serve the repository with the target's UUID.
    case anotherRepository(LocationError)
    /// It cannot be used, for the reason given.
    case unavailable(LocationError)
}
