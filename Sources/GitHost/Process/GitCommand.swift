import FileIO
import Glibc
import Subprocess
public import SystemPackage

/// One run of a git plumbing command in a repository.
///
/// The environment is clean: neither the machine's nor the user's git configuration, nor hooks of the repository, have
/// a say; and it does not matter which user owns the repository.
public struct GitCommand: Sendable {
    private var arguments: [[UInt8]]
    private let gitDirectory: FilePath
    private var settings: [(String, [UInt8])] = defaultSettings
    private var variables: [(String, [UInt8])] = []
    private var patience: Duration?
    private var standing = Standing.clean
    private var memory = GitMemory.standard
    private var manner = GitSilence.Manner.alone
    private var silence: Duration?

    /// Whose configuration counts.
    enum Standing: Sendable {
        /// Nobody's, but for what the repository itself says.
        case clean
        /// That of the machine and of the user who runs annexd, and of no repository. See ``GitCredential``, the one
        /// place that needs it.
        case ofThisUser
    }

    /// - Parameter arguments: the subcommand and its arguments. Strings from outside go after `--`, `--end-of-options`
    ///   or `=`, never where git would read an option.
    public init(_ arguments: [String], in gitDirectory: FilePath) {
        self.arguments = arguments.map { Array($0.utf8) }
        self.gitDirectory = gitDirectory
    }

    /// A command outside of any repository, with the configuration of the machine and of the user who runs annexd.
    init(asThisUser arguments: [String]) {
        self.arguments = arguments.map { Array($0.utf8) }
        gitDirectory = "/nonexistent"
        standing = .ofThisUser
        settings = []
        memory = GitMemory(mebibytes: nil)
    }

    /// This command with one more argument, given as bytes that need not be UTF-8 and hold no NUL.
    public func argument(_ bytes: [UInt8]) -> GitCommand {
        var copy = self
        copy.arguments.append(bytes)
        return copy
    }

    /// This command with `-c key=value`; a later setting of a key with one value wins.
    public func setting(_ key: String, _ value: String) -> GitCommand { setting(key, Array(value.utf8)) }

    /// This command with `-c key=value`, the value being a path or other bytes without NUL.
    public func setting(_ key: String, _ value: [UInt8]) -> GitCommand {
        var copy = self
        copy.settings.append((key, value))
        return copy
    }

    /// This command with one more environment variable; a later value of a name wins.
    public func environment(_ name: String, _ value: String) -> GitCommand { environment(name, Array(value.utf8)) }

    /// This command with one more environment variable whose value is a path or other bytes without NUL.
    public func environment(_ name: String, _ value: [UInt8]) -> GitCommand {
        var copy = self
        copy.variables.append((name, value))
        return copy
    }

    /// This command under another bound than the standard one, and with settings that keep git below it.
    ///
    /// - Parameter threads: of one pack-objects or index-pack.
    func bounded(by memory: GitMemory, threads: Int) -> GitCommand {
        var copy = GitMemory.settings(threads: threads).reduce(self) { $0.setting($1.0, $1.1) }
        copy.memory = memory
        return copy
    }

    /// This command, which ends by itself at the end of its input when nobody wants its result any more, and is asked
    /// to end only when it has not after `patience`.
    func endingByItself(within patience: Duration) -> GitCommand {
        var copy = self
        copy.patience = patience
        return copy
    }

    /// This command, which is ended when it is waited for and neither takes nor gives a byte for so long, if not
    /// earlier (``GitChildren/patience``).
    public func silent(atMost limit: Duration) -> GitCommand {
        var copy = self
        copy.silence = limit
        return copy
    }

    /// This command, which talks with a client through us; the time that the client takes does not count as its
    /// silence.
    func relayed() -> GitCommand {
        var copy = self
        copy.manner = .relayed
        return copy
    }

    /// This command, which may be silent for all of its time where it is given more than others.
    private func timed(_ time: Duration) -> GitCommand {
        var copy = self
        if time > Self.usualTime { copy.manner = .quiet }
        return copy
    }

    /// Runs to the end and answers everything it printed, at most `limit` bytes.
    ///
    /// A non-zero exit status is not an error here. Cancelling the task ends the process.
    ///
    /// - Parameter time: how long it may take; then it is ended and ``GitError/Code/timedOut`` is thrown. Attack: a
    ///   FIFO in place of a ref or an object of a prepared repository, for which git waits for ever, with our locks
    ///   held.
    public func run(
        input: [UInt8] = [], limit: Int = 64 << 20, within time: Duration = Self.usualTime
    ) async throws -> GitOutput {
        let command = timed(time)
        return try await ending(within: time) { try await command.collect(input: input, limit: limit) }
    }

