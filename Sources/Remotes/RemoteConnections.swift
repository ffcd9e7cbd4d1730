public import AnnexProtocol
public import Locations

/// A repository that is reached over annex+http.
public struct AnnexHTTPTarget: Hashable, Sendable {
    public var name: String
    public var uuid: RepositoryUUID
    public var url: AnnexURL
    public var gitURL: String?
    public init(name: String, uuid: RepositoryUUID, url: AnnexURL, gitURL: String?) {
        self.name = name
        self.uuid = uuid
        self.url = url
        self.gitURL = gitURL
    }
}

/// The connections to remotes.
public final class RemoteConnections: Sendable {
    public init() {}
    public func location(
        of target: AnnexHTTPTarget, gateway: RepositoryUUID, caller: Caller
    ) throws -> any ContentLocation {
        throw RemoteError(.notConfigured, "\(target.name) cannot be reached: remotes over HTTP are not proxied yet")
    }

    public func probe(_ target: AnnexHTTPTarget, gateway: RepositoryUUID) async -> TargetHealth {
        preconditionFailure()
    }
    public func discover(gitURL: String) async throws -> (uuid: RepositoryUUID?, annexURL: AnnexURL?) {
        preconditionFailure()
    }
    public func shutdown() async {}
}
public enum TargetHealth: Sendable { case reachable(version: Int), unreachable(reason: String) }
