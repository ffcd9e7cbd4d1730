import ArgumentParser
import Blocking
import Hosting
import Logging
import Remotes
import Settings
import SystemPackage

/// `annexd repo …`: manages the repositories of a root folder, with or without a running server.
struct RepoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repo",
        abstract: "Create, list, rename, delete, restore and import repositories.",
        discussion: "Works with and without a running server, which notices at once.",
        subcommands: [Create.self, List.self, Show.self, Rename.self, Delete.self, Restore.self, Import.self])
}

/// What every `repo` command is told.
struct RootOptions: ParsableArguments {
    @Option(name: .long, help: "The folder that holds the repositories.")
    var root = "."

    @Option(name: .long, help: "The TOML file of the server, for what it says about remotes on other hosts.")
    var config: String?

    @Flag(name: .long, help: "Print the result as JSON.")
    var json = false

    /// Runs `body` with the repositories of the root folder; failures become messages for people.
    func withManager<Result: Sendable>(
        _ body: (RepositoryManager, RootFolder) async throws -> Result
    ) async throws -> Result {
        try await withServices { folder, services in
            try await body(RepositoryManager(root: folder, services: services), folder)
        }
    }

    /// The same with the repositories themselves; what they have in their journals is committed at the end.
    func withCatalog<Result: Sendable>(_ body: (Catalog) async throws -> Result) async throws -> Result {
        try await withServices { folder, services in
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

    /// The same with what all repositories share.
    func withServices<Result: Sendable>(
        _ body: (RootFolder, HostServices) async throws -> Result
    ) async throws -> Result {
        let folder = RootFolder(FilePath(root))
        let settings: Settings
        do {
            settings = try Settings.load(file: config, environment: ProcessEnvironment.all)
        } catch {
            throw Failure("\(error)")
        }
        let pool = BlockingPool(threadCount: 4)
        var logger = Logger(label: "annexd") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let remotes = try RemoteConnections(settings, pool: pool, logger: logger)
        let services = HostServices(
            pool: pool, locks: LockTable(limit: 0, limitPerClient: 0), logger: logger, commitDelay: .milliseconds(500),
            remotes: remotes)
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(try await body(folder, services))
        } catch let error as Failure {
            outcome = .failure(error)
        } catch {
            outcome = .failure(Failure("\(error)"))
        }
        await remotes.shutdown()
        await pool.shutdown()
        return try outcome.get()
    }
}

/// A repository name on the command line.
struct NameArgument: ExpressibleByArgument {
    let name: RepositoryName

    init?(argument: String) {
        guard let name = RepositoryName(argument) else { return nil }
        self.name = name
    }
}

extension RepoCommand {
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Create empty repositories that are annexes.")
        @OptionGroup var options: RootOptions
        @Argument(help: "Names such as team/data.")
        var names: [NameArgument]

