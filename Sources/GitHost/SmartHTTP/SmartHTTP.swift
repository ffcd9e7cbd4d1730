import FileIO
public import SystemPackage

/// Git's smart HTTP services on one repository, without the HTTP: advertisements and requests as streams of bytes.
///
/// Each call runs one git process, which ends with it. Nothing is held in memory but a pipe's buffer: a client that
/// reads slowly makes git wait, and a git that reads slowly makes the client wait.
public struct SmartHTTP: Sendable {
    /// How the services treat one repository.
    public struct Options: Sendable {
        /// False for a repository with a work tree, where a push to the checked out branch updates the files.
        public var isBare = true
        /// Refs and prefixes of refs that clients do not see and cannot change, as `transfer.hideRefs` takes them.
        public var hiddenRefs: [String] = []
        /// What guards a push; without it none is received.
        public var hooks: PushHooks?
        /// Whether a push may delete the branch of HEAD; it is then for the caller to point HEAD elsewhere.
        public var allowsDeletingHead = false
        /// Object formats that are offered to those who push besides the repository's own, because it is yet to be
        /// made.
        public var offeredFormats: [ObjectFormat] = []
        /// More variables for git and its hooks.
        public var environment: [(String, [UInt8])] = []
        /// The largest pack a push may bring, in bytes.
        public var maximumPackSize: Int64?
        public var memory = GitMemory.standard
        /// Threads of one pack-objects or index-pack.
        public var threads = 2

        public init() {}
    }

    /// Takes a chunk of the answer, waiting until the client has room for more.
    public typealias Sink = @Sendable (GitChunk) async throws -> Void

    private let gitDirectory: FilePath
    private let options: Options

    public init(_ gitDirectory: FilePath, options: Options = Options()) {
        self.gitDirectory = gitDirectory
        self.options = options
    }

    /// Sends the answer to `GET info/refs?service=…`: the refs, or the capabilities in version 2.
    ///
    /// The first chunk leaves only after git printed something, so an error before it can still become a status.
    /// Throws ``GitError`` when git fails, and whatever `sink` throws.
    public func advertise(
        _ service: GitService, _ requested: GitProtocol, to sink: @escaping Sink
    ) async throws {
        let spoken = requested.value(for: service)
        let command = command(service, spoken, flags: ["--http-backend-info-refs"])
        let result = try await command.stream { process in
            try await process.finish()
            // Version 2 begins with its own line instead, as git http-backend does it.
            var preamble: [UInt8]? = nil
            if spoken.version != 2 {
                preamble = PacketLine.encode(Array("# service=\(service.rawValue)\n".utf8)) + PacketLine.flush
            }
            guard service == .receivePack else {
                for try await chunk in process.output {
                    if let first = preamble.take() { try await sink(GitChunk(first)) }
                    try await sink(chunk)
                }
                return
            }
            var advertisement = PushAdvertisement(offering: options.offeredFormats)
            for try await chunk in process.output {
                if let first = preamble.take() { try await sink(GitChunk(first)) }
                let bytes = advertisement.receive(chunk.bytes)
                if !bytes.isEmpty { try await sink(GitChunk(bytes)) }
            }
            let rest = advertisement.rest()
            if !rest.isEmpty { try await sink(GitChunk(rest)) }
        }
        guard result.status == 0 else { throw command.failure(result) }
    }

    /// Answers `POST git-upload-pack` or `git-receive-pack`.
    ///
    /// `feed` writes the request body and returns at its end; it runs while `sink` takes the answer. It is cancelled
    /// when git has said all it wants to say. An error of either one, or the end of the task, ends git.
    /// - Returns: the exit status and the end of standard error. A failure that git has told the client itself has a
    ///   non-zero status too, so it is not an error here; when nothing was sent it is a ``GitError``.
    public func respond(
        _ service: GitService, _ requested: GitProtocol, feed: @escaping @Sendable (GitInput) async throws -> Void,
        to sink: @escaping Sink
    ) async throws -> GitOutputOf<Int> {
        if service == .receivePack && options.hooks == nil {
            throw GitError(code: .spawn, command: service.subcommand, message: "nothing guards this push")
        }
        let command = command(service, requested.value(for: service), flags: ["--stateless-rpc"])
        let result = try await command.stream { process in
            try await Self.exchange(process, feed: feed, to: sink)
        }
        guard result.status == 0 || result.output > 0 else { throw command.failure(result) }
        return result
    }

