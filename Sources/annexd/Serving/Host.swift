import Accounts
import AnnexProtocol
import Blocking
import FileIO
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
    private let environment = ProcessEnvironment.all
    private let logger: Logger
    private let pool: BlockingPool
    let locks: LockTable
    let catalog: Catalog
    private let server: HTTPServer

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
        do {
            try root.prepare()
            try HookDirectory.install(at: root.hooks)
        } catch {
            throw Failure("the root folder cannot be used: \(error)")
        }
        let remotes = try RemoteConnections(settings, pool: pool, logger: logger)
        let reserve = SpaceReserve(root.reserve, size: UInt64(settings.limits.diskReserve) << 20)
        let services = HostServices(
            pool: pool, locks: locks, logger: logger, commitDelay: settings.branch.commitDelay, remotes: remotes,
            gitMemory: GitMemory(mebibytes: settings.limits.gitMemory == 0 ? nil : settings.limits.gitMemory),
            reserve: reserve)
        catalog = Catalog(root: root, services: services)
        var publicAddress: PublicAddress?
        if let url = settings.server.publicURL {
            publicAddress = PublicAddress(url: url)
            if publicAddress == nil { throw Failure("the public URL \"\(url)\" is not an http or https URL") }
        }
        let registry = MetricsRegistry()
        registry.addProcessMetrics()
        let gitSlots = GitSlots(
            GitSlots.Limits(
                working: settings.limits.gitProcesses, slow: settings.limits.gitSlowClients,
                patience: settings.limits.gitQueue))
        var context = ServiceContext(
            catalog: catalog, manager: RepositoryManager(root: root, services: services), locks: locks,
            policy: Policy(anonymous: Right(rawValue: settings.server.anonymous.rawValue) ?? .none),
            publicAddress: publicAddress, createsOnPush: settings.repositories.pushToCreate, gitSlots: gitSlots,
            metrics: ServiceMetrics(registry: registry), logger: logger)
        guard let proxies = TrustedProxies(settings.server.trustedProxies) else {
            throw Failure("server.trusted_proxies must hold numeric addresses, and \"unix\" for Unix sockets")
        }
        context.trustedProxies = proxies
        context.metricsAccess = MetricsPolicy(rawValue: settings.server.metrics.rawValue) ?? .readers
        context.gitPace.grace = settings.limits.headerTimeout
        context.maximumPack = settings.limits.pushSize == 0 ? nil : Int64(settings.limits.pushSize) << 20
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
        registry.gauge("annexd_uploads_waiting", "Uploads that wait for another one of the same key.") { [catalog] in
            Double(catalog.waitingUploads)
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
        let control = await ControlServer.open(root: root, handlers: controlHandlers, logger: logger)
        let environment = environment
        let isSecure = settings.tls.certificate != nil
        let (server, catalog, logger) = (server, catalog, logger)
        let patience = settings.limits.shutdown
        let ending = Ending(
            server: server, catalog: catalog, locks: locks, remotes: catalog.services.remotes, patience: patience,
            logger: logger)
        let announce: @Sendable () -> Void = {
            ready(addresses.map { Self.url($0, isSecure: isSecure) })
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
        var configuration: TransportConfiguration
        do {
            configuration = TransportConfiguration(
                addresses: try inherited.isEmpty
                    ? settings.server.listen.map { try HTTPTransport.ListenAddress(parsing: $0) }
                    : inherited.map { .inherited($0) })
        } catch {
            throw Failure("\(error)")
        }
        configuration.eventLoops = RemoteConnections.eventLoops
        configuration.maximumConnections = settings.limits.maxConnections
        configuration.timeouts.head = TimeAmount(settings.limits.headerTimeout)
        configuration.timeouts.idle = TimeAmount(settings.limits.idleTimeout)
        configuration.timeouts.body = TimeAmount(settings.limits.transferTimeout)
        configuration.timeouts.write = TimeAmount(settings.limits.transferTimeout)
        if let certificate = settings.tls.certificate, let key = settings.tls.key {
            configuration.tls = TLSFiles(certificateChain: certificate, privateKey: key)
        }
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
