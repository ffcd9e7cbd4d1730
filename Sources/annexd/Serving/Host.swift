import Accounts
import AnnexProtocol
import Blocking
import FileIO
import Gateways
import GitHost
import Glibc
import HTTPTransport
import Hosting
import Logging
import NIOCore
import Remotes
import ServiceLifecycle
import Settings
import SystemPackage
import Telemetry
import UnixSignals
import WebService

/// A running host: everything that `annexd serve` puts together.
struct Host: Sendable {
    private let settings: Settings
    private let load: @Sendable () throws -> Settings
    private let root: RootFolder
    private let removesRoot: Bool
    /// The root is on a read-only file system, so nothing can be stored.
    private let isReadOnly: Bool
    private let environment = ProcessEnvironment.all
    private let logger: Logger
    private let pool: BlockingPool
    let locks: LockTable
    let gateways: Gateways
    private let remotes: RemoteConnections
    private let server: HTTPServer

    private var catalog: Catalog { gateways.catalog }

    var rootDescription: String { root.path.string }

    /// Prepares the root folder and binds nothing yet.
    ///
    /// - Parameter load: reads the settings anew, for SIGHUP.
    init(settings: Settings, load: @escaping @Sendable () throws -> Settings, isEphemeral: Bool) throws {
        logger = Self.makeLogger(settings.log)
        self.settings = settings
        self.load = load
        let settings = DescriptorBudget.fit(settings, logger: logger)
        removesRoot = isEphemeral
        let path: FilePath
        if isEphemeral {
            path = try Self.freshRoot()
        } else if let named = settings.server.root {
            path = FilePath(named)
        } else {
            throw Failure("tell me which folder holds the repositories: annexd serve --root DIR")
        }
        root = RootFolder(path)
        pool = BlockingPool(threadCount: settings.limits.blockingThreads)
        locks = LockTable(
            limit: settings.limits.maxLocks, limitPerClient: settings.limits.maxLocksPerClient,
            limitOfAnonymous: settings.limits.maxAnonymousLocks,
            connectionsPerClient: max(4, settings.limits.maxConnections / 8))
        if !isEphemeral { try SettingsCheck.requireRoot(settings) }
        isReadOnly = try Self.prepare(root, logger: logger)
        GitChildren.all.patience = settings.limits.gitSilence
        remotes = try RemoteConnections(settings, pool: pool, logger: logger)
        let reserve =
            isReadOnly ? nil : SpaceReserve(root.reserve, size: UInt64(settings.limits.diskReserve) << 20)
        let services = HostServices(
            pool: pool, locks: locks, logger: logger, commitDelay: settings.branch.commitDelay,
            gitMemory: GitMemory(mebibytes: settings.limits.gitMemory == 0 ? nil : settings.limits.gitMemory),
            reserve: reserve)
        let catalog = Catalog(root: root, services: services)
        gateways = Gateways(catalog, remotes)
        let publicAddress = try SettingsCheck.publicAddress(settings)
        let registry = MetricsRegistry()
        registry.addProcessMetrics()
        let gitSlots = GitSlots(
            GitSlots.Limits(
                working: settings.limits.gitProcesses, slow: settings.limits.gitSlowClients,
                patience: settings.limits.gitQueue))
        let manager = RepositoryManager(root: root, services: services)
        let pushes = Pushes(
            catalog: catalog, manager: manager,
            maximumPack: settings.limits.pushSize == 0 ? nil : Int64(settings.limits.pushSize) << 20)
        var context = ServiceContext(
            gateways: gateways, manager: manager, pushes: pushes, locks: locks,
            policy: Policy(anonymous: Right(rawValue: settings.server.anonymous.rawValue) ?? .none),
            publicAddress: publicAddress, createsOnPush: settings.repositories.pushToCreate, gitSlots: gitSlots,
            metrics: ServiceMetrics(registry: registry), logger: logger)
        let proxies = try SettingsCheck.trustedProxies(settings)
        context.trustedProxies = proxies
        context.metricsAccess = MetricsPolicy(rawValue: settings.server.metrics.rawValue) ?? .readers
        context.gitPace.grace = settings.limits.headerTimeout
        context.crossOrigin = CrossOrigin(settings.cors.origins)
        let service = WebService(context)
        server = try HTTPServer(configuration: Self.transport(settings), pool: pool, logger: logger) {
            request, responder in
            await service.handle(request, responder)
        }
        Self.addGauges(to: registry, catalog, gitSlots, server)
        Self.addGauges(to: registry, remotes)
        registry.gauge("annexd_blocking_waiting", "Pieces of disk work that wait for a thread.") { [pool] in
            Double(pool.waitingJobs)
        }
        registry.gauge("annexd_blocking_running", "Threads that do disk work.") { [pool] in Double(pool.runningJobs) }
        registry.gauge(
            "annexd_blocking_stuck",
            "Threads whose piece of disk work has not ended for a minute; the log names the repositories."
        ) { [pool] in Double(pool.stuck().count) }
        registry.gauge("annexd_blocking_stuck_repositories", "Repositories that have such threads.") { [pool] in
            Double(pool.stuck().threads.count)
        }
        registry.gauge(
            "annexd_git_stuck",
            "Git processes that have been waited for in vain for a minute, or that do not end though they were killed."
        ) { Double(GitChildren.all.stuck().values.reduce(0, +)) }
        registry.gauge("annexd_uploads_waiting", "Uploads that wait for another one of the same key.") { [gateways] in
            Double(gateways.waitingUploads)
        }
        registry.gauge("annexd_locks", "Content locks that are held for clients.") { [locks] in Double(locks.count) }
    }

