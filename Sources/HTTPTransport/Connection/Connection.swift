import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS
import Synchronization

/// One client connection: reads requests in order, runs one handler at a time and writes its response.
///
/// All state belongs to `loop`; calls from other threads hop onto it. The handler's task is unstructured: the
/// connection owns it, cancels it when the client is gone, and the server waits for it when it shuts down.
final class Connection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = IOData

    enum Phase { case open, lingering(discarded: Int), closed }

    let core: ServerCore
    let channel: any Channel
    let loop: any EventLoop
    let isSecure: Bool
    var context: ChannelHandlerContext?
    var phase = Phase.open
    var exchange: Exchange?
    var inbound = ByteBuffer()
    var parser: HeadParser
    var inputClosed = false
    var outputClosed = false
    var isShuttingDown = false
    /// Whether a TLS handshake is still to be finished.
    private var isShakingHands: Bool
    var isReadPending = false
    var readsLargePieces = false
    /// The first buffer that the channel ever read into. The channel would reuse and grow it for ever, so that each
    /// connection that once uploaded kept 256 KiB; while it is held here, every read gets a buffer of its own.
    private var firstBuffer: ByteBuffer?
    var deadlines: ConnectionDeadlines
    var timer: (due: NIODeadline, callback: NIOScheduledCallback)?
    /// Uptime in nanoseconds; 0 while a request goes on, `UInt64.max` once it was told to give way. Read by all
    /// threads.
    let idleState = Atomic<UInt64>(0)
    /// Whose connection this is; set before others see it.
    private(set) var client = ""
    private var remoteAddress: SocketAddress?
    private var localAddress: SocketAddress?

    init(core: ServerCore, channel: any Channel, isSecure: Bool) {
        self.core = core
        self.channel = channel
        self.isSecure = isSecure
        isShakingHands = isSecure
        loop = channel.eventLoop
        let settings = core.configuration
        parser = HeadParser(
            limits: HeadParser.Limits(
                head: settings.maximumHeadBytes, target: settings.maximumTargetBytes,
                fields: settings.maximumHeaderFields))
        deadlines = ConnectionDeadlines(limits: settings.timeouts)
    }

    /// Runs `action` on the event loop, at once when already there.
    func onLoop(_ action: @escaping @Sendable () -> Void) {
        if loop.inEventLoop { action() } else { loop.execute(action) }
    }

    // MARK: Events of the channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        remoteAddress = context.remoteAddress
        localAddress = context.localAddress
        client = core.configuration.client(remoteAddress)
        setIdle(true)
        core.add(self)
        // A TLS handshake counts against the time for the first head.
        if isSecure { deadlines.headBegan(at: .now()) } else { deadlines.waitForRequest(at: .now()) }
        schedule()
        updateReading()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        if firstBuffer == nil, !isSecure { firstBuffer = buffer }
        core.statistics.received.add(buffer.readableBytes, ordering: .relaxed)
        if case .lingering(let discarded) = phase {
            let total = discarded + buffer.readableBytes
            phase = .lingering(discarded: total)
            if total > core.configuration.lingerBytes { close() }
            return
        }
        guard case .open = phase else { return }
        if inbound.readableBytes == 0 { inbound = buffer } else { inbound.writeBuffer(&buffer) }
        advance()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReadPending = false
        if let exchange { deliver(exchange) }
        updateReading()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as ChannelEvent where event == .inputClosed:
            endOfInput()
        case is TLSUserEvent:
            isShakingHands = false
            guard exchange == nil, inbound.readableBytes == 0 else { return }
            // The handshake is done; from now on the connection may be idle.
            deadlines.waitForRequest(at: .now())
            schedule()
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        core.logger.debug("connection failed", metadata: ["error": "\(error)"])
        close()
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        inputClosed = true
        outputClosed = true
        timer?.callback.cancel()
        timer = nil
        inbound = ByteBuffer()
        if let exchange {
            loseBody(exchange, .connectionLost)
            // First, so that they learn the reason and not their cancellation.
            failWriters(exchange)
            exchange.cancel()
            if exchange.hasReturned { end(exchange) }
        }
        core.remove(self)
    }

    // MARK: Requests

    /// Works on the bytes that have arrived: a body, then the next head, then its body.
    func advance() {
        while case .open = phase {
            if let exchange {
                decodeBody(exchange)
                deliver(exchange)
                return
            }
            guard inbound.readableBytes > 0 else { return }
            do {
                guard let head = try parser.next(&inbound) else {
                    if inbound.readableBytes > 0 {
                        deadlines.headBegan(at: .now())
                        schedule()
                    }
                    return
                }
                begin(head)
            } catch {
                refuse(status: error.status, message: error.message)
            }
        }
    }

    private func begin(_ head: RequestHead) {
        deadlines.requestBegan()
        setIdle(false)
        let exchange = Exchange(head)
        self.exchange = exchange
        if isShuttingDown { exchange.closesAfter = true }
        core.statistics.requests.add(1, ordering: .relaxed)
        core.statistics.running.add(1, ordering: .relaxed)
        let request = Request(
            id: core.nextRequestID(), method: head.method, target: head.target, version: head.version,
            headers: head.headers, expectsContinue: head.expectsContinue, isSecure: isSecure,
            remoteAddress: remoteAddress, localAddress: localAddress,
            body: RequestBody(connection: self, exchange: exchange, framing: head.framing))
        let responder = Responder(connection: self, exchange: exchange)
        let handler = core.handler
        exchange.task = Task(executorPreference: core.executor(for: loop)) {
            await handler(request, responder)
            self.onLoop { self.handlerReturned(exchange) }
        }
    }

    /// Answers a request that no handler sees, and closes.
    func refuse(status: UInt, message: String) {
        guard exchange == nil, !outputClosed, context != nil else { return close() }
        inbound.clear()
        var buffer = channel.allocator.buffer(capacity: 512)
        let text = message + "\n"
        ResponseHead.write(
            HTTPResponseStatus(statusCode: Int(status)), headers: ["Content-Type": "text/plain; charset=utf-8"],
            framing: .length(text.utf8.count), contentLength: text.utf8.count, connection: "close",
            server: core.configuration.serverName, date: core.date, into: &buffer)
        buffer.writeString(text)
        context?.writeAndFlush(wrapOutboundOut(.byteBuffer(buffer)), promise: nil)
        linger()
    }

    private func endOfInput() {
        inputClosed = true
        guard let exchange else { return close() }
        if !exchange.decoder.isEnded {
            loseBody(exchange, .connectionLost)
            exchange.closesAfter = true
            exchange.cancel()
            finishIfReady(exchange)
        }
    }

    // MARK: The end of a request

    private func handlerReturned(_ exchange: Exchange) {
        exchange.hasReturned = true
        core.statistics.running.subtract(1, ordering: .relaxed)
        exchange.task = nil
        switch exchange.response {
        case .none:
            let status: HTTPResponseStatus =
                switch exchange.bodyFailure {
                case .malformed: .badRequest
                case .timedOut: .requestTimeout
                default: .internalServerError
                }
            sendWhole(exchange, status: status, headers: [:], body: ByteBuffer(), closing: false)
        case .streaming: abort(exchange)
        case .complete, .aborted: break
        }
        finishIfReady(exchange)
    }

    /// Goes on to the next request once handler, response and request body are done with.
    func finishIfReady(_ exchange: Exchange) {
        guard exchange === self.exchange, exchange.hasReturned else { return }
        guard case .open = phase else { return end(exchange) }
        guard exchange.outstanding == 0 else { return }
        exchange.buffered = ByteBuffer()
        if exchange.closesAfter || inputClosed || isShuttingDown || exchange.bodyFailure != nil {
            end(exchange)
            let isAllRead = exchange.decoder.isEnded && inbound.readableBytes == 0
            return isAllRead || inputClosed ? close() : linger()
        }
        guard exchange.decoder.isEnded else {
            if exchange.drained == nil {
                exchange.drained = 0
                deadlines.beginLinger(at: .now())
                schedule()
                updateReading()
            }
            return
        }
        end(exchange)
        deadlines.waitForRequest(at: .now())
        setIdle(true)
        schedule()
        readLargePieces(false)
        if inbound.readableBytes == 0 { inbound = ByteBuffer() }
        advance()
        updateReading()
    }

    private func end(_ exchange: Exchange) {
        guard exchange === self.exchange else { return }
        self.exchange = nil
    }

    // MARK: Closing

    /// Closes for writing, and discards a little input first, so that the client sees the answer and no reset.
    func linger() {
        guard case .open = phase, let context else { return }
        if inputClosed { return close() }
        phase = .lingering(discarded: inbound.readableBytes)
        setIdle(false)
        inbound = ByteBuffer()
        deadlines.beginLinger(at: .now())
        schedule()
        outputClosed = true
        context.close(mode: .output, promise: nil)
        updateReading()
    }

    func close() {
        if case .closed = phase { return }
        outputClosed = true
        context?.close(promise: nil)
    }

    /// Closes at once when idle or silent, otherwise after the current response.
    func beginShutdown() {
        isShuttingDown = true
        guard let exchange else {
            // What lingers has had its answer, and closes soon by itself. Half a head is no request yet.
            if case .open = phase { isShakingHands ? closeBelowTLS() : close() }
            return
        }
        exchange.closesAfter = true
        // A request that may be silent for hours would hold up the end for as long.
        if exchange.isExpendable { cancelNow() }
    }

    /// Closes without the exchange with which TLS ends, for which a client that has not even begun would be waited for.
    func closeBelowTLS() {
        outputClosed = true
        guard let tls = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) else {
            return close()
        }
        tls.close(mode: .all, promise: nil)
    }

    /// Cancels the handler and closes.
    func cancelNow() {
        exchange?.cancel()
        close()
    }
}
