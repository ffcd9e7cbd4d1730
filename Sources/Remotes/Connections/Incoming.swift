import AsyncHTTPClient
import Locations
import NIOCore
import NIOHTTP1

/// An answer whose body is pulled by one task at a time. When the value goes away before the end of the body, the
/// connection is closed; after the end it serves the next request.
final class Incoming: @unchecked Sendable {
    /// Without the body.
    let answer: Exchange.Answer
    private let exchange: Exchange
    private let client: Client
    private var iterator: HTTPClientResponse.Body.AsyncIterator

    init(_ response: HTTPClientResponse, _ exchange: Exchange, _ client: Client) {
        answer = Exchange.Answer(
            status: Int(response.status.code),
            reason: exchange.reason.isEmpty ? response.status.reasonPhrase : exchange.reason,
            headers: response.headers)
        self.exchange = exchange
        self.client = client
        iterator = response.body.makeAsyncIterator()
    }

    /// The next bytes of a transfer, nil at its end. The time between two calls does not count against the target.
    func next(within patience: Duration) async throws -> ByteBuffer? {
        exchange.expect(within: patience.timeAmount)
        defer { exchange.satisfied() }
        return try await pull()
    }

    /// The time until the next call does not count against the target.
    func pause() { exchange.satisfied() }

    /// The whole body, within the time for the answer.
    func collect() async throws -> ByteBuffer {
        var body = ByteBuffer()
        while let piece = try await pull() {
            guard body.readableBytes + piece.readableBytes <= Client.maximumReplyLength else {
                throw RemoteError(.misbehaved, "\(exchange.name) sent a reply that is too long")
            }
            body.writeImmutableBuffer(piece)
        }
        exchange.end()
        return body
    }

    private func pull() async throws -> ByteBuffer? {
        do {
            let piece = try await iterator.next()
            // The library also reports an end to a cancelled reader.
            if piece == nil { try Task.checkCancellation() }
            return piece
        } catch {
            throw client.failure(error, exchange)
        }
    }

    /// Gives up the connection now. May be called from any task.
    func cancel() { exchange.abort() }

    deinit { exchange.end() }
}
