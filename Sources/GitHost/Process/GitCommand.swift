import Subprocess
public import SystemPackage

/// One run of a git plumbing command in a repository.
///
/// The environment is clean: neither the machine's nor the user's git configuration, nor hooks of the repository, have
/// a say; and it does not matter which user owns the repository.
public struct GitCommand: Sendable {
    private let arguments: [String]
    private let gitDirectory: FilePath
    private var settings: [(String, String)] = [
        ("safe.directory", "*"), ("gc.auto", "0"), ("maintenance.auto", "false"), ("core.hooksPath", "/dev/null"),
        ("core.fsmonitor", "false"), ("core.alternateRefsCommand", ""), ("uploadpack.packObjectsHook", ""),
        ("protocol.allow", "never"), ("core.fsync", "objects,reference"),
    ]
    private var variables: [(String, String)] = []

    /// - Parameter arguments: the subcommand and its arguments. Strings from outside go after `--`, `--end-of-options`
    ///   or `=`, never where git would read an option.
    public init(_ arguments: [String], in gitDirectory: FilePath) {
        self.arguments = arguments
        self.gitDirectory = gitDirectory
    }

    /// This command with `-c key=value`; a later setting of the same key wins.
    public func setting(_ key: String, _ value: String) -> GitCommand {
        var copy = self
        copy.settings.append((key, value))
        return copy
    }

    /// This command with one more environment variable.
    public func environment(_ name: String, _ value: String) -> GitCommand {
        var copy = self
        copy.variables.append((name, value))
        return copy
    }

    /// Runs to the end and answers everything it printed, at most `limit` bytes.
    ///
    /// A non-zero exit status is not an error here. Cancelling the task ends the process.
    public func run(input: [UInt8] = [], limit: Int = 64 << 20) async throws -> GitOutput {
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
    public func output(input: [UInt8] = [], limit: Int = 64 << 20) async throws -> [UInt8] {
        let result = try await run(input: input, limit: limit)
        guard result.status == 0 else { throw failure(result) }
        return result.output
    }

    /// Runs while `body` feeds the process and reads from it. `body` must read the output to its end.
    ///
    /// When `body` throws or the task is cancelled, the process is asked to end, then killed.
    public func stream<Result: Sendable>(
        _ body: @Sendable (GitProcess) async throws -> Result
    ) async throws -> GitOutputOf<Result> {
        do {
            return try await launch(body)
        } catch let error as SubprocessError where error.code == .spawnFailed || error.code == .executableNotFound {
            throw GitError(code: .spawn, command: name, message: "\(error)")
        }
    }

    private func launch<Result: Sendable>(
        _ body: @Sendable (GitProcess) async throws -> Result
    ) async throws -> GitOutputOf<Result> {
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(5))]
        let outcome = try await Subprocess.run(
            .name("git"), arguments: Arguments(fullArguments), environment: .custom(fullEnvironment),
            platformOptions: options, input: .inputWriter, output: .sequence, error: .sequence
        ) { execution -> GitOutputOf<Result> in
            async let tail = Self.tail(of: execution.standardError)
            let process = GitProcess(writer: execution.standardInputWriter, output: execution.standardOutput)
            let result = try await body(process)
            try? await execution.standardInputWriter.finish()
            return GitOutputOf(status: 0, output: result, errors: String(decoding: await tail, as: UTF8.self))
        }
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

    private var name: String { arguments.prefix(3).joined(separator: " ") }

    private var fullArguments: [String] {
        settings.flatMap { ["-c", "\($0.0)=\($0.1)"] } + ["--git-dir=\(gitDirectory)"] + arguments
    }

    private var fullEnvironment: [Environment.Key: String] {
        var result: [Environment.Key: String] = [
            "PATH": Self.searchPath, "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_OPTIONAL_LOCKS": "0", "HOME": "/nonexistent",
            "GIT_AUTHOR_NAME": "annexd", "GIT_AUTHOR_EMAIL": "annexd@localhost", "GIT_COMMITTER_NAME": "annexd",
            "GIT_COMMITTER_EMAIL": "annexd@localhost",
        ]
        for (name, value) in variables { result[Environment.Key(stringLiteral: name)] = value }
        return result
    }

    private static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

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
