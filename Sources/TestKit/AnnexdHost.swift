import Foundation

/// A running `annexd serve` on a port of its own, with a root folder of its own.
public final class AnnexdHost {
    /// How to start the server.
    public struct Options: Sendable {
        /// The value of `--anonymous`, or nil for the program's default.
        public var anonymous: String? = "write"
        /// More arguments of `serve`.
        public var flags: [String] = []
        /// More environment variables.
        public var environment: [String: String] = [:]
        /// Arguments of `ulimit`, such as `-n 64`.
        public var limits: [String] = []
        /// Sockets that the server gets from its service manager, instead of an address to listen on.
        public var sockets: [ListeningSocket] = []

        public init() {}

        public init(anonymous: String?, flags: [String] = []) {
            self.anonymous = anonymous
            self.flags = flags
        }
    }

    public let scratch: ScratchDirectory
    /// The root folder of the repositories.
    public let root: String
    public private(set) var port = 0
    /// Where the server says that it can be reached.
    public private(set) var urls: [String] = []
    private let options: Options
    private let environment: [String: String]
    private var child: ChildProcess?

    /// Starts a server whose files are in `scratch` and waits until it accepts connections.
    ///
    /// - Parameter name: tells several servers of one scratch directory apart.
    public init(in scratch: ScratchDirectory, _ options: Options = Options(), name: String = "") throws {
        self.scratch = scratch
        self.options = options
        root = try scratch.makeDirectory("root\(name)")
        var variables = Command.plainEnvironment
        variables["HOME"] = try scratch.makeDirectory("home-of-annexd\(name)")
        for (name, value) in options.environment { variables[name] = value }
        environment = variables
        try start()
        scratch.atEnd { [weak self] in self?.kill9() }
    }

    /// `http://127.0.0.1:port`, without a trailing slash.
    public var baseURL: String { "http://127.0.0.1:\(port)" }

    /// The process id of the running server.
    public var pid: Int32 { child?.pid ?? -1 }

    /// What the server wrote to standard error.
    public var log: String { String(decoding: child?.errors ?? [], as: UTF8.self) }

    /// Single HTTP requests to this server.
    public var http: HTTPClient { HTTPClient(port: port) }

    /// What `/proc` says about the server, with zeros when it is gone.
    public var readings: ProcessReadings {
        get throws {
            guard let readings = ProcessReadings(of: pid) else {
                throw TestKitError(.server, "annexd (pid \(pid)) is gone:\n\(log.suffix(4000))")
            }
            return readings
        }
    }

    /// Whether the server process is still there.
    public var isRunning: Bool { child.map { $0.status == nil } ?? false }

    private func start() throws {
        // After a restart the clients' URLs must still be right, so the port stays.
        var serve = [try Tools.annexd(), "serve", "--root", root, "--listen", "127.0.0.1:\(port)", "--ready-json"]
        if let anonymous = options.anonymous { serve += ["--anonymous", anonymous] }
        serve += options.flags
        if !options.sockets.isEmpty {
            // The shell gives way to the server, which has its process id then.
            let script = "LISTEN_PID=$$ LISTEN_FDS=\(options.sockets.count) exec \"$0\" \"$@\""
            serve = ["/bin/sh", "-c", script] + serve
        }
        if !options.limits.isEmpty {
            let limits = options.limits.map { "ulimit \($0) && " }.joined()
            serve = ["/bin/sh", "-c", "\(limits)exec \"$0\" \"$@\""] + serve
        }
        var command = Command(serve, environment: environment, directory: scratch.path)
        command.descriptors = options.sockets.map(\.descriptor)
        let started = try command.start()
        child = started
        _ = eventually(within: 60) { started.output.contains(10) || started.status != nil }
        guard
            let line = started.output.split(separator: 10).first,
            let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
            object["ready"] as? Bool == true,
            let urls = object["urls"] as? [String]
        else {
            let said = String(decoding: started.output, as: UTF8.self)
            let status = started.status.map { "ended with status \($0)" } ?? "is running"
            kill9()
            throw TestKitError(.server, "annexd is not ready, \(status); stdout: \(said)\nstderr: \(log.suffix(4000))")
        }
        self.urls = urls
        port = urls.lazy.compactMap { URL(string: $0)?.port }.first ?? 0
    }

