import AnnexProtocol
import ArgumentParser
import Blocking
import FileIO
import Gateways
import GitHost
import Hosting
import Logging
import Remotes
import Settings
import SystemPackage

/// Which root folder a command works on, and how it answers.
struct RootOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The folder that holds the repositories.",
            discussion: """
                Without it the root that --config or ANNEXD_SERVER_ROOT names, else the current folder if it is one.
                """))
    var root: String?

    @Option(name: .long, help: "The TOML file of the server.")
    var config: String?

    @Flag(name: .long, help: "Print the result, and what went wrong, as JSON.")
    var json = false

    var output: Output { Output(json: json) }

    /// What a command does with the root folder.
    enum Purpose {
        case looking
        /// Whoever makes files there must be the owner of the folder.
        case changing
    }

    func validate() throws {
        if root == "" { throw ValidationError("--root needs the path of a folder.") }
    }

    /// The settings as the server would read them, with `--root` in its place.
    func loadSettings() throws(SettingsError) -> Settings {
        let overrides = root.map { [SettingOverride(key: "server.root", option: "--root", values: [$0])] } ?? []
        return try Settings.load(file: config, environment: ProcessEnvironment.all, overrides: overrides)
    }

    private func settings() throws -> Settings {
        do {
            return try loadSettings()
        } catch {
            throw Failure("\(error)")
        }
    }

    /// How git names the objects of new repositories.
    var objectFormat: ObjectFormat {
        get throws { ObjectFormat(try settings().repositories.objectFormat) }
    }

    /// The root folder of those settings; it is there.
    private func folder(_ settings: Settings) throws -> RootFolder {
        if let path = settings.server.root { return try Self.present(FilePath(path)) }
        guard let state = try? Files.status(RootFolder(".").state), state.kind == .directory else {
            throw Failure(
                "tell me which folder holds the repositories: --root DIR, or a --config FILE or ANNEXD_SERVER_ROOT "
                    + "that name it", status: 64)
        }
        return RootFolder(".")
    }

    private static func present(_ path: FilePath) throws -> RootFolder {
        guard try Files.status(path)?.kind == .directory else { throw Failure("\"\(path)\" is no folder") }
        return RootFolder(path)
    }

    /// Runs `body` with the repositories of the root folder; failures become messages for people.
    func withManager<Result: Sendable>(
        for purpose: Purpose = .looking, _ body: (RepositoryManager, RootFolder) async throws -> Result
    ) async throws -> Result {
        try await withServices(for: purpose) { folder, services in
            try await body(RepositoryManager(root: folder, services: services), folder)
        }
    }

    /// The same with the repositories themselves; what they have in their journals is committed at the end.
    func withCatalog<Result: Sendable>(
        for purpose: Purpose = .looking, _ body: (Catalog) async throws -> Result
    ) async throws -> Result {
        try await withServices(for: purpose) { folder, services in
            let catalog = Catalog(root: folder, services: services)
            do {
                let result = try await body(catalog)
                await catalog.closeAll()
                return result
            } catch {
                await catalog.closeAll()
                throw error
            }
        }
    }

    /// The same with the remotes that stand behind them.
    func withGateways<Result: Sendable>(
        for purpose: Purpose = .looking, _ body: (Gateways) async throws -> Result
    ) async throws -> Result {
        let settings = try settings()
        return try await withCatalog(for: purpose) { catalog in
            let services = catalog.services
            let remotes = try RemoteConnections(settings, pool: services.pool, logger: services.logger)
            let outcome: Swift.Result<Result, any Error>
            do { outcome = .success(try await body(Gateways(catalog, remotes))) } catch { outcome = .failure(error) }
            await remotes.shutdown()
            return try outcome.get()
        }
    }

    /// The same with what all repositories share.
    func withServices<Result: Sendable>(
        for purpose: Purpose = .looking, _ body: (RootFolder, HostServices) async throws -> Result
    ) async throws -> Result {
        let settings = try settings()
        let folder = try folder(settings)
        try Self.act(as: RootOwner(of: folder.path), for: purpose, in: folder)
        let pool = BlockingPool(threadCount: 4)
        var logger = Logger(label: "annexd") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let services = HostServices(
            pool: pool, locks: LockTable(limit: 0, limitPerClient: 0), logger: logger, commitDelay: .milliseconds(500))
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(try await body(folder, services))
        } catch let error as Failure {
            outcome = .failure(error)
        } catch {
            outcome = .failure(Failure("\(error)"))
        }
        await pool.shutdown()
        return try outcome.get()
    }

    /// Git and hooks run what repositories say, so looking is done as the owner as well where that can be.
    private static func act(as owner: RootOwner, for purpose: Purpose, in folder: RootFolder) throws {
        try owner.become()
        guard purpose == .changing, owner.isSomebodyElse else { return }
        throw Failure(
            "the root folder \"\(folder.path)\" belongs to \(owner.name): run this as that user or as root, or the server "
                + "could not use what it makes")
    }
}

extension RootOptions {
    /// Where people reach a repository: at the server that runs, else where one would listen with these settings.
    func url(of name: RepositoryName, in root: RootFolder) -> String? {
        // A server that cannot be asked is no reason to fail after the work is done.
        let answer = try? ControlClient.ask(root: root, "server.show")
        let running = answer?["urls"]?.array?.compactMap(\.string) ?? []
        if !running.isEmpty { return ServerURL.url(of: name, among: running) }
        return (try? settings()).flatMap { ServerURL.url(of: name, among: ServerURL.urls($0)) }
    }
}
