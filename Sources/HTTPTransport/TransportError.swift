/// What the transport could not do: a code to branch on, the facts, and what caused it.
public struct TransportError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// The client is gone; nothing more can be sent.
        public static let connectionLost = Code(description: "connectionLost")
        /// The request was answered already, or its handler has returned.
        public static let alreadyAnswered = Code(description: "alreadyAnswered")
        /// More or fewer bytes were written than the response declared.
        public static let wrongLength = Code(description: "wrongLength")
        /// A file is shorter than the range to send.
        public static let fileTooShort = Code(description: "fileTooShort")
        /// The task of the handler was cancelled.
        public static let cancelled = Code(description: "cancelled")
        /// Another process listens on the address.
        public static let addressInUse = Code(description: "addressInUse")
        /// The address cannot be parsed, resolved or bound.
        public static let badAddress = Code(description: "badAddress")
        /// Certificate or key cannot be used.
        public static let badCertificate = Code(description: "badCertificate")
        /// The server was started before, or is shutting down.
        public static let wrongState = Code(description: "wrongState")
    }

    public var code: Code
    public var message: String
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    public var description: String {
        if let cause { "\(message): \(cause)" } else { message }
    }
}

/// Why a request body ended before its clean end.
///
/// The bytes that had arrived before are delivered first, so that a partial upload can be resumed (spec 01 §4.2).
public enum BodyError: Error, Hashable, Sendable {
    /// The client closed or reset the connection before the end of the body.
    case connectionLost
    /// The framing is broken, for example a bad chunk size.
    case malformed(String)
    /// Not one byte arrived within the body timeout.
    case timedOut
    /// The reading task was cancelled while it waited.
    case cancelled
}
