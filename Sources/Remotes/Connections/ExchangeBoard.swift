import NIOCore
import NIOHTTP1
import Synchronization

/// Where the pipelines of connections find the exchange that a request belongs to, and where connections are counted.
///
/// The client library has no place for data of ours beside a request. It is therefore given the number of the exchange
/// in place of the path, and ``ConnectionTap`` puts the real one in.
final class ExchangeBoard: Sendable {
    private struct State {
        var nextNumber: UInt64 = 0
        var exchanges: [UInt64: Exchange] = [:]
        var open = 0
        var openByEndpoint: [String: Int] = [:]
        var idle = IdleConnections()
    }

    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: how many connections may be open; idle ones are closed where there are more.
    init(limit: Int) { self.limit = limit }

    /// Connections that are open now.
    var open: Int { state.withLock { $0.open } }

    func open(to endpoint: String) -> Int { state.withLock { $0.openByEndpoint[endpoint, default: 0] } }

    func post(_ exchange: Exchange) -> UInt64 {
        state.withLock { state in
            state.nextNumber += 1
            state.exchanges[state.nextNumber] = exchange
            return state.nextNumber
        }
    }

    func remove(_ number: UInt64) { state.withLock { _ = $0.exchanges.removeValue(forKey: number) } }

    /// The exchange that a request's path stands for; nil where it was given up.
    func exchange(path: String) -> Exchange? {
        guard let number = UInt64(path.dropFirst()) else { return nil }
        return state.withLock { $0.exchanges[number] }
    }

    func attribute(_ channel: any Channel, to endpoint: String) {
        state.withLock { $0.openByEndpoint[endpoint, default: 0] += 1 }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { state in
                let left = state.openByEndpoint[endpoint, default: 1] - 1
                state.openByEndpoint[endpoint] = left > 0 ? left : nil
            }
        }
    }

    /// A request begins on the connection, or it is closed.
    func isUsed(_ channel: any Channel) { state.withLock { $0.idle.remove(channel) } }

    /// Nothing is going on on the connection; it is kept for the next request.
    func isIdle(_ channel: any Channel, to endpoint: String) {
        state.withLock { $0.idle.add(channel, to: endpoint) }
    }

    /// Closes idle connections where one more to an endpoint would be too many.
    func makeRoom(for endpoint: String) {
        let superfluous = state.withLock { state in
            state.idle.has(to: endpoint) ? [] : state.idle.removeOldest(state.open + 1 - limit)
        }
        for channel in superfluous { ConnectionTap.closeIfIdle(channel) }
    }

    /// Prepares a connection that has come about. On its event loop.
    func prepare(_ channel: any Channel) -> EventLoopFuture<Void> {
        let superfluous = state.withLock { state in
            state.open += 1
            // Several requests may have counted on one idle connection.
            return state.idle.removeOldest(state.open - limit)
        }
        for other in superfluous { ConnectionTap.closeIfIdle(other) }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { state in
                state.open -= 1
                state.idle.remove(channel)
            }
        }
        do {
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
            let line = StatusLineTap()
            try pipeline.addHandler(line, position: .before(decoder))
            try pipeline.addHandler(ConnectionTap(board: self, statusLine: line), position: .after(decoder))
            // Large reads, since content is what mostly comes; the allocator begins small and adapts.
            let allocator = AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 16 << 10, maximum: 512 << 10)
            try channel.syncOptions?.setOption(.recvAllocator, value: allocator)
            // Each piece goes on before the next one is read, while the processor's cache still holds it.
            try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
            try channel.syncOptions?.setOption(
                .writeBufferWaterMark, value: .init(low: UploadStream.window / 4, high: UploadStream.window))
            try channel.syncOptions?.setOption(.socketOption(.so_keepalive), value: 1)
            return channel.eventLoop.makeSucceededVoidFuture()
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }
}
