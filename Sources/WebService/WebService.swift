import AnnexProtocol
public import HTTPTransport
import Hosting
import Locations
import Logging

/// Answers every request: route, rights, repository, operation.
public struct WebService: Sendable {
    private let context: ServiceContext

    public init(_ context: ServiceContext) { self.context = context }

    /// Handles one request and never throws: whatever goes wrong becomes an answer and a line in the log.
    public func handle(_ request: Request, _ responder: Responder) async {
        let exchange = Exchange(
            request, responder, proxies: context.trustedProxies, crossOrigin: context.crossOrigin)
        let began = ContinuousClock.now
        do {
            try await dispatch(exchange)
        } catch {
            await fail(exchange, error)
        }
        let notes = exchange.notes
        let status = exchange.status ?? 0
        let duration = began.duration(to: .now)
        context.metrics.record(
            operation: notes.operation, status: status, duration: duration, bytesSent: notes.bytesSent)
        guard context.logger.logLevel <= .info else { return }
        var line: Logger.Metadata = [
            "request": "\(request.id)", "method": "\(request.method)", "operation": "\(notes.operation)",
            "status": "\(status)", "client": "\(exchange.clientAddress)",
            "milliseconds": "\(duration / .milliseconds(1))",
        ]
        if let repository = notes.repository { line["repository"] = "\(repository)" }
        if let reason = notes.reason { line["reason"] = "\(reason)" }
        // What was asked for matters where it was refused: an old client, a browser, a mistyped URL.
        if status >= 400 || notes.reason != nil { line["path"] = "\(exchange.target.loggedPath)" }
        if notes.bytesSent > 0 { line["bytes"] = "\(notes.bytesSent)" }
        context.logger.info("request", metadata: line)
    }

    private func dispatch(_ exchange: Exchange) async throws {
        if exchange.method == "OPTIONS", try await answerPreflight(exchange) { return }
        switch try Route(method: exchange.method, target: exchange.target) {
        case .operations(let operation):
            try await OperationsService(context: context, exchange: exchange).run(operation)
        case .discovery(let name):
            try await Discovery(context: context, exchange: exchange).run(name)
        case .object(let name, let key):
            try await ObjectFile(context: context, exchange: exchange).run(key, of: name)
        case .page(let name):
            try await RepositoryPage(context: context, exchange: exchange).run(name)
        case .git(let name, let operation):
            try await GitSmartHTTP(context: context, exchange: exchange).run(operation, on: name)
        case .p2p(let name, let request):
            try await P2PService(context: context, exchange: exchange).run(request, within: name)
        }
    }

    /// A browser asks, without a login, whether a page may send a request; false where there is nothing to answer.
    ///
    /// A target that means nothing here is refused as the request itself would be.
    private func answerPreflight(_ exchange: Exchange) async throws -> Bool {
        guard exchange.isFromAllowedPage, let method = exchange.header("Access-Control-Request-Method") else {
            return false
        }
        _ = try Route(method: method, target: exchange.target)
        exchange.note(repository: nil, operation: "preflight")
        try await exchange.respond(status: 204, headers: CrossOrigin.preflight, body: nil)
        return true
    }

    private func fail(_ exchange: Exchange, _ error: any Error) async {
        let answer = error is RouteError && exchange.target.isGitLFS ? .gitLFS : ServiceError(error)
        let isLeft = error is TransportError && Self.meansClientLeft(error)
        exchange.note(reason: isLeft ? "the client left" : answer.reason)
        if answer.status >= 500, Self.isOurs(error) {
            context.logger.error("request failed", metadata: ["request": "\(exchange.id)", "error": "\(error)"])
        }
        await exchange.refuse(answer)
    }

    /// Whether it is this host that failed, so that its operator must hear of it.
    private static func isOurs(_ error: any Error) -> Bool {
        if meansClientLeft(error) || error is ServiceError { return false }
        return (error as? LocationError).map { $0.cause != nil } ?? true
    }

    /// Clients leave all the time; that is no failure of the host.
    private static func meansClientLeft(_ error: any Error) -> Bool {
        if let error = error as? TransportError { return error.code == .connectionLost || error.code == .cancelled }
        return error is CancellationError || error is BodyBroken
    }
}
