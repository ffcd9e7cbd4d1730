import Logging
import NIOCore
import Synchronization

/// Stands before the accepting handler of a listening socket and holds back its reads: while the server is full of
/// connections that do not give way, and for a moment after `accept` failed for want of descriptors or memory, where
/// trying again at once would spin.
final class AcceptGate: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    private let core: ServerCore
    private let count: ConnectionCount
    private var context: ChannelHandlerContext?
    private var isHolding = false
    private var isBackingOff = false
    private var looksAgain = false

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
        if !isBackingOff, count.admitsAnother() { return context.read() }
        isHolding = true
        lookAgain()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let count = count
        count.increment()
        unwrapInboundIn(data).closeFuture.whenComplete { _ in count.decrement() }
        context.fireChannelRead(data)
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
        guard isHolding, !isBackingOff else { return }
        guard count.admitsAnother() else { return lookAgain() }
        isHolding = false
        context?.read()
    }

    /// Some connection may have become idle meanwhile.
    private func lookAgain() {
        guard !looksAgain, let loop = context?.eventLoop else { return }
        looksAgain = true
        loop.scheduleTask(in: .milliseconds(250)) {
            self.looksAgain = false
            self.resume()
        }
    }
}