    /// Serves until SIGTERM or SIGINT.
    ///
    /// - Parameter ready: called with the URLs once connections are accepted.
    func run(_ ready: @escaping @Sendable ([String]) -> Void) async throws {
        let addresses: [BoundAddress]
        do {
            addresses = try await server.start()
        } catch {
            throw Failure("\(error)")
        }
        let urls = addresses.map { Self.url($0, isSecure: settings.tls.certificate != nil) }
        let known = (settings.server.publicURL.map { [$0] } ?? []) + urls
        let control =
            isReadOnly
            ? nil : await ControlServer.open(root: root, handlers: controlHandlers(urls: known), logger: logger)
        let environment = environment
        let (server, catalog, logger) = (server, catalog, logger)
        let patience = settings.limits.shutdown
        let ending = Ending(
            server: server, catalog: catalog, locks: locks, remotes: remotes, patience: patience,
            logger: logger)
        let announce: @Sendable () -> Void = {
            ready(urls)
            Systemd.notify("READY=1", environment: environment)
        }
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(
                    service: Reloading(server: server, settings: settings, load: load, logger: logger),
                    successTerminationBehavior: .ignore),
                .init(
                    service: FunctionService { await control?.serve() }, successTerminationBehavior: .ignore),
                .init(
                    service: FunctionService { await catalog.maintain(onFirstScan: announce) },
                    successTerminationBehavior: .gracefullyShutdownGroup),
                .init(
                    service: FunctionService { await catalog.keepPacked() }, successTerminationBehavior: .ignore),
                .init(
                    service: FunctionService {
                        await server.waitUntilShutdown()
                        Systemd.notify("STOPPING=1", environment: environment)
                        await ending.run()
                    }, successTerminationBehavior: .gracefullyShutdownGroup),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = patience + Ending.slack
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            logger.error("the host stopped", metadata: ["error": "\(error)"])
        }
        LastResort.standDown()
        if removesRoot { try? Files.removeTree(root.path) }
    }

    private static func transport(_ settings: Settings) throws -> TransportConfiguration {
        let inherited = Systemd.listeningDescriptors(environment: ProcessEnvironment.all)
        var configuration = TransportConfiguration(
            addresses: try inherited.isEmpty ? SettingsCheck.addresses(settings) : inherited.map { .inherited($0) })
        configuration.eventLoops = RemoteConnections.eventLoops
        configuration.maximumConnections = settings.limits.maxConnections
        configuration.client = { ClientGroup.of(peer: $0?.ipAddress) }
        configuration.timeouts.head = TimeAmount(settings.limits.headerTimeout)
        configuration.timeouts.idle = TimeAmount(settings.limits.idleTimeout)
        configuration.timeouts.body = TimeAmount(settings.limits.transferTimeout)
        configuration.timeouts.write = TimeAmount(settings.limits.transferTimeout)
        configuration.tls = SettingsCheck.tlsFiles(settings)
        return configuration
    }

    /// The URL of an address, as people type it.
    private static func url(_ address: BoundAddress, isSecure: Bool) -> String {
        switch address.actual {
        case .unix, .inherited: "\(address.actual)"
        case .tcp: "\(isSecure ? "https" : "http")://\(address.actual)/"
        }
    }

    private static func makeLogger(_ settings: Settings.Log) -> Logger {
        let format = LogFormat(rawValue: settings.format.rawValue) ?? .logfmt
        var logger = Logger(label: "annexd") { _ in
            LineLogHandler(format: format)
        }
        logger.logLevel = Logger.Level(rawValue: settings.level.rawValue) ?? .info
        return logger
    }

    private static func addGauges(
        to registry: MetricsRegistry, _ catalog: Catalog, _ gitSlots: GitSlots, _ server: HTTPServer
    ) {
        registry.gauge("annexd_repositories", "Repositories below the root.") { Double(catalog.counts.known) }
        registry.gauge("annexd_open_repositories", "Repositories that are in use.") { Double(catalog.counts.open) }
        registry.gauge("annexd_git_queue", "Requests that wait for a git process.") { Double(gitSlots.waiting) }
        registry.gauge("annexd_git_working", "Git processes that work.") { Double(gitSlots.working) }
        registry.gauge("annexd_git_slow", "Git processes that wait for a slow client.") { Double(gitSlots.slow) }
        registry.gauge("annexd_log_cache_bytes", "What is remembered of the logs of repositories.") {
            Double(catalog.services.bytesOfRememberedLogs)
        }
        registry.gauge("annexd_connections", "Open connections.") { Double(server.statistics.openConnections) }
        registry.gauge("annexd_accept_failures", "Connections that could not be accepted since the start.") {
            Double(server.statistics.failedAccepts)
        }
        registry.gauge(
            "annexd_connections_closed_idle",
            "Idle connections that were closed since the start, to make room for others."
        ) { Double(server.statistics.closedIdleConnections) }
    }

    private static func addGauges(to registry: MetricsRegistry, _ remotes: RemoteConnections) {
        registry.gauge("annexd_remote_requests", "Requests to remotes on other hosts that run.") {
            Double(remotes.usage.inUse)
        }
        registry.gauge("annexd_remote_queue", "Requests to such remotes that wait for their turn.") {
            Double(remotes.usage.waiting)
        }
        registry.gauge("annexd_remote_connections", "Open connections to such remotes.") { Double(remotes.usage.open) }
    }

    /// Makes what is missing in the root folder; answers whether nothing can be made, which is no harm to readers.
    private static func prepare(_ root: RootFolder, logger: Logger) throws -> Bool {
        warn(ofOwner: root, logger: logger)
        do {
            try root.prepare()
            try HookDirectory.install(at: root.hooks)
            return false
        } catch  where error.code == .readOnlyFileSystem {
            guard try Files.exists(root.path) else { throw Failure("the root folder cannot be made: \(error)") }
            logger.warning(
                "the root folder is on a read-only file system: readers are served, and nothing can be stored",
                metadata: ["root": "\(root.path)"])
            return true
        } catch {
            throw Failure("the root folder cannot be used: \(error)")
        }
    }

    private static func warn(ofOwner root: RootFolder, logger: Logger) {
        guard geteuid() == 0, let owner = try? RootOwner(of: root.path), owner.isSomebodyElse else { return }
        logger.warning(
            "the server runs as root, and the root folder is another user's, who will not be able to use what it makes",
            metadata: ["root": "\(root.path)", "owner": "\(owner.name)"])
    }

    private static func freshRoot() throws -> FilePath {
        var template = Array("/tmp/annexd-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw Failure("no temporary folder could be made")
        }
        return FilePath(platformString: made)
    }
}

/// A part of the host that runs until it is told to stop.
private struct FunctionService: Service {
    let body: @Sendable () async throws -> Void

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await body() }
    }
}
