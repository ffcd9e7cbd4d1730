import NIOCore
import NIOHTTP1

/// Stands in the pipeline of a connection between the HTTP codec and the client library, and tells each ``Exchange``
/// what happens.
///
/// An answer that comes before the request was sent whole ends the exchange: it is collected here, and the connection
/// is closed. The library would go on sending the body, or wait for ever for leave to send it.
final class ConnectionTap: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    /// In bytes.
    private static let joinedSize = 128 << 10

    /// The request was given up before it was sent.
    struct GivenUp: Error {}

    private let board: ExchangeBoard
    private let statusLine: StatusLineTap
    private var exchange: Exchange?
    private var wasUsed = false
    private var isRequestEnded = true
    private var early: Exchange.Answer?
    /// Small pieces of a body that came together, joined.
    private var joined = ByteBuffer()
    /// Nothing more goes out: the connection is being closed.
    private var isClosing = false

    init(board: ExchangeBoard, statusLine: StatusLineTap) {
        self.board = board
        self.statusLine = statusLine
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = unwrapOutboundIn(data)
        if case .head(let head) = part { return begin(head, context: context, promise: promise) }
        guard !isClosing else { return promise?.fail(GivenUp()) ?? () }
        switch part {
        case .head: break
        case .body(let body):
            guard let exchange, body.readableBytes > 0 else { return context.write(data, promise: promise) }
            let count = body.readableBytes
            let written = promise ?? context.eventLoop.makePromise(of: Void.self)
            written.futureResult.whenSuccess { exchange.wrote(count) }
            context.write(data, promise: written)
        case .end:
            isRequestEnded = true
            context.write(data, promise: promise)
            exchange?.requestEnded()
        }
    }

    private func begin(_ head: HTTPRequestHead, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        let exchange = board.exchange(path: head.uri)
        let isTooOld = wasUsed && exchange?.needsFreshConnection == true
        if isTooOld { exchange?.skippedUsedConnection() }
        guard !isClosing, let exchange, !isTooOld,
            exchange.begin(on: context.channel, wasReused: wasUsed)
        else {
            promise?.fail(GivenUp())
            return closeSoon(context)
        }
        if wasUsed { board.isUsed(context.channel) } else { board.attribute(context.channel, to: exchange.endpoint) }
        wasUsed = true
        isRequestEnded = false
        self.exchange = exchange
        statusLine.expectAnswer()
        var head = head
        head.uri = exchange.target
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }

    // MARK: Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard head.status.code >= 200 else { return context.fireChannelRead(data) }
            exchange?.answerBegan(reason: statusLine.reason, isEarly: !isRequestEnded)
            guard !isRequestEnded else { return context.fireChannelRead(data) }
            early = Exchange.Answer(
                status: Int(head.status.code), reason: statusLine.reason, headers: head.headers)
        case .body(var body):
            guard let room = early.map({ Client.maximumReplyLength + 1 - $0.body.readableBytes }) else {
                return pass(body, context)
            }
            if let piece = body.readSlice(length: min(max(0, room), body.readableBytes)) {
                early?.body.writeImmutableBuffer(piece)
            }
        case .end:
            if early != nil {
                finishEarly(context)
            } else {
                flushJoined(context)
                if isRequestEnded {
                    if let exchange { board.isIdle(context.channel, to: exchange.endpoint) }
                    exchange?.completed()
                    exchange = nil
                }
                context.fireChannelRead(data)
            }
        }
    }

    /// Servers send chunks of any size; each piece costs everybody behind the same.
    private func pass(_ piece: ByteBuffer, _ context: ChannelHandlerContext) {
        if piece.readableBytes >= Self.joinedSize / 2 {
            flushJoined(context)
            return context.fireChannelRead(wrapInboundOut(.body(piece)))
        }
        if joined.readableBytes == 0 { joined = context.channel.allocator.buffer(capacity: Self.joinedSize) }
        joined.writeImmutableBuffer(piece)
        if joined.readableBytes >= Self.joinedSize / 2 { flushJoined(context) }
    }

    private func flushJoined(_ context: ChannelHandlerContext) {
        guard joined.readableBytes > 0 else { return }
        let piece = joined
        joined = ByteBuffer()
        context.fireChannelRead(wrapInboundOut(.body(piece)))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flushJoined(context)
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A refusal counts even where its body cannot be read to the end.
        if let early, early.status != 200 { finishEarly(context) }
        flushJoined(context)
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosing = true
        if let early, early.status != 200 { finishEarly(context) }
        exchange = nil
        context.fireChannelInactive()
    }

    private func finishEarly(_ context: ChannelHandlerContext) {
        if let early { exchange?.answered(early: early) }
        early = nil
        exchange = nil
        closeSoon(context)
    }

    /// Closes a connection that is kept for a later request, if none has come meanwhile.
    static func closeIfIdle(_ channel: any Channel) {
        channel.eventLoop.execute {
            guard let tap = try? channel.pipeline.syncOperations.handler(type: ConnectionTap.self),
                tap.exchange == nil, tap.isRequestEnded
            else { return }
            tap.isClosing = true
            channel.close(promise: nil)
        }
    }

    /// Not at once, since the caller may be in the middle of something that expects an open connection.
    private func closeSoon(_ context: ChannelHandlerContext) {
        isClosing = true
        let channel = context.channel
        context.eventLoop.execute { channel.close(promise: nil) }
    }
}

@available(*, unavailable)
extension ConnectionTap: Sendable {}

/// Reads the reason phrase of each answer off the wire: NIO's parser knows only the usual ones.
final class StatusLineTap: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Longer lines are cut off.
    private static let maximumLength = 1024

    private enum State {
        case idle
        case inLine
        /// After a `1xx` line, up to the end of its header fields; whether the last byte ended a line.
        case inInterim(atLineStart: Bool)
    }

    private var state = State.idle
    private var line: [UInt8] = []
    /// Of the last answer, in printable characters.
    private(set) var reason = ""

    func expectAnswer() {
        state = .inLine
        line = []
        reason = ""
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .idle = state { return context.fireChannelRead(data) }
        for byte in unwrapInboundIn(data).readableBytesView {
            take(byte)
            if case .idle = state { break }
        }
        context.fireChannelRead(data)
    }

    private func take(_ byte: UInt8) {
        let isLineFeed = byte == UInt8(ascii: "\n")
        switch state {
        case .idle: break
        case .inLine:
            if !isLineFeed {
                if line.count < Self.maximumLength { line.append(byte) }
                return
            }
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
            line = []
            if words.count > 1, words[1].first == UInt8(ascii: "1") {
                state = .inInterim(atLineStart: true)
            } else {
                state = .idle
                reason = words.count > 2 ? Self.printable(words[2]) : ""
            }
        case .inInterim(let atLineStart):
            if byte == UInt8(ascii: "\r") { return }
            state = isLineFeed && atLineStart ? .inLine : .inInterim(atLineStart: isLineFeed)
        }
    }

    private static func printable(_ bytes: ArraySlice<UInt8>) -> String {
        let text = String(decoding: bytes.prefix(300), as: UTF8.self)
        let kept = text.unicodeScalars.filter {
            $0.value >= 0x20 && $0.value != 0x7f && !(0x80..<0xa0).contains($0.value)
        }
        return String(String.UnicodeScalarView(kept)).trimmingSpaces
    }
}

@available(*, unavailable)
extension StatusLineTap: Sendable {}

extension String {
    /// Without spaces at both ends.
    fileprivate var trimmingSpaces: String {
        var text = self[...]
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
