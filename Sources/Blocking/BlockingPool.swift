import NIOPosix
import Synchronization

/// Threads for work that may wait: disk, digests, name resolution. The number of threads is fixed.
public final class BlockingPool: Sendable {
    public let name: String
    public let threadCount: Int
    private let threads: NIOThreadPool
    private let waitingCount = Atomic<Int>(0)
    private let runningCount = Atomic<Int>(0)

    /// Starts the threads.
    public init(name: String = "blocking", threadCount: Int = 16) {
        self.name = name
        self.threadCount = max(1, threadCount)
        threads = NIOThreadPool(numberOfThreads: max(1, threadCount))
        threads.start()
    }

    /// Jobs that wait for a thread. Each belongs to a request, so the number of connections bounds them.
    public var waitingJobs: Int { waitingCount.load(ordering: .relaxed) }
    /// Jobs that occupy a thread.
    public var runningJobs: Int { runningCount.load(ordering: .relaxed) }

    /// The result of `work`, run on a thread that may wait.
    ///
    /// The work runs to its end even when the calling task is cancelled, so it can be used to clean up.
    /// Throws what `work` throws, and ``PoolWasShutDown`` after ``shutdown()``.
    public func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        waitingCount.add(1, ordering: .relaxed)
        return try await withCheckedThrowingContinuation { continuation in
            threads.submit { state in
                self.waitingCount.subtract(1, ordering: .relaxed)
                guard case .active = state else {
                    continuation.resume(throwing: PoolWasShutDown())
                    return
                }
                self.runningCount.add(1, ordering: .relaxed)
                let result = Result { try work() }
                self.runningCount.subtract(1, ordering: .relaxed)
                continuation.resume(with: result)
            }
        }
    }

    /// Ends the threads after their current jobs; waiting jobs fail.
    public func shutdown() async {
        await withCheckedContinuation { continuation in
            threads.shutdownGracefully { _ in continuation.resume() }
        }
    }
}

/// The pool's threads have ended; nothing runs any more.
public struct PoolWasShutDown: Error, Hashable {}
