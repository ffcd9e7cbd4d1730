import Foundation

/// A program to run: its arguments, its whole environment, its directory, its input and its time bound.
///
/// Output goes to files, never to pipes, so that nothing can fill up and stall.
public struct Command: Sendable {
    /// The program, looked up in `PATH`, and its arguments.
    public var arguments: [String]
    /// The whole environment of the program.
    public var environment: [String: String]
    /// The directory to start in.
    public var directory: String
    /// The bytes of standard input.
    public var input: [UInt8]
    /// Seconds after which the program's process group is killed.
    public var timeout: Double
    /// Descriptors of ours that the program gets as 3, 4 and so on.
    public var descriptors: [Int32] = []

    public init(
        _ arguments: [String],
        environment: [String: String] = Command.plainEnvironment,
        directory: String = "/",
        input: [UInt8] = [],
        timeout: Double = 300,
    ) {
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.input = input
        self.timeout = timeout
    }

    /// An environment with nothing of the machine's git configuration.
    public static var plainEnvironment: [String: String] {
        let own = ProcessInfo.processInfo.environment
        // An annexd that was built with a sanitizer reports to where the tests do.
        let names: Set = ["ASAN_OPTIONS", "LD_PRELOAD", "SWIFT_BACKTRACE", "TSAN_OPTIONS"]
        let sanitizers = own.filter { names.contains($0.key) }
        let plain = [
            "PATH": own["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "LANG": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        ]
        return plain.merging(sanitizers) { plain, _ in plain }
    }

    /// Starts the program and returns at once.
    public func start() throws -> ChildProcess {
        try ChildProcess(self)
    }

    /// Runs the program to its end, or to its time bound.
    public func run() throws -> CommandResult {
        let child = try start()
        return child.finish(within: timeout)
    }

    /// Runs the program and throws its transcript unless it ends with status 0.
    @discardableResult
    public func check() throws -> CommandResult {
        let result = try run()
        guard result.status == 0 else { throw TestKitError(.commandFailed, result.transcript) }
        return result
    }

    /// The absolute path of the program, as `PATH` of the command's own environment says.
    func locateProgram() throws -> String {
        let name = arguments.first ?? ""
        if name.contains("/") { return name }
        for folder in (environment["PATH"] ?? "").split(separator: ":") where access("\(folder)/\(name)", X_OK) == 0 {
            return "\(folder)/\(name)"
        }
        throw TestKitError(.missingProgram, "no \(name) in PATH \(environment["PATH"] ?? "")")
    }
}

/// How a command ended and what it said.
public struct CommandResult: Sendable {
    public var arguments: [String]
    public var directory: String
    /// The exit status, or 128 plus the signal that ended it.
    public var status: Int32
    /// Whether the time bound was reached and the program killed.
    public var timedOut: Bool
    public var output: [UInt8]
    public var errors: [UInt8]

    /// Standard output as text.
    public var text: String { String(decoding: output, as: UTF8.self) }
    /// Standard error as text.
    public var errorText: String { String(decoding: errors, as: UTF8.self) }
    /// Standard output, then standard error.
    public var allText: String { text + errorText }
    /// Standard output without surrounding white space.
    public var trimmed: String { text.trimmingCharacters(in: .whitespacesAndNewlines) }
    /// The lines of standard output.
    public var lines: [String] { text.split(separator: "\n").map(String.init) }

    /// Everything a failure report needs.
    public var transcript: String {
        """
        $ \(arguments.joined(separator: " "))   (in \(directory))
        status \(status)\(timedOut ? ", killed at its time bound" : "")
        \(String(text.suffix(6000)))
        \(String(errorText.suffix(6000)))
        """
    }
}
