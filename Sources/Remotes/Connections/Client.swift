import AnnexProtocol
import AsyncHTTPClient
import Locations
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Sends requests to other hosts: HTTP/1.1, no redirects, no decompression, connections kept for later requests.
///
/// The library's own time limits are not used, since they also count the time in which our side is slow.
final class Client: Sendable {
    /// The longest reply that is read whole, in bytes.
    static let maximumReplyLength = P2PReply.maximumLength

    struct Request: Sendable {
        /// What messages call the target.
        var name: String
        var endpoint: Endpoint
        var method: HTTPMethod
        /// Path and query.
        var target: String
        var headers: [(String, String)] = []
        /// Sent in chunks where it is not empty.
        var body: [UInt8] = []
        /// How long the target may owe us something; the default is the time for an answer.
        var patience: Duration?
    }

    let settings: RemoteSettings
    let board: ExchangeBoard
    let budget: ConnectionBudget
    private let http: HTTPClient

    /// Throws a message for a person where a file with certificates cannot be read.
    init(settings: RemoteSettings) throws {
        self.settings = settings
        board = ExchangeBoard(limit: settings.maxConnections)
        budget = ConnectionBudget(limit: settings.maxConnections, patience: settings.queuePatience)
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = settings.connectTimeout.timeAmount
        configuration.connectionPool.idleTimeout = settings.idleTimeout.timeAmount
        // Ours is the bound: targets at one host must not wait for each other.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1 << 16
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.tlsConfiguration = try Self.tls(settings)
        let board = board
        configuration.http1_1ConnectionDebugInitializer = { board.prepare($0) }
        http = HTTPClient(
            eventLoopGroupProvider: .shared(RemoteConnections.eventLoops), configuration: configuration)
    }

