import NIOCore
import NIOHTTP1

/// One request and its response. All state belongs to the event loop of the connection.
final class Exchange: @unchecked Sendable {
    enum Response { case none, streaming, complete, aborted }

    let head: RequestHead
    let isHead: Bool

    // Request body
    var decoder: BodyDecoder
    var buffered = ByteBuffer()
    /// Whether `buffered` is our own storage with room to grow, not a slice of what the socket delivered.
    var ownsBuffered = false
    var bodyFailure: BodyError?
    var puller: Waiter<Result<ByteBuffer?, BodyError>>?
    var hasPulled = false
    var owesContinue: Bool
    var allowsSilence = false
    /// Whether it was allowed to be silent once: the end of the server then does not wait for it.
    var isExpendable = false
    /// Body bytes discarded after the response; nil while a handler may still want them.
    var drained: Int?

    // Response
    var response = Response.none
    var framing = ResponseFraming.none
    var declared: Int?
    var written = 0
    /// Writes that the socket has not taken completely.
    var outstanding = 0
    var writers: [(limit: Int, waiter: Waiter<TransportError?>)] = []
    var closesAfter = false

    // Handler
    var task: Task<Void, Never>?
    var isCancelled = false
    var hasReturned = false

    init(_ head: RequestHead) {
        self.head = head
        isHead = head.method == .HEAD
        decoder = BodyDecoder(head.framing)
        owesContinue = head.expectsContinue
        closesAfter = !head.keepAlive
    }

    func cancel() {
        isCancelled = true
        task?.cancel()
    }
}
