public import AnnexProtocol
public import Blocking
public import NIOCore
import Synchronization

/// Computes the digest of content that passes by, on a thread that may take its time: while pieces are hashed, the next
/// ones may be received and sent. One task at a time feeds it.
public final class StreamVerifier: Sendable {
    private struct State {
        var pieces = CircularBuffer<ByteBuffer>()
        /// What was fed and is not hashed yet, by ``weight(of:)``.
        var backlog = 0
        /// Whether a thread takes pieces out.
        var isWorking = false
        var failure: LocationError?
        /// Resumed once the backlog is that small.
        var waiter: (limit: Int, continuation: CheckedContinuation<Void, Never>)?

        func isReached(_ limit: Int) -> Bool {
            failure != nil || backlog <= limit && (limit > 0 || !isWorking)
        }

        mutating func takeWaiter() -> CheckedContinuation<Void, Never>? {
            guard let waiter, isReached(waiter.limit) else { return nil }
            self.waiter = nil
            return waiter.continuation
        }
    }

    /// How much comes together before a thread is asked to hash it, in bytes: waking one costs as much as hashing
    /// several kilobytes.
    private static let batch = 384 << 10
    /// How much may wait to be hashed before the source has to, in bytes; and how much is left when it may go on.
    private static let (highWater, lowWater) = (2 << 20, 1 << 20)
    /// How much a thread hashes in one go, in bytes; then it does what others wait for first.
    public static let share = 4 << 20

    /// Touched by the working thread, or when there is none.
    private nonisolated(unsafe) let verifier: ContentVerifier
    private let pool: BlockingPool
    private let share: Int
    private let state = Mutex(State())

    /// Nil where the key does not tell how to check its content (for VURL keys only the branch does).
    ///
    /// - Parameter share: how much a thread hashes in one go, in bytes; other than usual only in tests.
    public init?(_ key: Key, pool: BlockingPool, share: Int = StreamVerifier.share) {
        verifier = ContentVerifier(key)
        guard verifier.isVerifiable else { return nil }
        self.pool = pool
        self.share = share
    }

    /// What was fed and is not hashed yet, in bytes; small pieces count for more.
    var backlog: Int { state.withLock { $0.backlog } }

    /// Takes the next piece; returns when little enough waits to be hashed.
    public func feed(_ piece: ByteBuffer) async throws {
        let backlog = state.withLock { state in
            state.pieces.append(piece)
            state.backlog += Self.weight(of: piece)
            return state.backlog
        }
        if backlog >= Self.batch { begin() }
        if backlog > Self.highWater { await wait(for: Self.lowWater) }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// The verdict on everything that was fed.
    public func finish() async throws -> ContentVerifier.Verdict {
        begin()
        await wait(for: 0)
        if let failure = state.withLock({ $0.failure }) { throw failure }
        return verifier.finish()
    }

    /// In bytes. A piece of few bytes may keep a whole buffer in memory.
    private static func weight(of piece: ByteBuffer) -> Int { max(piece.readableBytes, 64 << 10) }

    private func begin() {
        let begins = state.withLock { state in
            if state.isWorking || state.pieces.isEmpty { return false }
            state.isWorking = true
            return true
        }
        if begins { pool.begin { self.work($0) } }
    }

    private func wait(for limit: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.isReached(limit) { return true }
                state.waiter = (limit, continuation)
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    private func work(_ isActive: Bool) {
        guard isActive else { return giveUp() }
        var (hashed, total) = (0, 0)
        while let piece = take(hashed) {
            piece.withUnsafeReadableBytes { verifier.update($0) }
            hashed = Self.weight(of: piece)
            total += hashed
            // Not where nobody waits for the thread: another one would begin with cold caches.
            if total >= share, pool.waitingJobs > 0 { return stepAside(hashed) }
        }
    }

    /// Goes on when the thread has done what waits for it already: as many streams as there are threads, each fed as
    /// fast as it is hashed, would keep all disk work waiting to their ends.
    private func stepAside(_ hashed: Int) {
        let (goesOn, waiter) = state.withLock { state in
            state.backlog -= hashed
            state.isWorking = !state.pieces.isEmpty
            return (state.isWorking, state.takeWaiter())
        }
        waiter?.resume()
        if goesOn { pool.begin { self.work($0) } }
    }

    /// The next piece; nil where there is none, and the work is over.
    private func take(_ hashed: Int) -> ByteBuffer? {
        let (piece, waiter) = state.withLock { state in
            state.backlog -= hashed
            let piece = state.pieces.popFirst()
            state.isWorking = piece != nil
            return (piece, state.takeWaiter())
        }
        waiter?.resume()
        return piece
    }

    private func giveUp() {
        state.withLock { state in
            state.failure = LocationError(.busy, "the server is ending; try again")
            return state.takeWaiter()
        }?.resume()
    }
}