    private static func tls(_ settings: RemoteSettings) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        for file in settings.caFiles {
            do {
                let certificates = try NIOSSLCertificate.fromPEMFile(file)
                if certificates.isEmpty { throw NIOSSLError.failedToLoadCertificate }
                tls.additionalTrustRoots.append(.certificates(certificates))
            } catch {
                throw RemoteError(.notConfigured, "\"\(file)\" holds no certificates in PEM form, or cannot be read")
            }
        }
        return tls
    }

    func shutdown() async { try? await http.shutdown() }

    /// The answer to a request without a body, or with a small one: head and body, the latter bounded.
    func call(_ request: Request) async throws -> Exchange.Answer {
        do {
            let incoming = try await open(request)
            var answer = incoming.answer
            answer.body = try await incoming.collect()
            return answer
        } catch let early as EarlyAnswer {
            return early.answer
        }
    }

    /// The answer came before the request was sent whole; the connection was then broken by ourselves.
    private struct EarlyAnswer: Error {
        var answer: Exchange.Answer
    }

    /// The head of the answer to a request without a body, or with a small one; the body can be pulled.
    ///
    /// A connection that turns out to have died while it was idle is replaced by a fresh one, unnoticed. What waited
    /// beside it is probably dead, too, so the connections that were used before are thrown away on the way.
    func open(_ request: Request) async throws -> Incoming {
        var tries = Tries(request.name)
        while true {
            do {
                return try await begin(request, fresh: tries.isAgain)
            } catch let dead as DeadConnection {
                try tries.failed(dead)
            }
        }
    }

    /// How often a request was tried that met dead connections.
    struct Tries {
        private let name: String
        private var fresh = 0
        private(set) var isAgain = false

        init(_ name: String) { self.name = name }

        /// Throws where another try is pointless: fresh connections die as well.
        mutating func failed(_ dead: DeadConnection) throws {
            isAgain = true
            if !dead.wasSkipped { fresh += 1 }
            if fresh > 3 {
                throw RemoteError(.unreachable, "\(name) is unreachable: it closed every connection at once")
            }
        }
    }

    private func begin(_ request: Request, fresh: Bool) async throws -> Incoming {
        var outgoing = HTTPClientRequest(url: "")
        // Chunks, although the length is known: `keeplocked` wants them.
        if !request.body.isEmpty { outgoing.body = .bytes(request.body, length: .unknown) }
        let exchange = Exchange(
            name: request.name, endpoint: request.endpoint.url, target: request.target,
            patience: (request.patience ?? settings.answerTimeout).timeAmount, needsFreshConnection: fresh)
        return try await execute(outgoing, request, exchange)
    }

    /// The connection had died while it was idle.
    struct DeadConnection: Error {
        /// It was not even tried, since a fresh one was wanted.
        var wasSkipped = false
    }

    private func execute(
        _ unfinished: HTTPClientRequest, _ request: Request, _ exchange: Exchange
    ) async throws -> Incoming {
        var outgoing = unfinished
        let number = board.post(exchange)
        defer { board.remove(number) }
        outgoing.url = "\(request.endpoint.url)/\(number)"
        outgoing.method = request.method
        outgoing.headers.add(name: "Host", value: request.endpoint.authority)
        outgoing.headers.add(name: "User-Agent", value: "annexd")
        for (name, value) in request.headers { outgoing.headers.add(name: name, value: value) }
        do {
            exchange.hold(try await budget.enter(request.name))
            board.makeRoom(for: exchange.endpoint)
            let response = try await http.execute(outgoing, deadline: .distantFuture)
            return Incoming(response, exchange, self)
        } catch {
            defer { exchange.end() }
            if let early = exchange.early { throw EarlyAnswer(answer: early) }
            throw failure(error, exchange)
        }
    }

    /// What a failure of the library means for the caller.
    func failure(_ error: any Error, _ exchange: Exchange) -> any Error {
        if Task.isCancelled { return CancellationError() }
        if let known = exchange.failure { return known }
        if ConnectionFailure.isBrokenConnection(error), exchange.mayHaveMetDeadConnection {
            return DeadConnection(wasSkipped: exchange.metUsedConnection)
        }
        return ConnectionFailure.remoteError(error, name: exchange.name, settings: settings)
    }

    // MARK: Uploads

    /// How an upload went.
    struct UploadResult<Ending: Sendable>: Sendable {
        var answer: Exchange.Answer
        /// What `feed` answered; nil where the answer came before it was through.
        var ending: Ending?
    }

    /// Sends a request whose body `feed` sends into a stream and then finishes.
    ///
    /// An answer ends the upload, whether or not the body was sent: `feed` is then cancelled. When `feed` throws, the
    /// connection is broken at once. Throws ``DeadConnection`` where the connection had died while it was idle: the
    /// caller may try again with `fresh`, if it still has the whole body.
    func upload<Ending: Sendable>(
        _ request: Request, fresh: Bool,
        _ feed: @escaping @Sendable (UploadStream, Exchange) async throws -> Ending
    ) async throws -> UploadResult<Ending> {
        let stream = UploadStream()
        let exchange = Exchange(
            name: request.name, endpoint: request.endpoint.url, target: request.target,
            patience: (request.patience ?? settings.stallTimeout).timeAmount, needsFreshConnection: fresh,
            upload: stream)
        defer {
            // Whatever happened: the library's task that pulls the body must come to its end.
            exchange.abort()
            exchange.end()
        }
        return try await withThrowingTaskGroup(of: UploadEvent<Ending>.self) { group in
            group.addTask { .answered(try await self.answer(toUpload: request, stream, exchange)) }
            group.addTask {
                do {
                    return .fed(try await feed(stream, exchange))
                } catch is UploadStream.Stopped {
                    return .stopped
                }
            }
            var ending: Ending?
            while let event = try await group.next() {
                switch event {
                case .fed(let end): ending = end
                case .stopped: break
                case .answered(let answer):
                    group.cancelAll()
                    return UploadResult(answer: answer, ending: ending)
                }
            }
            throw CancellationError()
        }
    }

    private enum UploadEvent<Ending: Sendable>: Sendable {
        case answered(Exchange.Answer)
        case fed(Ending)
        case stopped
    }

    private func answer(
        toUpload request: Request, _ stream: UploadStream, _ exchange: Exchange
    ) async throws -> Exchange.Answer {
        var outgoing = HTTPClientRequest(url: "")
        outgoing.body = .stream(stream, length: .unknown)
        defer { stream.stop() }
        do {
            let incoming = try await execute(outgoing, request, exchange)
            var answer = incoming.answer
            answer.body = try await incoming.collect()
            return answer
        } catch let early as EarlyAnswer {
            return early.answer
        }
    }
}
