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
        try await withCheckedThrowingContinuation { continuation in
            submit { isActive in
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
        submit { isActive in
            work(isActive)
            return {}
        }
    }

    /// - Parameter work: answers what is left to do once the thread counts as free.
    private func submit(_ work: @escaping @Sendable (_ isActive: Bool) -> () -> Void) {
        waitingCount.add(1, ordering: .relaxed)
        threads.submit { state in
            self.waitingCount.subtract(1, ordering: .relaxed)
            guard case .active = state else { return work(false)() }
            self.runningCount.add(1, ordering: .relaxed)
            let afterwards = work(true)
            self.runningCount.subtract(1, ordering: .relaxed)
            afterwards()
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
public struct PoolWasShutDown: Error, Hashable {
    public init() {}
}
