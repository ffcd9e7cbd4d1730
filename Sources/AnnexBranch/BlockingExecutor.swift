/// Where blocking file work runs, so that it never holds a thread of the cooperative pool.
public protocol BlockingExecutor: Sendable {
    /// Runs `work` on a thread that may wait, and answers what it returned.
    func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result
}
