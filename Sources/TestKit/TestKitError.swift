/// What went wrong in the test equipment itself, or in a command that a test relied on.
public struct TestKitError: Error, CustomStringConvertible {
    /// The kind of failure, to branch on.
    public struct Code: Hashable, Sendable {
        private let name: String

        /// A program that the tests need was not found.
        public static let missingProgram = Code(name: "missingProgram")
        /// A system call failed.
        public static let system = Code(name: "system")
        /// A command ended with another status than zero.
        public static let commandFailed = Code(name: "commandFailed")
        /// Something did not happen within its bound.
        public static let timeout = Code(name: "timeout")
        /// A reply or an output could not be understood.
        public static let malformed = Code(name: "malformed")
        /// The server did not start, or did not end, as it should.
        public static let server = Code(name: "server")
    }

    public var code: Code
    public var message: String
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    public var description: String { message }
}
