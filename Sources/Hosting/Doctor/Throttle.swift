/// Keeps reading below a rate. Pure: the owner tells what it read, and waits as long as this says.
struct Throttle {
    /// Bytes per second; nil for as fast as it goes.
    let rate: UInt64?
    private var start: ContinuousClock.Instant?
    private var bytes: UInt64 = 0

    init(rate: UInt64?) { self.rate = rate }

    /// How long to wait after having read so many bytes more.
    mutating func pause(after count: Int, at now: ContinuousClock.Instant) -> Duration {
        guard let rate, rate > 0 else { return .zero }
        // A pause of the machine must not be made up for at full speed.
        let elapsed = start.map { now - $0 } ?? .zero
        if start == nil || elapsed > .seconds(Double(bytes) / Double(rate)) + .seconds(1) {
            start = now
            bytes = 0
        }
        bytes += UInt64(count)
        return max(.zero, .seconds(Double(bytes) / Double(rate)) - (now - (start ?? now)))
    }
}