    /// Like ``respond(_:_:feed:to:)`` with a body of chunks.
    public func respond<Body: AsyncSequence & Sendable>(
        _ service: GitService, _ requested: GitProtocol, body: Body, to sink: @escaping Sink
    ) async throws -> GitOutputOf<Int> where Body.Element == [UInt8] {
        try await respond(
            service, requested,
            feed: { input in
                for try await chunk in body where try await input.write(chunk) == false { return }
            }, to: sink)
    }

    /// Runs both directions until git has closed its output; answers the bytes of the answer.
    private static func exchange(
        _ process: GitProcess, feed: @escaping @Sendable (GitInput) async throws -> Void, to sink: @escaping Sink
    ) async throws -> Int {
        enum Finished {
            case feeding
            case answer(Int)
        }
        return try await withThrowingTaskGroup(of: Finished.self) { group in
            group.addTask {
                try await feed(process.input)
                try await process.finish()
                return .feeding
            }
            group.addTask {
                var count = 0
                for try await chunk in process.output {
                    try await sink(chunk)
                    count += chunk.count
                }
                return .answer(count)
            }
            while let finished = try await group.next() {
                guard case .answer(let count) = finished else { continue }
                // Git listens no longer; a client that still sends must not keep this request alive.
                group.cancelAll()
                return count
            }
            return 0
        }
    }

    /// An advertisement of nothing but why there is none (gitprotocol-pack(5), "ERR"); git shows it as a remote error.
    public static func failure(_ reason: String, of service: GitService) -> [UInt8] {
        PacketLine.encode(Array("# service=\(service.rawValue)\n".utf8)) + PacketLine.flush
            + PacketLine.encode(Array("ERR annexd: \(reason)\n".utf8)) + PacketLine.flush
    }

    /// A line of an answer to a push that the person sees, as git's own hooks would print it; to be sent before git's.
    ///
    /// Nil for clients that take no such lines.
    public static func notice(_ text: String, to request: ReceivePackRequest) -> GitChunk? {
        guard request.capabilities.contains("side-band-64k") else { return nil }
        return GitChunk(PacketLine.encode([2] + Array("annexd: \(text)\n".utf8)))
    }

    private func command(_ service: GitService, _ spoken: GitProtocol, flags: [String]) -> GitCommand {
        var command = GitCommand([service.subcommand] + flags, in: gitDirectory).argument(gitDirectory.bytes)
            .bounded(by: options.memory, threads: options.threads).relayed()
        for (key, value) in settings(service) { command = command.setting(key, value) }
        for ref in options.hiddenRefs { command = command.setting("transfer.hideRefs", ref) }
        if let hooks = options.hooks, service == .receivePack {
            // Git runs in the repository. A hook that it does not find it passes over, and what the hook would have
            // refused is accepted.
            command = command.setting("core.hooksPath", hooks.folder.absolute.bytes)
            for (name, value) in hooks.environment { command = command.environment(name, value) }
        }
        if !spoken.value.isEmpty { command = command.environment("GIT_PROTOCOL", spoken.value) }
        for (name, value) in options.environment { command = command.environment(name, value) }
        // A receive-pack that is ended by a signal may leave its quarantine folder behind. At the end of its input it
        // cleans up by itself, within milliseconds.
        if service == .receivePack { command = command.endingByItself(within: .seconds(1)) }
        return command
    }

    private func settings(_ service: GitService) -> [(String, String)] {
        switch service {
        case .uploadPack:
            return [
                ("uploadpack.allowFilter", "true"), ("uploadpack.allowAnySHA1InWant", "false"),
                ("uploadpack.allowTipSHA1InWant", "true"), ("uploadpack.allowReachableSHA1InWant", "true"),
            ]
        case .receivePack:
            var settings = [
                ("receive.advertisePushOptions", "true"), ("receive.autogc", "false"),
                // Odd old history must be accepted; the git-annex branch is checked by its own module.
                ("transfer.fsckObjects", "false"), ("receive.fsckObjects", "false"),
                // Each loose object is synchronised to disk on its own, so only small pushes become loose objects.
                ("receive.unpackLimit", "32"),
                ("receive.denyCurrentBranch", options.isBare ? "refuse" : "updateInstead"),
            ]
            // Where nothing is set, git explains a refusal by settings that people who push cannot reach.
            settings.append(("receive.denyDeleteCurrent", options.allowsDeletingHead ? "ignore" : "refuse"))
            if let limit = options.maximumPackSize { settings.append(("receive.maxInputSize", "\(limit)")) }
            return settings
        }
    }
}
