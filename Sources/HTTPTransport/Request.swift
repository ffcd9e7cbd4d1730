public import NIOCore
public import NIOHTTP1

/// One HTTP request as it came, with its head checked and its body still to be read.
public struct Request: Sendable {
    /// Unique within this process; for log lines.
    public let id: String
    public let method: HTTPMethod
    /// The target of the request line, not decoded in any way.
    public let target: String
    public let version: HTTPVersion
    public let headers: HTTPHeaders
    /// Whether the client waits for `100 Continue`; the first pull of the body sends it.
    public let expectsContinue: Bool
    /// Whether the request came over TLS.
    public let isSecure: Bool
    /// Who sent it; nil or without a path for an unnamed Unix socket.
    public let remoteAddress: SocketAddress?
    /// The address of ours that it came to.
    public let localAddress: SocketAddress?
    public let body: RequestBody
}

/// The body of one request, pulled piece by piece.
///
/// At most about 1 MiB waits in memory; the client is not read from while nobody pulls.
public struct RequestBody: Sendable, AsyncSequence {
    let connection: Connection
    let exchange: Exchange
    let framing: BodyFraming

    /// The Content-Length, 0 for a request without a body, or nil for a chunked one.
    public var declaredLength: Int? {
        switch framing {
        case .none: 0
        case .length(let length): length
        case .chunked: nil
        }
    }

    /// The next piece, never empty and up to about 768 KiB large, or nil at the clean end of the body.
    ///
    /// The first call sends `100 Continue` when the client waits for it. Bytes that arrived before a failure are
    /// handed out before it is thrown, also to a cancelled task (spec 01 §4.2).
    public func next() async throws(BodyError) -> ByteBuffer? {
        try await connection.pull(exchange).get()
    }

    /// Lifts the timeout of this body, for requests that are silent for hours such as `keeplocked` (spec 01 §6.7), or
    /// puts it in force again.
    public func allowSilence(_ isAllowed: Bool = true) {
        connection.onLoop { [connection, exchange] in connection.allowSilence(isAllowed, exchange) }
    }

    /// The whole body, or nil when it is longer than `limit` bytes.
    public func collect(upTo limit: Int) async throws(BodyError) -> ByteBuffer? {
        if let declaredLength, declaredLength > limit { return nil }
        var whole = ByteBuffer()
        while var piece = try await next() {
            if whole.readableBytes + piece.readableBytes > limit { return nil }
            if whole.readableBytes == 0 { whole = piece } else { whole.writeBuffer(&piece) }
        }
        return whole
    }

    public func makeAsyncIterator() -> Iterator { Iterator(body: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let body: RequestBody

        public mutating func next() async throws(BodyError) -> ByteBuffer? { try await body.next() }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(BodyError) -> ByteBuffer? {
            try await body.next()
        }
    }
}
