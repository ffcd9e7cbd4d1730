import NIOPosix

/// A fixed number of threads for calls that may wait: disk, fsync, digests of large data.
///
/// Event loops and the cooperative pool never wait for a disk; the bound keeps a slow disk from growing threads.
public final class BlockingPool: Sendable {
    private let threads: NIOThreadPool

    /// - Parameter size: the number of threads.
    public init(size: Int) {
        threads = NIOThreadPool(numberOfThreads: size)
        threads.start()
    }

    /// Runs `work` on one of the threads and answers what it answers. Work that has started is not interrupted.
    public func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await threads.runIfActive(work)
    }

    /// Lets queued work finish and ends the threads.
    public func shutdown() async throws { try await threads.shutdownGracefully() }
}
