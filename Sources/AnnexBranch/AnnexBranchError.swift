import AnnexProtocol

/// Why the git-annex branch of a repository could not be read or changed.
public struct AnnexBranchError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// Another program held `journal.lck` for longer than the settings allow.
        case locked
        /// Others alone change the branch (``BranchSettings/isReadOnly``).
        case readOnly
        /// The branch was closed.
        case closed
        /// The key's journal file would have a name longer than file systems store.
        case nameTooLong
        /// The branch kept moving while it was being changed.
        case contention
        /// git or the branch holds something that annexd does not understand.
        case unexpectedContent
        /// A tree is not as git writes it.
        case brokenTree
        /// A push changes more than the settings allow.
        case tooMuch
        /// git or the file system failed; see the cause.
        case failed
    }

    public var code: Code
    public var message: String
    public var cause: (any Error)?
    /// Whether it is one file of the branch that can be neither read nor changed, now or later.
    private(set) var isAboutOneFile = false

    public init(code: Code, message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// One file of the branch is not as annexd reads or writes them.
    static func unfit(_ message: String, code: Code = .unexpectedContent) -> AnnexBranchError {
        var error = AnnexBranchError(code: code, message: message)
        error.isAboutOneFile = true
        return error
    }

    /// No version of a file may be so large that it could not be read again.
    static func tooLarge(_ path: BranchPath, _ size: Int) -> AnnexBranchError {
        unfit("\"\(path)\" would have \(size) bytes")
    }

    public var description: String { cause.map { "\(message): \($0)" } ?? message }
}
