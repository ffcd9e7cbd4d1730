internal import FileIO
internal import Synchronization

/// How fast an upload to this process gets on: how much of what it announced may be counted as taken.
///
/// Attack: an upload announces as much as the disk has room for, and sends a byte now and then, so that there is no
/// room for anybody else.
final class UploadPace: Sendable {
    private static let running = Mutex<[ConfinedPath: UploadPace]>([:])

    private let info: ConfinedPath
    private let meter = Mutex(PaceMeter(at: .now))

    /// - Parameter info: the info file of the transfer, by which others know of it.
    init(of info: ConfinedPath) {
        self.info = info
        Self.running.withLock { $0[info] = self }
    }

    /// The pace of the upload with this info file; nil where it is none of this process.
    static func of(_ info: ConfinedPath) -> UploadPace? { running.withLock { $0[info] } }

    func advance(by count: UInt64) { meter.withLock { $0.advance(by: count, at: .now) } }

    /// Bytes that it may be expected to write soon.
    func expected(at now: ContinuousClock.Instant) -> UInt64 { meter.withLock { $0.expected(at: now) } }

    func end() { Self.running.withLock { if $0[info] === self { $0[info] = nil } } }
}

/// Bytes per second over the last seconds, and what follows from that. Pure.
struct PaceMeter {
    /// How long a pace is watched; it is that of the last one to two windows.
    static let window = Duration.seconds(10)
    /// For how long an upload is expected to go on as it does.
    static let horizon = Duration.seconds(600)
    /// What each upload may be expected to write, whatever its pace.
    static let allowance: UInt64 = 1 << 20

    private var began: ContinuousClock.Instant
    private var bytes: UInt64 = 0
    private var earlier = (bytes: UInt64(0), span: Duration.zero)

    init(at now: ContinuousClock.Instant) { began = now }

    mutating func advance(by count: UInt64, at now: ContinuousClock.Instant) {
        turn(at: now)
        bytes = bytes.addingReportingOverflow(count).overflow ? .max : bytes + count
    }

    mutating func expected(at now: ContinuousClock.Instant) -> UInt64 {
        turn(at: now)
        // Never over a shorter time than a second: a first piece that comes at once is no pace.
        let span = max((earlier.span + began.duration(to: now)) / Duration.seconds(1), 1)
        let pace = (Double(earlier.bytes) + Double(bytes)) / span
        let soon = pace * (Self.horizon / Duration.seconds(1)) + Double(Self.allowance)
        return soon >= Double(UInt64.max) ? .max : UInt64(soon)
    }

    private mutating func turn(at now: ContinuousClock.Instant) {
        let span = began.duration(to: now)
        guard span >= Self.window else { return }
        // A window without a byte forgets the one before.
        earlier = (bytes, span)
        (began, bytes) = (now, 0)
    }
}
