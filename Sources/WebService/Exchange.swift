import AnnexProtocol
import FileIO
import HTTPTransport
import Hosting
import NIOCore
import NIOHTTP1
import Synchronization

/// One request and its answer, in the words of the operations.
final class Exchange: Sendable {
    /// What the log and the metrics tell of this request.
    struct Notes {
        var operation = "other"
        var repository: RepositoryName?
        var reason: String?
        var bytesSent: UInt64 = 0
    }

    private struct State {
        var notes = Notes()
        var status: Int?
    }

    private let request: Request
    private let responder: Responder
    private let state = Mutex(State())
    /// Who sends, for the log and for bounds on each.
    let clientAddress: ClientAddress
    /// Whether a web page sends this, and may.
    let isFromAllowedPage: Bool
    private let alwaysSent: [(String, String)]

    /// - Parameter proxies: whose word about the client's address counts.
    init(_ request: Request, _ responder: Responder, proxies: TrustedProxies, crossOrigin: CrossOrigin) {
        let allowed = crossOrigin.headers(for: request.headers.first(name: "Origin"))
        isFromAllowedPage = allowed != nil
        alwaysSent = allowed ?? crossOrigin.variation
        self.request = request
        self.responder = responder
        clientAddress = proxies.client(
            peer: request.remoteAddress?.ipAddress, forwardedFor: request.headers["X-Forwarded-For"])
    }

    /// Whether the request comes from this machine, as far as one can see: a proxy in front says for whom it asks, and
    /// is itself believed only as `trusted_proxies` say.
    var isLocal: Bool {
        let isForwarded = ["X-Forwarded-For", "Forwarded"].contains { request.headers.contains(name: $0) }
        return !isForwarded && clientAddress.isLocal
    }

    // MARK: The request

    var id: String { "\(request.id)" }
    var method: String { request.method.rawValue }
    var target: RequestTarget { RequestTarget(request.target.utf8) }
    func header(_ name: String) -> String? { request.headers.first(name: name) }

    /// The address under which the client reached us, if it is one.
    var addressUsed: PublicAddress? {
        let scheme = request.isSecure ? "https" : "http"
        return PublicAddress(scheme: scheme, hostHeader: header("Host") ?? localAuthority)
    }

    /// What a client without a Host header, such as one of HTTP/1.0, must have used.
    private var localAuthority: String {
        guard let address = request.localAddress, let host = address.ipAddress, let port = address.port else {
            return "localhost"
        }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    func requireContentType(_ type: String) throws {
        guard header("Content-Type") == type else {
            throw ServiceError(status: 415, reason: "the Content-Type must be \(type)")
        }
    }

    /// The next bytes of the body; nil at its proper end. Throws ``BodyBroken`` when the connection ends before.
    func nextBytes() async throws -> ByteBuffer? {
        do {
            return try await request.body.next()
        } catch {
            if case .malformed(let reason) = error { throw ServiceError.badRequest(reason) }
            throw BodyBroken()
        }
    }

    /// Reads what is left of the body and forgets it.
    func drainBody() async throws { while try await nextBytes() != nil {} }

    /// The client may stay silent for as long as it likes while it sends this body, or no longer.
    func allowSilence(_ isAllowed: Bool = true) { request.body.allowSilence(isAllowed) }

    // MARK: The answer

    var status: Int? { state.withLock { $0.status } }
    var notes: Notes { state.withLock { $0.notes } }

    func note(repository: RepositoryName?, operation: String) {
        state.withLock {
            $0.notes.repository = repository
            $0.notes.operation = operation
        }
    }

    func note(reason: String) { state.withLock { $0.notes.reason = reason } }
    func note(bytesSent: UInt64) { state.withLock { $0.notes.bytesSent = bytesSent } }

    /// A JSON reply of the P2P protocol: always 200 (spec 01 §6.2).
    func json(_ body: [UInt8], headers: [(String, String)] = []) async throws {
        try await respond(
            status: 200, headers: [("Content-Type", "application/json;charset=utf-8")] + headers, body: body)
    }

    /// A whole answer; nil for no body at all.
    func respond(status: Int, headers: [(String, String)], body: [UInt8]?) async throws {
        begin(status)
        try await responder.respond(Self.status(status), headers: all(headers), body: body ?? [])
    }

    /// A part of a file. With `isUnchanged` the answer is invalidated when that says no before the last byte.
    func respond(
        status: Int, headers: [(String, String)], file: OpenFile, offset: UInt64, length: UInt64,
        isUnchanged: (@Sendable () async -> Bool)?
    ) async throws {
        begin(status)
        try await responder.respond(
            Self.status(status), headers: all(headers, isLarge: length > Self.large), file: file, offset: offset,
            length: length,
            finalCheck: isUnchanged)
    }

    /// An answer whose body follows piece by piece; a length that is known is declared and enforced.
    func stream(status: Int, headers: [(String, String)], length: Int? = nil) async throws -> ExchangeWriter {
        begin(status)
        return ExchangeWriter(
            writer: try await responder.startStreaming(
                Self.status(status), headers: all(headers, isLarge: length.map { $0 > Self.large } ?? true),
                length: length))
    }

    /// The head alone of an answer that has, or to GET would have, `length` bytes.
    func respondWithoutBody(status: Int, headers: [(String, String)], length: Int) async throws {
        try await stream(status: status, headers: headers, length: length).finish()
    }

    /// Turns the request away, before its body is read; or cuts off an answer that has begun.
    func refuse(_ error: ServiceError) async {
        if status != nil { return responder.abort() }
        begin(error.status)
        var body = ByteBuffer()
        if error.status != 401 { body.writeString(error.body) }
        let headers = error.headers + [("Content-Type", error.bodyType)]
        do {
            try await responder.reject(
                Self.status(error.status, reason: error.reason), headers: all(headers), body: body)
        } catch {
            // The client is gone; there is nobody to tell.
        }
    }

    /// A status whose phrase is ours, where there is one: the stock client shows it to people.
    private static func status(_ code: Int, reason: String? = nil) -> HTTPResponseStatus {
        let standard = HTTPResponseStatus(statusCode: code)
        guard let reason, reason != standard.reasonPhrase else { return standard }
        return .custom(code: UInt(code), reasonPhrase: reason)
    }

    /// The headers of an answer with those that all answers carry.
    private func all(_ headers: [(String, String)], isLarge: Bool = false) -> HTTPHeaders {
        // nginx would write it into a temporary file first, and more of it than the client takes.
        HTTPHeaders(headers + (isLarge ? [("X-Accel-Buffering", "no")] : []) + alwaysSent)
    }

    /// In bytes.
    private static let large = 1 << 20

    private func begin(_ status: Int) { state.withLock { $0.status = status } }
}

/// Where an answer of unknown length is written.
struct ExchangeWriter: Sendable {
    let writer: BodyWriter

    /// Waits until the client has taken most of what was written before.
    func write(_ bytes: ByteBuffer) async throws { try await writer.write(bytes) }

    func finish() async throws { try await writer.finish() }
}

/// The connection ended before the body did.
struct BodyBroken: Error {}
