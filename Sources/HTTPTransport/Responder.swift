public import FileIO
public import NIOCore
public import NIOHTTP1

/// Sends the one response to a request.
///
/// Every method waits until the socket has taken the bytes, so memory stays bounded, and throws ``TransportError`` with
/// the code `connectionLost` when the client is gone. The transport adds `Date`, `Server`, `Connection` and framing.
public struct Responder: Sendable {
    let connection: Connection
    let exchange: Exchange

    /// Sends a complete response. Nothing of the body is sent in answer to HEAD.
    public func respond(
        _ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()
    ) async throws {
        try await connection.perform(exchange, limit: 0) { [exchange] in
            $0.sendWhole(exchange, status: status, headers: headers, body: body, closing: false)
        }
    }

    /// Sends a complete response.
    public func respond(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: [UInt8]) async throws {
        try await respond(status, headers: headers, body: ByteBuffer(bytes: body))
    }

    /// Answers before the request body was read, and closes the connection without losing the answer (spec 01 §6.5).
    ///
    /// The client's input is discarded for at most the linger time and size.
    public func reject(
        _ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()
    ) async throws {
        try await connection.perform(exchange, limit: 0) { [exchange] in
            $0.sendWhole(exchange, status: status, headers: headers, body: body, closing: true)
        }
    }

    /// Sends the head of a response whose body follows piece by piece.
    ///
    /// - Parameter length: bytes of the body when they are known, which are then enforced; otherwise it is chunked.
    public func startStreaming(
        _ status: HTTPResponseStatus, headers: HTTPHeaders = [:], length: Int? = nil
    ) async throws -> BodyWriter {
        try await connection.perform(exchange, limit: 1) { [exchange] in
            let failure = $0.beginStream(exchange, status: status, headers: headers, length: length)
            $0.flush()
            return failure
        }
        return BodyWriter(connection: connection, exchange: exchange)
    }

    /// Sends `length` bytes of a file from `offset`.
    ///
    /// Throws `fileTooShort` before anything was sent when the file does not hold that range.
    ///
    /// - Parameter finalCheck: asked before the last byte is sent. On false that byte is withheld and the chunked body
    ///   ended, which tells a git-annex client that the content changed meanwhile (spec 01 §6.4).
    public func respond(
        _ status: HTTPResponseStatus, headers: HTTPHeaders = [:], file: OpenFile, offset: UInt64 = 0, length: UInt64,
        finalCheck: (@Sendable () async -> Bool)? = nil
    ) async throws {
        let sender = FileSender(
            connection: connection, exchange: exchange, file: file, offset: offset, length: Int(clamping: length))
        try await sender.send(status, headers: headers, finalCheck: finalCheck)
    }

    /// Closes the connection without an answer, or without the end of one.
    public func abort() {
        connection.onLoop { [connection, exchange] in connection.abort(exchange) }
    }
}

/// Writes the body of a response that was begun with ``Responder/startStreaming(_:headers:length:)``.
public struct BodyWriter: Sendable {
    let connection: Connection
    let exchange: Exchange

    /// Sends a piece; returns when the socket has taken the piece before it, so at most two are in memory.
    public func write(_ piece: ByteBuffer) async throws {
        try await connection.perform(exchange, limit: 1) { [exchange] in
            $0.sendChunk(exchange, .byteBuffer(piece))
        }
    }

    /// Copies and sends a piece.
    public func write(_ bytes: UnsafeRawBufferPointer) async throws {
        try await write(ByteBuffer(bytes: bytes))
    }

    /// Ends the body cleanly, and waits until the socket has taken all of it.
    public func finish() async throws {
        try await connection.perform(exchange, limit: 0) { [exchange] in $0.finishStream(exchange) }
    }

    /// Closes the connection so that the client sees an incomplete body.
    public func abort() {
        connection.onLoop { [connection, exchange] in connection.abort(exchange) }
    }
}
