import NIOCore
import NIOHTTP1

/// Stands before TLS and tells people who left out the `s` of `https` what is wrong, where TLS would close without a
/// word.
///
/// It looks at the first byte alone: each HTTP method begins with a letter, and no TLS record does. For a client that
/// speaks TLS it is gone after that.
final class PlainTextGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let reason = "this port speaks TLS: the URL has to begin with https"

    private let core: ServerCore
    /// Bytes that came after the answer, and were not looked at; nil before it.
    private var discarded: Int?

    init(core: ServerCore) { self.core = core }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        if let count = discarded {
            discarded = count + buffer.readableBytes
            if count + buffer.readableBytes > core.configuration.lingerBytes { context.close(promise: nil) }
            return
        }
        guard let first = buffer.readableBytesView.first, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) else {
            context.fireChannelRead(data)
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
            return
        }
        discarded = 0
        answer(context)
    }

    /// Closes for writing, and discards a little input first, so that the client sees the answer and no reset.
    private func answer(_ context: ChannelHandlerContext) {
        let text = Self.reason + "\n"
        var buffer = context.channel.allocator.buffer(capacity: 512)
        ResponseHead.write(
            .custom(code: 400, reasonPhrase: Self.reason), headers: ["Content-Type": "text/plain; charset=utf-8"],
            framing: .length(text.utf8.count), contentLength: text.utf8.count, connection: "close",
            server: core.configuration.serverName, date: core.date, into: &buffer)
        buffer.writeString(text)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: core.configuration.timeouts.linger) { channel.close(promise: nil) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Nobody above has seen a byte, and asks for more.
        if discarded == nil { context.fireChannelReadComplete() } else { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if discarded != nil, event as? ChannelEvent == .inputClosed { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
