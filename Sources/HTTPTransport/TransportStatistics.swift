import Synchronization

/// Running totals of one server, readable at any time from any thread.
public final class TransportStatistics: Sendable {
    let connections = Atomic<Int>(0)
    let accepted = Atomic<Int>(0)
    let requests = Atomic<Int>(0)
    let running = Atomic<Int>(0)
    let received = Atomic<Int>(0)
    let sent = Atomic<Int>(0)
    let acceptFailures = Atomic<Int>(0)
    let closedIdle = Atomic<Int>(0)

    init() {}

    /// Connections that are open now.
    public var openConnections: Int { connections.load(ordering: .relaxed) }
    /// Connections accepted since the start.
    public var acceptedConnections: Int { accepted.load(ordering: .relaxed) }
    /// Requests whose head was read since the start.
    public var totalRequests: Int { requests.load(ordering: .relaxed) }
    /// Requests whose handler runs now.
    public var runningRequests: Int { running.load(ordering: .relaxed) }
    /// Bytes of requests since the start, without TLS overhead.
    public var bytesReceived: Int { received.load(ordering: .relaxed) }
    /// Bytes of responses accepted by the socket since the start, without TLS overhead.
    public var bytesSent: Int { sent.load(ordering: .relaxed) }
    /// Idle connections that were closed since the start, to make room for others.
    public var closedIdleConnections: Int { closedIdle.load(ordering: .relaxed) }
    /// Failed `accept` calls since the start, for example for want of descriptors.
    public var failedAccepts: Int { acceptFailures.load(ordering: .relaxed) }
}
