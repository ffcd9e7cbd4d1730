/// A git process that could not start, or ended with a failure.
public struct GitError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// The program could not be started.
        case spawn
        /// It ended with this status; negative for the signal that ended it.
        case exit(Int32)
        /// It printed more than the caller was willing to hold.
        case tooMuchOutput
        /// It did not come to its end in time, and was ended.
        case timedOut
        /// It printed something that annexd does not understand.
        case unexpectedOutput
    }

    public var code: Code
    /// What was run, without settings and environment, for example `rev-parse --verify HEAD`.
    public var command: String
    /// The end of what git printed on standard error.
    public var message: String

    public init(code: Code, command: String, message: String) {
        self.code = code
        self.command = command
        self.message = message
    }

    /// The disk or a quota is full, as far as git's words tell; it speaks English here.
    public var isOutOfSpace: Bool {
        ["No space left on device", "Disk quota exceeded", "Out of diskspace"].contains { message.contains($0) }
    }

    /// What git does not like about the request of a client, in its words; nil where the request is not at fault.
    ///
    /// The services end with one status for everything. These are the words with which they refuse what they read
    /// (serve.c, upload-pack.c, receive-pack.c and pkt-line.c), and none of them is said of a repository.
    public var objectionToRequest: String? {
        let isService = command.hasPrefix("upload-pack") || command.hasPrefix("receive-pack")
        guard case .exit = code, isService else { return nil }
        let isObjection = { (line: Substring) in
            (line.hasPrefix("fatal: ") || line.hasPrefix("BUG: ")) && Self.objections.contains { line.contains($0) }
        }
        guard let line = message.split(separator: "\n").last(where: isObjection) else { return nil }
        let words = line.split(separator: ": ", maxSplits: 1).last ?? line
        return String(words.prefix(200))
    }

    private static let objections = [
        "protocol error", "the remote end hung up unexpectedly", "unknown capability", "no command requested",
        "unexpected response end packet", "invalid command", "requested after already requesting command",
        "object format", "unexpected line: ", "Invalid deepen", "invalid shallow line", "invalid filter-spec",
        "expected flush after", "expected SHA1 object", "expected SHA256 object", "ambiguous deepen-not",
        "cannot be used together",
    ]

    public var description: String { "git \(command): \(code)\(message.isEmpty ? "" : ": \(message)")" }
}
