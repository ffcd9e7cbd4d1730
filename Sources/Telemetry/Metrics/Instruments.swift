import Synchronization

/// A number that only grows.
public final class Counter: Sendable {
    private let total = Atomic<Int>(0)

    init() {}

    /// Adds to it. Nothing happens for a negative amount, since a counter that falls reads as a restart.
    public func increment(by amount: Int = 1) {
        guard amount > 0 else { return }
        total.wrappingAdd(amount, ordering: .relaxed)
    }

    public var value: Int { total.load(ordering: .relaxed) }
}

/// A number that rises and falls, such as the requests in progress.
public final class Gauge: Sendable {
    private let current = Atomic<Int>(0)

    init() {}

    public func set(_ value: Int) { current.store(value, ordering: .relaxed) }
    public func add(_ amount: Int = 1) { current.wrappingAdd(amount, ordering: .relaxed) }
    public func subtract(_ amount: Int = 1) { current.wrappingSubtract(amount, ordering: .relaxed) }

    public var value: Int { current.load(ordering: .relaxed) }
}

/// How often observed values fell below each of a fixed list of bounds.
public final class Histogram: Sendable {
    /// The counts at one moment, which belong together.
    public struct Snapshot: Equatable, Sendable {
        /// One count per bound, not cumulative, and one for what lies above the last.
        public var counts: [Int]
        public var sum: Double

        public init(counts: [Int], sum: Double) {
            self.counts = counts
            self.sum = sum
        }

        public var count: Int { counts.reduce(0, +) }
    }

    /// Upper bounds in rising order; a value equal to a bound belongs to it.
    public let bounds: [Double]
    private let state: Mutex<Snapshot>

    init(bounds: [Double]) {
        self.bounds = Array(Set(bounds.filter(\.isFinite))).sorted()
        state = Mutex(Snapshot(counts: Array(repeating: 0, count: self.bounds.count + 1), sum: 0))
    }

    /// Counts one value. Not-a-number is ignored, since it would spoil the sum for ever.
    public func observe(_ value: Double) {
        guard !value.isNaN else { return }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    /// Counts a time in seconds.
    public func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(Double(seconds) + Double(attoseconds) * 1e-18)
    }

    public var snapshot: Snapshot { state.withLock { $0 } }
}

extension Histogram {
    /// From half a millisecond to ten minutes: what a request of this service may take, in seconds.
    public static let requestSeconds: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600,
    ]
}