    /// Ends the server as an operator does and throws unless it exits with status 0 within 20 seconds.
    public func stop() throws {
        guard let running = child else { return }
        running.signal(SIGTERM)
        let result = running.finish(within: 20)
        guard result.status == 0, !result.timedOut else {
            throw TestKitError(.server, "annexd did not end cleanly: \(result.transcript)")
        }
    }

    /// Asks the server to end, and answers the status with which it did; nil where it is still there after `seconds`.
    public func end(within seconds: Double) -> Int32? {
        guard let running = child else { return nil }
        running.signal(SIGTERM)
        let result = running.finish(within: seconds)
        return result.timedOut ? nil : result.status
    }

    /// Ends the server as a power cut does.
    public func kill9() {
        child?.signal(SIGKILL)
        _ = child?.finish(within: 10)
    }

    /// Ends the server and every process that it started, as a service manager does that has lost its patience.
    public func killWithChildren() {
        // Stopped first, so that it starts no more of them meanwhile.
        child?.signal(SIGSTOP)
        for descendant in ProcessReadings.descendants(of: pid) { kill(descendant, SIGKILL) }
        kill9()
    }

    /// Starts a stopped or killed server again on the same root and port.
    public func restart() throws {
        try start()
    }

    /// Runs `annexd` with other arguments, in the server's environment.
    public func annexd(_ arguments: String...) throws -> CommandResult {
        try Command([try Tools.annexd()] + arguments, environment: environment, directory: scratch.path).run()
    }

    /// Runs `annexd repo <verb> --root <root> …` and returns how it ended.
    public func repo(_ verb: String, _ arguments: String...) throws -> CommandResult {
        try Command(
            [try Tools.annexd(), "repo", verb, "--root", root] + arguments, environment: environment,
            directory: scratch.path
        ).run()
    }

    /// Runs `annexd locks …` on the root folder and returns how it ended.
    public func locks(_ arguments: [String]) throws -> CommandResult {
        try Command(
            [try Tools.annexd(), "locks"] + arguments + ["--root", root], environment: environment,
            directory: scratch.path
        ).run()
    }

    /// Creates a repository through the command line.
    public func create(_ path: String = "team/data") throws -> HostedRepository {
        let result = try repo("create", path)
        guard result.status == 0 else { throw TestKitError(.commandFailed, result.transcript) }
        return hosted(path)
    }

    /// The repository at `path`, whether it exists or not.
    public func hosted(_ path: String) -> HostedRepository {
        HostedRepository(host: self, path: path)
    }
}

/// One repository of a running server.
public struct HostedRepository {
    public let host: AnnexdHost
    /// The name without `.git`, such as `team/data`.
    public let path: String

    /// The address to clone, with `.git`.
    public var url: String { "\(host.baseURL)/\(path).git" }
    /// The bare repository on disk.
    public var directory: String { "\(host.root)/\(path).git" }
    /// Whether it is there.
    public var exists: Bool { access("\(directory)/HEAD", R_OK) == 0 }

    /// The repository's UUID as its git configuration has it.
    public func uuid() throws -> String {
        try config("annex.uuid") ?? ""
    }

    /// A value of its git configuration, or nil.
    public func config(_ name: String) throws -> String? {
        let result = try Command(["git", "config", "-f", "\(directory)/config", name]).run()
        return result.status == 0 ? result.trimmed : nil
    }

    /// Sets a value of its git configuration, as an administrator would.
    public func setConfig(_ name: String, _ value: String) throws {
        try Command(["git", "config", "-f", "\(directory)/config", name, value]).check()
    }

    /// P2P calls below the repository's own path.
    public func p2p() throws -> P2PCalls {
        P2PCalls(port: host.port, prefix: "/\(path)", uuid: try uuid())
    }

    /// The served repository in the hands of stock programs.
    public func tree(_ client: StockClient) -> WorkTree {
        WorkTree(client: client, path: directory)
    }

    /// The path of a key's object relative to the repository, or nil when there is none.
    public func object(_ keyFile: String) throws -> String? {
        let found = try Command(["find", "annex/objects", "-type", "f", "-name", keyFile], directory: directory).run()
        return found.lines.first
    }

    /// The path of a key's partial upload.
    public func partial(_ keyFile: String) -> String {
        "\(directory)/annex/tmp/\(keyFile)"
    }
}
