import AsyncHTTPClient
import Locations
import NIOCore
import NIOHTTP1
import Synchronization

/// One request and its answer, as seen from its connection.
///
/// The client library says little of a connection: not whether it was used before, nor that an answer came before the
/// request was sent, nor how much of a body the socket has taken. ``ConnectionTap`` sees that, and tells it here.
final class Exchange: Sendable {
    /// The head of an answer, and the body where it is at hand.
    struct Answer: Sendable {
        var status: Int
        /// The reason phrase as the target wrote it; the library replaces it by the usual one.
        var reason: String
        var headers: HTTPHeaders
        var body = ByteBuffer()
    }

    private struct State {
        var channel: (any Channel)?
        var wasReused = false
        var reason = ""
        var isRequestEnded = false
        var hasAnswer = false
        var early: Answer?
        var failure: RemoteError?
        var isOver = false
        var unwritten = 0
        /// Since when the target owes us something; nil while it does not.
        var owedSince: NIODeadline?
        var patience = TimeAmount.zero
        /// Looks at the time that counts; never later than that is over.
        var timer: Scheduled<Void>?
        var timerEnd = NIODeadline.distantFuture
        var metUsedConnection = false
        /// Held as long as it has a connection, or waits for one.
        var place: Place?

        mutating func takeTimer() -> Scheduled<Void>? {
            defer { timer = nil }
            return timer
        }
    }

    /// What messages call the target.
    let name: String
    /// The key under which connections are counted: scheme, host and port.
    let endpoint: String
    /// Path and query.
    let target: String
    /// How long the target may owe us something.
    let patience: TimeAmount
    /// Whether a connection that was used before must not be used again.
    let needsFreshConnection: Bool
    let upload: UploadStream?
    private let state = Mutex(State())

    init(
        name: String, endpoint: String, target: String, patience: TimeAmount, needsFreshConnection: Bool,
        upload: UploadStream? = nil
    ) {
        self.name = name
        self.endpoint = endpoint
        self.target = target
        self.patience = patience
        self.needsFreshConnection = needsFreshConnection
        self.upload = upload
    }

    // MARK: What the connection tells

    /// Takes over a place among the connections in use, and gives it back when it needs none any more.
    func hold(_ place: Place) {
        let isOver = state.withLock { state in
            if !state.isOver { state.place = place }
            return state.isOver
        }
        if isOver { place.release() }
    }

    /// The request begins to be sent. Answers false where it was given up already.
    func begin(on channel: any Channel, wasReused: Bool) -> Bool {
        let (goesOn, isOwed) = state.withLock { state in
            if state.isOver || state.failure != nil { return (false, false) }
            state.channel = channel
            state.wasReused = wasReused
            return (true, upload == nil || state.unwritten > 0)
        }
        if isOwed { expect(within: patience) }
        return goesOn
    }

    /// A connection that was used before was passed by.
    func skippedUsedConnection() { state.withLock { $0.metUsedConnection = true } }

    func requestEnded() {
        state.withLock { $0.isRequestEnded = true }
        if upload != nil { expect(within: patience) }
    }

    func wrote(_ count: Int) {
        state.withLock { state in
            state.unwritten -= count
            // Once the request is sent, the target owes the answer.
            state.owedSince = state.unwritten > 0 || state.isRequestEnded ? .now() : nil
        }
        upload?.wrote(count)
    }

    func answerBegan(reason: String, isEarly: Bool) {
        state.withLock { state in
            state.hasAnswer = true
            state.reason = reason
        }
        if isEarly { expect(within: patience) }
    }

    /// Request and answer are through, and the connection is free for others: it must not be closed any more.
    func completed() {
        let (timer, place) = state.withLock { state in
            state.channel = nil
            state.owedSince = nil
            return (state.takeTimer(), state.place)
        }
        timer?.cancel()
        place?.release()
    }

    /// An answer came before the request was sent whole.
    func answered(early answer: Answer) {
        state.withLock { $0.early = answer }
        upload?.stop()
    }

    // MARK: What the caller of the request tells

    /// Bytes were handed over that the socket has not taken yet.
    func willWrite(_ count: Int) {
        let begins = state.withLock { state in
            state.unwritten += count
            return state.owedSince == nil && state.channel != nil
        }
        if begins { expect(within: patience) }
    }

    /// From now on the target owes us something.
    func expect(within patience: TimeAmount) {
        state.withLock { state in
            guard let channel = state.channel, !state.isOver else { return }
            let now = NIODeadline.now()
            state.owedSince = now
            state.patience = patience
            let end = now + patience
            if state.timer != nil, state.timerEnd <= end { return }
            state.timer?.cancel()
            state.timer = watch(on: channel.eventLoop, at: end)
            state.timerEnd = end
        }
    }

    /// The target has done its part, and the next move is ours.
    func satisfied() { state.withLock { $0.owedSince = nil } }

    /// The caller has no further interest in it.
    func end() {
        let (timer, place) = state.withLock { state in
            state.isOver = true
            state.owedSince = nil
            state.channel = nil
            return (state.takeTimer(), state.place)
        }
        timer?.cancel()
        place?.release()
        upload?.stop()
    }

    /// Breaks the connection, which makes the request fail.
    func abort(_ failure: RemoteError? = nil) {
        let channel = state.withLock { state in
            if state.failure == nil { state.failure = failure }
            return state.channel
        }
        channel?.close(promise: nil)
        upload?.stop()
    }

    var early: Answer? { state.withLock { $0.early } }
    var reason: String { state.withLock { $0.reason } }

    /// Whether a broken connection may mean no more than that it had died while it was idle: it was used before, or
    /// closed before the request got that far, and not a word came over it since.
    var mayHaveMetDeadConnection: Bool {
        state.withLock { ($0.wasReused || $0.channel == nil) && !$0.hasAnswer && $0.failure == nil && !$0.isOver }
    }

    /// Whether a connection that was used before was passed by, as it had to be.
    var metUsedConnection: Bool { state.withLock { $0.metUsedConnection } }

    var failure: RemoteError? { state.withLock { $0.failure } }

    // MARK: The watch

    /// One timer for the whole exchange, which looks when the time that counts now would be over.
    private func watch(on loop: any EventLoop, at time: NIODeadline) -> Scheduled<Void> {
        loop.scheduleTask(deadline: time) { [weak self] in self?.look(on: loop) }
    }

    private func look(on loop: any EventLoop) {
        let overdue: TimeAmount? = state.withLock { state in
            state.timer = nil
            guard let since = state.owedSince, !state.isOver else { return nil }
            let end = since + state.patience
            if end <= .now() { return state.patience }
            state.timer = watch(on: loop, at: end)
            state.timerEnd = end
            return nil
        }
        guard let overdue else { return }
        let seconds = overdue.nanoseconds / 1_000_000_000
        abort(RemoteError(.timedOut, "\(name) has been silent for \(seconds) s"))
    }
}
