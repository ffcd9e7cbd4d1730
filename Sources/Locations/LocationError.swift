/// A place that did not do its part, in the words of every place (docs/adr/0010). A ``ContentLocation`` throws this or
/// `CancellationError`, and nothing else.
public struct LocationError: Error, Sendable {
    /// What kind of failure it is: what whoever asked can do about it. New codes may appear.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// No connection to the place, or it broke.
        public static let unreachable = Code(description: "unreachable")
        /// Connected, and then silent for too long.
        public static let timedOut = Code(description: "timed out")
        /// Its disk is full.
        public static let full = Code(description: "full")
        /// It does not allow that; the same request will be refused again.
        public static let forbidden = Code(description: "forbidden")
        /// It does not accept this host's credentials.
        public static let unauthenticated = Code(description: "unauthenticated")
        /// Too much is going on there, or on the way to it; the same request may succeed in a moment.
        public static let busy = Code(description: "busy")
        /// It said something that its protocol does not allow, or is another repository.
        public static let misbehaved = Code(description: "misbehaved")
        /// The request has come back to a gateway that it had passed.
        public static let loop = Code(description: "loop")
        /// The host is not set up to pass requests on to it.
        public static let notConfigured = Code(description: "not configured")
        /// It is no longer there, or is another one by now.
        public static let gone = Code(description: "gone")
        /// Its configuration has just changed, so that it must be looked up anew.
        public static let reconfigured = Code(description: "reconfigured")
        /// It failed in a way that nobody who asks can do anything about.
        public static let failed = Code(description: "failed")
    }

    public var code: Code
    /// For a person who can act on it, such as `node1 is unreachable: connection refused`. Tells no paths of this host.
    public var message: String
    /// With ``Code/full``: how many bytes must become free, if that is known.
    public var missingBytes: UInt64?
    /// What failed on this machine, for the log; nil if it is the place that said so.
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, missingBytes: UInt64? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.missingBytes = missingBytes
        self.cause = cause
    }
}

extension LocationError {
    /// The same failure, in a message that says at whose place it happened.
    public func at(_ name: String) -> LocationError {
        var named = self
        named.message = "\(name): \(message)"
        return named
    }
}

extension LocationError: CustomStringConvertible {
    public var description: String { cause.map { "\(message) (\($0))" } ?? message }
}

/// Two errors are the same if a person is told the same.
extension LocationError: Equatable {
    public static func == (left: LocationError, right: LocationError) -> Bool {
        left.code == right.code && left.message == right.message && left.missingBytes == right.missingBytes
    }
}
