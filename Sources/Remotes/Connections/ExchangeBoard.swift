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
    }

    private let state = Mutex(State())

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

    /// Prepares a connection that has come about. On its event loop.
    func prepare(_ channel: any Channel) -> EventLoopFuture<Void> {
        state.withLock { $0.open += 1 }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.open -= 1 } }
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
