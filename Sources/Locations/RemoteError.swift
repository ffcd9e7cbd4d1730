/// A proxied remote that did not do its part. The message is for a person, and names the remote.
public struct RemoteError: Error, Sendable, Hashable {
    public struct Code: Hashable, Sendable {
        private var name: String

        /// No connection, or it broke: HTTP 502.
        public static let unreachable = Code(name: "unreachable")
        /// Connected, and then silent for too long: 504.
        public static let timedOut = Code(name: "timed out")
        /// Its disk is full: 507.
        public static let full = Code(name: "full")
        /// It does not let this host do that: 403.
        public static let forbidden = Code(name: "forbidden")
        /// It does not accept this host's credentials: 502.
        public static let unauthenticated = Code(name: "unauthenticated")
        /// It is overloaded, or too many requests to it wait here: 503.
        public static let busy = Code(name: "busy")
        /// It answered something that the protocol does not allow, or is another repository: 502.
        public static let misbehaved = Code(name: "misbehaved")
        /// The request has come back to a gateway that it had passed: 508.
        public static let loop = Code(name: "loop")
        /// The host is not set up to proxy for this repository: 502.
        public static let notConfigured = Code(name: "not configured")
    }

    public var code: Code
    /// For example `node1 is unreachable: connection refused`.
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension RemoteError: CustomStringConvertible {
    public var description: String { message }
}
