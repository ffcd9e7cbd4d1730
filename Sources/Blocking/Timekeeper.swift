/// Tells the time and waits for it. Whoever acts on time takes one, so that tests decide how fast it passes.
public struct Timekeeper: Sendable {
    private let reading: @Sendable () -> ContinuousClock.Instant
    private let waiting: @Sendable (ContinuousClock.Instant) async throws -> Void

    /// - Parameters:
    ///   - now: the time.
    ///   - sleep: returns when the time has come, and throws `CancellationError` if the task is cancelled before.
    public init(
        now: @escaping @Sendable () -> ContinuousClock.Instant,
        sleep: @escaping @Sendable (ContinuousClock.Instant) async throws -> Void
    ) {
        reading = now
        waiting = sleep
    }

    /// The machine's clock, which goes on while the machine is suspended.
    public static let system = Timekeeper(
        now: { .now }, sleep: { try await Task.sleep(until: $0, clock: .continuous) })

    public var now: ContinuousClock.Instant { reading() }

    /// Returns when the time has come, and throws `CancellationError` if the task is cancelled before.
    public func sleep(until deadline: ContinuousClock.Instant) async throws { try await waiting(deadline) }
}
