import Synchronization

/// The turn of one upload.
public final class Turn: Sendable {
    let hasStepped: Bool
    private let bytes = Atomic<UInt64>(0)
    private let mayStepBack = Atomic(true)
    private let waited = Atomic(false)
    private let request = Signal()

    init(hasStepped: Bool) { self.hasStepped = hasStepped }

    /// Whether another upload of this key had its turn before.
    public var hasWaited: Bool { waited.load(ordering: .relaxed) }

    func waits() { waited.store(true, ordering: .relaxed) }

    /// Bytes that this turn got on by: received, or read back from the disk.
    var progress: UInt64 { bytes.load(ordering: .relaxed) }

    public func advance(by count: Int) { bytes.add(UInt64(count), ordering: .relaxed) }

    /// From here on all bytes are there, and no client is waited for.
    public func settle() { mayStepBack.store(false, ordering: .relaxed) }

    public var isAskedToStepBack: Bool { request.isGiven }

    /// Returns when this upload should step back for those that wait, or when the task is cancelled.
    public func stepBackRequest() async { await request.wait() }

    /// Runs `work`, which is cancelled when this upload should step back.
    ///
    /// A pull of the body that is cancelled loses nothing: what arrives later is handed to the next one.
    ///
    /// - Parameter grace: how long the work may take to come to its end by itself.
    public func steppingBack<Result: Sendable>(
        after grace: Duration = .zero, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { .some(try await work()) }
            group.addTask {
                await self.stepBackRequest()
                if grace > .zero { try? await Task.sleep(for: grace) }
                return nil
            }
            defer { group.cancelAll() }
            while let ended = try await group.next() {
                if let ended { return ended }
                group.cancelAll()
            }
            throw CancellationError()
        }
    }

    func askToStepBack() { if mayStepBack.load(ordering: .relaxed) { request.give() } }
}
