public import Accounts
import AnnexProtocol
public import Gateways
public import Hosting
public import Logging

/// What all requests share.
public struct ServiceContext: Sendable {
    public var gateways: Gateways
    public var manager: RepositoryManager
    public var locks: LockTable
    public var policy: Policy
    /// The address to advertise; nil for the one that each client uses.
    public var publicAddress: PublicAddress?
    /// Whether a push to a name that does not exist creates the repository.
    public var createsOnPush: Bool
    public var gitSlots: GitSlots
    public var metricsAccess = MetricsPolicy.readers
    /// How quickly the small bodies of git's requests must come.
    public var gitPace = GitPace()
    /// What receives pushes.
    public var pushes: Pushes
    /// Proxies in front that tell the client's address.
    public var trustedProxies = TrustedProxies()
    /// Web pages that may use this host.
    public var crossOrigin = CrossOrigin()
    let awaitedNames = AwaitedNames()
    public var metrics: ServiceMetrics
    public var logger: Logger

    public init(
        gateways: Gateways, manager: RepositoryManager, pushes: Pushes, locks: LockTable, policy: Policy,
        publicAddress: PublicAddress?, createsOnPush: Bool, gitSlots: GitSlots, metrics: ServiceMetrics, logger: Logger
    ) {
        self.gateways = gateways
        self.manager = manager
        self.pushes = pushes
        self.locks = locks
        self.policy = policy
        self.publicAddress = publicAddress
        self.createsOnPush = createsOnPush
        self.gitSlots = gitSlots
        self.metrics = metrics
        self.logger = logger
    }

    var catalog: Catalog { gateways.catalog }

    /// Throws what the caller is told when the right is missing.
    func authorize(_ exchange: Exchange, _ permission: Permission, repository: RepositoryName?) throws {
        switch decision(exchange, permission, repository) {
        case .allow: return
        case .authenticate: throw ServiceError.unauthenticated
        case .forbid(let reason): throw ServiceError.forbidden(reason)
        }
    }

    /// Whether a caller has the right to read that repositories grant which do not say otherwise.
    func mayRead(_ exchange: Exchange) -> Bool {
        (try? authorize(exchange, .read, repository: nil)) != nil
    }

    /// Whether the caller has the right, where nothing is refused without it.
    func allows(_ exchange: Exchange, _ permission: Permission, repository: RepositoryName) -> Bool {
        decision(exchange, permission, repository) == .allow
    }

    private func decision(
        _ exchange: Exchange, _ permission: Permission, _ repository: RepositoryName?
    ) -> Decision {
        var policy = policy
        policy.repositoryName = repository?.description
        return decide(identity(exchange.header("Authorization")), permission, policy: policy, hasLogin: false)
    }

    /// Who sends a request. Nobody can log in yet: well-formed credentials count for nothing, malformed ones are
    /// refused.
    private func identity(_ authorization: String?) -> Identity {
        guard let authorization else { return .anonymous }
        return BasicCredentials(authorization: authorization.utf8) == nil ? .unrecognized : .anonymous
    }

    /// Returns when it is known which repositories there are; 503 where that takes too long after a start.
    func waitUntilReady() async throws {
        guard try await catalog.firstScan(within: .seconds(30)) else {
            throw ServiceError(
                status: 503, reason: "the server is still looking for its repositories; try again",
                headers: [("Retry-After", "5")])
        }
    }

    /// The error for a name that nothing has.
    func unknown(_ name: RepositoryName) -> ServiceError { .notFound("there is no repository \(name)") }

    func unknown(_ uuid: RepositoryUUID) -> ServiceError { .notFound("no repository here has the UUID \(uuid)") }
}
