public import AnnexProtocol
public import Locations
public import SystemPackage

/// A remote of a hosted repository as its git config describes it. A ``RemoteDriver`` makes a place of it.
public struct RemoteDescription: Hashable, Sendable {
    /// What the repository calls it; messages begin with it.
    public var name: String
    /// Nil if git config does not tell (yet).
    public var uuid: RepositoryUUID?
    /// `remote.NAME.url`, as written; empty for a special remote.
    public var url: String
    /// `remote.NAME.annexUrl`, as written.
    public var annexURL: String
    /// What relative paths start from: the work tree, or the bare repository itself.
    public var top: FilePath

    public init(
        name: String, uuid: RepositoryUUID? = nil, url: String = "", annexURL: String = "", top: FilePath
    ) {
        self.name = name
        self.uuid = uuid
        self.url = url
        self.annexURL = annexURL
        self.top = top
    }

    /// It has no URL: what it is stands in remote.log.
    public var isSpecial: Bool { url.isEmpty && annexURL.isEmpty }
}

/// Whether and how a remote is reached, as far as its description alone tells.
public struct Reachability: Hashable, Sendable {
    /// Why requests cannot be passed on to it.
    public enum Obstacle: Hashable, Sendable {
        /// It must first be asked who it is: `annexd proxy update` does.
        case unidentified(reason: String)
        /// annexd does not reach such remotes.
        case unsupported(reason: String)

        public var reason: String {
            switch self {
            case .unidentified(let reason), .unsupported(let reason): reason
            }
        }
    }

    /// For people; without credentials.
    public var address: String
    /// The cost of such a remote if git config sets none: 100 on this machine, 200 elsewhere.
    public var defaultCost: Double
    /// Whether it may proxy for others itself, and is then asked for them at its own address (spec 03 §1.5).
    public var canBeGateway: Bool
    public var obstacle: Obstacle?

    public init(address: String, defaultCost: Double, canBeGateway: Bool, obstacle: Obstacle? = nil) {
        self.address = address
        self.defaultCost = defaultCost
        self.canBeGateway = canBeGateway
        self.obstacle = obstacle
    }
}

/// What a remote says of itself when it is asked who it is.
public struct RemoteIdentity: Hashable, Sendable {
    public var uuid: RepositoryUUID?
    /// The value for `remote.NAME.annexUrl`; nil leaves it as it is.
    public var annexURL: String?
    /// A sentence for a person about what it said and is not believed.
    public var warning: String?

    public init(uuid: RepositoryUUID? = nil, annexURL: String? = nil, warning: String? = nil) {
        self.uuid = uuid
        self.annexURL = annexURL
        self.warning = warning
    }
}

public enum RemoteHealth: Sendable, Hashable {
    case reachable
    case unreachable(reason: String)
}

/// One kind of remote. `annexd` puts a list of them together; adding a kind adds one object to it.
public protocol RemoteDriver: Sendable {
    /// How a remote is reached, or nil if it is none of this kind. Pure.
    func judge(_ remote: RemoteDescription) -> Reachability?

    /// The remote as a place, for one caller. Its errors name the remote.
    ///
    /// - Parameters:
    ///   - uuid: the repository that must be there.
    ///   - gateway: the repository on whose behalf it is asked.
    func location(
        of remote: RemoteDescription, uuid: RepositoryUUID, for gateway: RepositoryUUID, caller: Caller
    ) async throws -> any ContentLocation

    /// Asks the remote who it is; nil if the description tells all there is to know.
    func identify(_ remote: RemoteDescription) async throws -> RemoteIdentity?

    /// Whether it can be used now, and is the repository that it must be.
    func probe(_ remote: RemoteDescription, uuid: RepositoryUUID, for gateway: RepositoryUUID) async -> RemoteHealth

    /// What is going on with it; nil for a kind that needs no connections.
    func usage(of remote: RemoteDescription, uuid: RepositoryUUID) -> RemoteConnections.Usage?
}
