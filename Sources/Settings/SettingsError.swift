/// Settings that were refused, with everything that is wrong with them.
public struct SettingsError: Error, Equatable, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private let name: String

        /// The file could not be read.
        public static let unreadable = Code(name: "unreadable")
        /// The file is not TOML.
        public static let syntax = Code(name: "syntax")
        /// A key that does not exist.
        public static let unknownKey = Code(name: "unknownKey")
        /// A value of the wrong type or out of range.
        public static let invalidValue = Code(name: "invalidValue")
        /// Values that are fine alone and impossible together.
        public static let conflict = Code(name: "conflict")
    }

    public struct Problem: Equatable, Sendable {
        public var code: Code
        /// Where and what: ``/etc/annexd.toml:3: unknown key `server.lisen`, did you mean `server.listen`?``
        public var message: String
    }

    /// At least one, in the order of the file, then the environment, the command line and what they make together.
    public let problems: [Problem]

    /// The code of the first problem.
    public var code: Code { problems[0].code }

    /// One line per problem.
    public var message: String { problems.map(\.message).joined(separator: "\n") }

    public var description: String { message }

    /// - Precondition: There is a problem.
    init(_ problems: [Problem]) { self.problems = problems }

    init(_ code: Code, _ message: String) { self.init([Problem(code: code, message: message)]) }
}
