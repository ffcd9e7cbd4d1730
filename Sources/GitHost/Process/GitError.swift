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

    public var description: String { "git \(command): \(code)\(message.isEmpty ? "" : ": \(message)")" }
}