    /// How long a command that is run to its end may take, if nothing else is said. Most take milliseconds; those that
    /// look through a large branch, seconds.
    public static let usualTime = Duration.seconds(600)

    private func ending<Result: Sendable>(
        within time: Duration, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: time)
                return nil
            }
            guard let first = try await group.next(), let result = first else {
                throw GitError(
                    code: .timedOut, command: name, message: "it did not end within \(time), in \"\(gitDirectory)\"")
            }
            return result
        }
    }

    private func collect(input: [UInt8], limit: Int) async throws -> GitOutput {
        try await stream { process in
            async let written: Void = process.write(all: input)
            var output: [UInt8] = []
            for try await chunk in process.output {
                guard output.count + chunk.count <= limit else {
                    throw GitError(code: .tooMuchOutput, command: name, message: "more than \(limit) bytes")
                }
                chunk.withUnsafeBytes { output.append(contentsOf: $0) }
            }
            try await written
            return output
        }
    }

    /// Runs to the end and answers what it printed; a non-zero exit status is a ``GitError``.
    public func output(
        input: [UInt8] = [], limit: Int = 64 << 20, within time: Duration = Self.usualTime
    ) async throws -> [UInt8] {
        let result = try await run(input: input, limit: limit, within: time)
        guard result.status == 0 else { throw failure(result) }
        return result.output
    }

    /// Runs while `body` feeds the process and reads from it.
    ///
    /// Output that `body` leaves unread is discarded, so the process can come to its end; one that prints more than
    /// 16 MiB after that is terminated. When `body` throws or the task is cancelled, the process and its children are
    /// asked to end, then killed. Cancellation throws `CancellationError`. Standard error is always read.
    ///
    /// One that is silent for too long is ended, which is a ``GitError/Code/timedOut``. Where a process does not end
    /// even when killed, it is left behind, and this throws all the same.
    public func stream<Result: Sendable>(
        _ body: @escaping @Sendable (GitProcess) async throws -> Result
    ) async throws -> GitOutputOf<Result> {
        Self.ignoreBrokenPipes
        let child = GitChild(
            name, in: gitDirectory, manner, patience: min(GitChildren.all.patience, silence ?? .seconds(1 << 30)))
        return try await child.supervise {
            do {
                guard let patience else { return try await launch(child, body) }
                return try await PatientEnd(patience).run(body) { try await launch(child, $0) }
            } catch let error as SubprocessError where error.code == .spawnFailed || error.code == .executableNotFound {
                throw GitError(code: .spawn, command: name, message: "\(error)")
            }
        }
    }

    private func launch<Result: Sendable>(
        _ child: GitChild, _ body: @Sendable (GitProcess) async throws -> Result
    ) async throws -> GitOutputOf<Result> {
        var options = PlatformOptions()
        // A group of its own: pack-objects, index-pack and hooks end with it, and Ctrl-C in a terminal does not reach
        // it.
        options.processGroupID = 0
        options.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(5))]
        let launch = GitLaunch.command(memory)
        let outcome = try await Subprocess.run(
            .name(launch.program), arguments: Arguments(fullArguments(after: launch.arguments)),
            environment: .custom(fullEnvironment),
            workingDirectory: standing == .clean ? nil : "/", platformOptions: options, input: .inputWriter,
            output: .sequence, error: .sequence
        ) { execution -> GitOutputOf<Result> in
            child.started(execution.processIdentifier.value)
            async let tail = Self.tail(of: execution.standardError)
            let process = GitProcess(
                input: GitInput(writer: execution.standardInputWriter, child: child),
                output: GitOutputStream(execution.standardOutput, of: child))
            let result: Result
            do {
                result = try await body(process)
            } catch {
                try? await execution.standardInputWriter.finish()
                throw error
            }
            try? await execution.standardInputWriter.finish()
            child.happened(.concluding)
            if try await process.output.discardRest(limit: 16 << 20) == false {
                try? execution.send(signal: .terminate, toProcessGroup: true)
                _ = try await process.output.discardRest(limit: .max)
            }
            return GitOutputOf(status: 0, output: result, errors: String(decoding: await tail, as: UTF8.self))
        }
        try Task.checkCancellation()
        var output = outcome.closureResult
        switch outcome.terminationStatus {
        case .exited(let code): output.status = code
        case .signaled(let signal): output.status = -signal
        }
        return output
    }

    /// The error that a non-zero exit means.
    public func failure<Result>(_ result: GitOutputOf<Result>) -> GitError {
        GitError(code: .exit(result.status), command: name, message: result.errors)
    }

    /// What is run, without settings and environment, for error messages.
    var name: String { arguments.prefix(3).map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ") }

    /// Each with the NUL at its end that the Subprocess library expects of bytes.
    private func fullArguments(after first: [String]) -> [[UInt8]] {
        var result = first.map { Array($0.utf8) }
        result.reserveCapacity(result.count + settings.count * 2 + arguments.count + 1)
        for (key, value) in settings {
            result.append(Array("-c".utf8))
            result.append(Array("\(key)=".utf8) + value)
        }
        result.append(Array("--git-dir=".utf8) + gitDirectory.bytes)
        return (result + arguments).map { $0 + [0] }
    }

    private var fullEnvironment: [[UInt8]] {
        var values = standing == .clean ? Self.defaultVariables : Self.userVariables
        for (name, value) in variables { values[name] = value }
        return values.map { Array("\($0.key)=".utf8) + $0.value + [0] }
    }

    private static let defaultSettings: [(String, [UInt8])] = [
        ("safe.directory", "*"), ("gc.auto", "0"), ("maintenance.auto", "false"), ("core.hooksPath", "/dev/null"),
        // A command named in the repository's own configuration must not run; `true` prints no alternate refs.
        ("core.fsmonitor", "false"), ("core.alternateRefsCommand", "true"), ("protocol.allow", "never"),
        ("core.fsync", "objects,reference"),
    ].map { ($0.0, Array($0.1.utf8)) }

    private static let defaultVariables: [String: [UInt8]] = [
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_OPTIONAL_LOCKS": "0", "HOME": "/nonexistent",
        // Attack: a configuration with a promisor remote `ext::COMMAND` and `protocol.ext.allow`, which wins over our
        // `protocol.allow`, has git run the command when an object is missing. This variable has the last word, and no
        // transport is called `none`.
        "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1",
        "GIT_AUTHOR_NAME": "annexd", "GIT_AUTHOR_EMAIL": "annexd@localhost", "GIT_COMMITTER_NAME": "annexd",
        "GIT_COMMITTER_EMAIL": "annexd@localhost",
    ].mapValues { Array($0.utf8) }

    /// What annexd itself was started with, but for what would name a repository, ask a person, or speak another
    /// language.
    private static var userVariables: [String: [UInt8]] {
        var values: [String: [UInt8]] = [:]
        var entry = environ
        while let text = entry.pointee {
            let line = UnsafeBufferPointer(start: text, count: strlen(text)).map { UInt8(bitPattern: $0) }
            if let equals = line.firstIndex(of: UInt8(ascii: "=")) {
                values[String(decoding: line[..<equals], as: UTF8.self)] = Array(line[(equals + 1)...])
            }
            entry += 1
        }
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_CONFIG", "GIT_COMMON_DIR", "GIT_TRACE_CURL", "GIT_TRACE"] {
            values[name] = nil
        }
        // An empty GIT_ASKPASS means that there is no program to ask with; without one git would look for others.
        for (name, value) in [
            ("GIT_TERMINAL_PROMPT", "0"), ("GIT_ASKPASS", ""), ("SSH_ASKPASS_REQUIRE", "never"),
            ("GCM_INTERACTIVE", "never"), ("LC_ALL", "C"),
        ] { values[name] = Array(value.utf8) }
        return values
    }

    /// A process that stops reading must not end annexd: writing to it then fails with EPIPE instead of SIGPIPE.
    private static let ignoreBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    /// Reads to the end and keeps the last 4 KiB.
    private static func tail(of errors: SubprocessOutputSequence) async -> [UInt8] {
        var kept: [UInt8] = []
        do {
            for try await chunk in errors {
                chunk.withUnsafeBytes { kept.append(contentsOf: $0) }
                if kept.count > 8192 { kept.removeFirst(kept.count - 4096) }
            }
        } catch {
            // What arrived before the pipe broke is still worth telling.
        }
        return Array(kept.suffix(4096))
    }
}

/// What a finished git process left.
public struct GitOutputOf<Result: Sendable>: Sendable {
    /// The exit status; negative for the signal that ended it.
    public var status: Int32
    public var output: Result
    /// The end of what it printed on standard error.
    public var errors: String
}

public typealias GitOutput = GitOutputOf<[UInt8]>
