import Logging
import NIOCore
import Synchronization

/// Stands before the accepting handler of a listening socket and holds back its reads: while the server is full, and
/// for a moment after `accept` failed for want of descriptors or memory, where trying again at once would spin. It
/// closes connections of a client that has too many.
final class AcceptGate: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    private let core: ServerCore
    private let count: ConnectionCount
    private var context: ChannelHandlerContext?
    private var isHolding = false
    private var isBackingOff = false
    private var lastWarning: NIODeadline?

    init(core: ServerCore, count: ConnectionCount) {
        self.core = core
        self.count = count
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        count.add(self, loop: context.eventLoop)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        count.remove(self)
    }

    func read(context: ChannelHandlerContext) {
        if isBackingOff || count.isFull { isHolding = true } else { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let count = count
        let channel = unwrapInboundIn(data)
        let client = core.configuration.client(channel.remoteAddress)
        count.increment()
        channel.closeFuture.whenComplete { _ in count.decrement() }
        if let client {
            guard count.enter(client) else { return refuse(channel, of: client) }
            channel.closeFuture.whenComplete { _ in count.leave(client) }
        }
        context.fireChannelRead(data)
    }

    private func refuse(_ channel: any Channel, of client: String) {
        core.statistics.refused.add(1, ordering: .relaxed)
        channel.close(promise: nil)
        let now = NIODeadline.now()
        guard lastWarning.map({ now - $0 >= .seconds(60) }) ?? true else { return }
        lastWarning = now
        core.logger.warning(
            "connections are refused: one client has half of all", metadata: ["client": "\(client)"])
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        core.statistics.acceptFailures.add(1, ordering: .relaxed)
        guard !isBackingOff else { return }
        core.logger.warning("cannot accept a connection", metadata: ["error": "\(error)"])
        isBackingOff = true
        // The failed read stays pending, and the socket readable, so only this keeps the event loop from spinning.
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.scheduleTask(in: .milliseconds(100)) {
            self.isBackingOff = false
            try? self.context?.channel.syncOptions?.setOption(.autoRead, value: true)
            self.resume()
        }
    }

    /// Reads again if there is room now. On the event loop of the gate.
    func resume() {
        guard isHolding, !isBackingOff, !count.isFull else { return }
        isHolding = false
        context?.read()
    }
}
