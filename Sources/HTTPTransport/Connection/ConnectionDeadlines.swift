public import NIOCore

/// When a connection has waited long enough: a pure decision over events and the time at which they happened.
public struct ConnectionDeadlines: Sendable {
    public struct Limits: Sendable {
        /// For the first byte of the next request; clients keep idle connections for 30 s and more (spec 01 §6.9).
        public var idle: TimeAmount = .seconds(180)
        /// For a whole request head, and for a TLS handshake.
        public var head: TimeAmount = .seconds(30)
        /// Without a byte of a body that a handler waits for.
        public var body: TimeAmount = .seconds(300)
        /// Without a byte accepted by the socket.
        public var write: TimeAmount = .seconds(300)
        /// For a client to close after a refusal, or to send the rest of a small body.
        public var linger: TimeAmount = .seconds(2)

        public init() {}
    }

    enum Expiry: Hashable { case idle, head, body, write, linger }

    let limits: Limits
    private var idle: NIODeadline?
    private var head: NIODeadline?
    private var body: NIODeadline?
    private var linger: NIODeadline?
    private var write: WriteWatch?

    private struct WriteWatch {
        var unsent: Int
        var progress: NIODeadline
        var sampled: NIODeadline
    }

    init(limits: Limits) { self.limits = limits }

    mutating func waitForRequest(at now: NIODeadline) {
        (head, body, linger) = (nil, nil, nil)
        idle = now + limits.idle
    }

    mutating func headBegan(at now: NIODeadline) {
        guard head == nil else { return }
        idle = nil
        head = now + limits.head
    }

    mutating func requestBegan() { (idle, head, body, linger) = (nil, nil, nil, nil) }

    mutating func waitForBody(at now: NIODeadline) { body = now + limits.body }

    mutating func bodyArrived() { body = nil }

    mutating func beginLinger(at now: NIODeadline) {
        (idle, head, body) = (nil, nil, nil)
        linger = now + limits.linger
    }

    /// Tells how many bytes the socket has not accepted yet; any change counts as progress.
    mutating func observe(unsent: Int, at now: NIODeadline) {
        guard unsent > 0 else {
            write = nil
            return
        }
        if let old = write, old.unsent == unsent {
            write = WriteWatch(unsent: unsent, progress: old.progress, sampled: now)
        } else {
            write = WriteWatch(unsent: unsent, progress: now, sampled: now)
        }
    }

    /// Whether unsent bytes are being watched.
    var isWatchingWrites: Bool { write != nil }

    /// When to look again, or nil when nothing is awaited. Writes are sampled four times per limit.
    var next: NIODeadline? {
        var earliest = idle
        for candidate in [head, body, linger, write.map { sampleTime($0) }] {
            if let candidate { earliest = earliest.map { min($0, candidate) } ?? candidate }
        }
        return earliest
    }

    /// What has been waited for in vain; the caller has just told ``observe(unsent:at:)``.
    func expired(at now: NIODeadline) -> Expiry? {
        if let write, now >= write.progress + limits.write { return .write }
        if let linger, now >= linger { return .linger }
        if let head, now >= head { return .head }
        if let body, now >= body { return .body }
        if let idle, now >= idle { return .idle }
        return nil
    }

    private func sampleTime(_ watch: WriteWatch) -> NIODeadline {
        min(watch.progress + limits.write, watch.sampled + .nanoseconds(max(1_000_000, limits.write.nanoseconds / 4)))
    }
}