        func run() async throws {
            try await options.withManager { manager, _ in
                for argument in names {
                    let uuid = try await manager.create(argument.name)
                    Output(json: options.json).result(
                        ["path": .string("\(argument.name)"), "uuid": .string("\(uuid)")],
                        text: "created \(argument.name) \(uuid)")
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the repositories.")
        @OptionGroup var options: RootOptions
        @Flag(name: .long, help: "List deleted repositories that can be restored.")
        var deleted = false

        func run() async throws {
            try await options.withManager { manager, root in
                let output = Output(json: options.json)
                if deleted {
                    output.list(
                        try RepositoryTrash(root: root).entries().map { entry in
                            (["path": .string("\(entry.name)"), "deleted": .number(entry.deleted)], "\(entry.name)")
                        })
                } else {
                    output.list(
                        try manager.list().map { summary in
                            (summary.json(nil), summary.line)
                        })
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what a repository holds.")
        @OptionGroup var options: RootOptions
        @Argument(help: "Names such as team/data.")
        var names: [NameArgument]

        func run() async throws {
            try await options.withCatalog { catalog in
                let manager = RepositoryManager(root: catalog.root, services: catalog.services)
                for argument in names {
                    let summary = try manager.show(argument.name)
                    let isAnnex = summary.uuid != nil
                    let proxies = isAnnex ? try await options.proxies(of: summary.name, in: catalog) : []
                    Output(json: options.json).result(summary.json(proxies), lines: summary.lines(proxies))
                }
            }
        }
    }

    struct Rename: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a repository another name; its old URL keeps working.")
        @OptionGroup var options: RootOptions
        @Argument var name: NameArgument
        @Argument var newName: NameArgument

        func run() async throws {
            try await options.withManager { manager, _ in
                try await manager.rename(name.name, to: newName.name)
                Output(json: options.json).result(
                    ["path": .string("\(newName.name)"), "formerly": .string("\(name.name)")],
                    text: "renamed \(name.name) to \(newName.name)")
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move repositories to the trash; `repo restore` brings them back.")
        @OptionGroup var options: RootOptions
        @Argument(help: "Names such as team/data.")
        var names: [NameArgument]

        func run() async throws {
            try await options.withManager { manager, _ in
                for argument in names {
                    try await manager.delete(argument.name)
                    Output(json: options.json).result(
                        ["deleted": .string("\(argument.name)")],
                        text: "deleted \(argument.name); `annexd repo restore \(argument.name)` brings it back")
                }
            }
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring back the repository of this name deleted last.")
        @OptionGroup var options: RootOptions
        @Option(name: .customLong("as"), help: "Restore under another name.")
        var newName: NameArgument?
        @Argument var name: NameArgument

        func run() async throws {
            try await options.withManager { manager, _ in
                try await manager.restore(name.name, as: newName?.name)
                let restored = newName?.name ?? name.name
                Output(json: options.json).result(["path": .string("\(restored)")], text: "restored \(restored)")
            }
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take an existing repository on this machine into the root, with its UUID and content.")
        @OptionGroup var options: RootOptions
        @Flag(name: .long, help: "Copy instead of move. The copy has the same UUID: stop using the source afterwards.")
        var copy = false
        @Argument(help: "The repository's folder.")
        var source: String
        @Argument(help: "Its name on this host, such as team/data.")
        var name: NameArgument

        func run() async throws {
            try await options.withManager { manager, _ in
                try await manager.importRepository(at: FilePath(source), as: name.name, keepingSource: copy)
                Output(json: options.json).result(
                    ["path": .string("\(name.name)"), "source": .string(source)],
                    text: "imported \(source) as \(name.name)")
            }
        }
    }
}

extension RepositorySummary {
    /// - Parameter proxies: nil where they were not looked at.
    fileprivate func json(_ proxies: [ProxyStatus]?) -> JSONValue {
        var fields: [String: JSONValue] = [
            "path": .string("\(name)"), "uuid": uuid.map { .string("\($0)") } ?? .null, "directory": .string(folder),
            "bare": .boolean(isBare), "formerPaths": .array(formerNames.map { .string("\($0)") }),
            "sameUUID": .array(copies.map { .string("\($0)") }),
        ]
        if let content {
            fields["objects"] = .number(Int64(content.objects))
            fields["bytes"] = .number(Int64(clamping: content.bytes))
        }
        if let proxies { fields["proxies"] = .array(proxies.map(\.json)) }
        return .object(fields)
    }

    fileprivate var line: String {
        "\(name) \(uuid.map { "\($0)" } ?? "(not an annex)")" + (copies.isEmpty ? "" : " (a copy: \(copyNames) too)")
    }

    private var copyNames: String { copies.map { "\($0)" }.joined(separator: ", ") }

    fileprivate func lines(_ proxies: [ProxyStatus]) -> [String] {
        var lines = ["\(name)", "  uuid: \(uuid.map { "\($0)" } ?? "none: not an annex")", "  folder: \(folder)"]
        if !formerNames.isEmpty { lines.append("  formerly: " + formerNames.map { "\($0)" }.joined(separator: ", ")) }
        if !copies.isEmpty {
            lines.append("  same UUID: \(copyNames); git-annex takes them for one repository, so give one a new UUID")
        }
        if let content { lines.append("  content: \(content.objects) objects, \(content.bytes) bytes") }
        lines += proxies.map { "  proxies \($0.text)" }
        return lines
    }
}
