import NIOPosix
import Synchronization

/// Threads for work that may wait: disk, digests, name resolution. The number of threads is fixed.
///
/// Work on a disk that does not answer (a dead NFS server, a broken FUSE mount) keeps its thread, and nothing can take
/// it back. So each repository has a ``share(of:)``, at most half of the threads: others go past what waits in it.
public final class BlockingPool: Sendable {
    public let name: String
    public let threadCount: Int
    /// Whose work this is; nil for the host's own, which may have all threads.
    private let owner: String?
    private let crew: Crew

    /// Starts the threads.
    public init(name: String = "blocking", threadCount: Int = 16) {
        self.name = name
        self.threadCount = max(1, threadCount)
        owner = nil
        crew = Crew(threadCount: self.threadCount)
    }

    private init(_ pool: BlockingPool, owner: String) {
        name = pool.name
        threadCount = pool.threadCount
        crew = pool.crew
        self.owner = owner
    }

    /// The same threads, of which all that is run here or in another share of this owner gets at most half at once.
    public func share(of owner: String) -> BlockingPool { BlockingPool(self, owner: owner) }

    /// How many threads one owner may occupy.
    public var threadsPerOwner: Int { crew.perOwner }

    /// Jobs that wait for a thread. Each belongs to a request, so the number of connections bounds them.
    public var waitingJobs: Int { crew.waiting }
    /// Jobs that occupy a thread.
    public var runningJobs: Int { crew.running }

    /// How long a job may run before its thread counts as stuck. A disk may take long for a large `fsync`.
    public static let stuckAfter = Duration.seconds(60)

    /// The jobs that have been running for longer than ``stuckAfter``.
    public func stuck(now: ContinuousClock.Instant = .now) -> StuckJobs { crew.stuck(at: now) }

    /// The result of `work`, run on a thread that may wait.
    ///
    /// The work runs to its end even when the calling task is cancelled, so it can be used to clean up.
    /// Throws what `work` throws, and ``PoolWasShutDown`` after ``shutdown()``.
    public func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            crew.submit(for: owner) { isActive in
                guard isActive else { return { continuation.resume(throwing: PoolWasShutDown()) } }
                let result = Result { try work() }
                return { continuation.resume(with: result) }
            }
        }
    }

    /// Runs `work` on a thread that may wait, and does not wait for it.
    ///
    /// `work` is told false after ``shutdown()``: it then runs on another thread and must not wait.
    public func begin(_ work: @escaping @Sendable (Bool) -> Void) {
        crew.submit(for: owner) { isActive in
            work(isActive)
            return {}
        }
    }

    /// Ends the threads after their current jobs; waiting jobs fail.
    public func shutdown() async { await crew.shutdown() }
}

/// Threads that do not come back from a job.
public struct StuckJobs: Sendable, Hashable {
    /// How many threads they occupy, by owner.
    public var threads: [String: Int] = [:]
    /// Those that do work of no owner, the host's own.
    public var ownThreads = 0

    public init() {}

    public var count: Int { threads.values.reduce(ownThreads, +) }
}

/// The pool's threads have ended; nothing runs any more.
public struct PoolWasShutDown: Error, Hashable {
    public init() {}
}
