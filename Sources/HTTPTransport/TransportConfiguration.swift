import Blocking
public import NIOCore
public import NIOPosix

/// Limits and addresses of one server; every default is safe for the open internet.
public struct TransportConfiguration: Sendable {
    /// Where to listen; several at once are fine.
    public var addresses: [ServerAddress]
    /// Connections served at once. When that many are open, idle ones are closed to make room for new ones, and while
    /// there are none, new ones wait in the kernel's queue.
    public var maximumConnections = 20_000
    /// How long a connection without a request is left alone: the request of one that has just begun, or has just had
    /// its answer, may be on its way.
    public var idleGrace: TimeAmount = .seconds(2)
    /// Who counts as one client by the address of a connection's other end, of whom the one with most idle connections
    /// is the first to lose some.
    public var client: @Sendable (SocketAddress?) -> String = { $0?.ipAddress ?? "unix" }
    /// Pending connections that the kernel keeps for us.
    public var backlog: Int32 = 1024
    /// The threads that move bytes, which stay the caller's; nil is one of its own per core.
    ///
    /// A handler that talks to other hosts should do so on the same threads.
    public var eventLoops: MultiThreadedEventLoopGroup?
    /// The value of the `Server` header.
    public var serverName = "annexd"
    /// Serves TLS on every TCP address when set.
    public var tls: TLSFiles?

    /// Bytes of a request line and its headers together; more is answered 431.
    public var maximumHeadBytes = 64 * 1024
    /// Bytes of the request target; more is answered 414.
    public var maximumTargetBytes = 16 * 1024
    /// Header fields of one request; more is answered 431.
    public var maximumHeaderFields = 256
    /// Bytes of a request body held in memory per connection before the socket is no longer read. One read may
    /// exceed it by 256 KiB.
    public var bodyBufferBytes = 512 * 1024
    /// Bytes of an unread body that are drained to keep a connection alive after an answer.
    public var keepAliveDrainBytes = 256 * 1024
    /// Bytes that are discarded before a connection is closed after an early refusal.
    public var lingerBytes = 1024 * 1024

    /// How long connections wait for their next step.
    public var timeouts = ConnectionDeadlines.Limits()
    /// Runs handlers on the event loop of their connection, which saves two thread switches per request. Handlers must
    /// then leave blocking and long computing to the ``BlockingPool``.
    public var runsHandlersOnEventLoops = true

    public init(addresses: [ServerAddress]) { self.addresses = addresses }
}

/// A certificate chain and its private key, both PEM files.
public struct TLSFiles: Sendable, Hashable {
    public var certificateChain: String
    public var privateKey: String

    public init(certificateChain: String, privateKey: String) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
    }
}
