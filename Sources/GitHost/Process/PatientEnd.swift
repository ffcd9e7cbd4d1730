import Synchronization

/// Lets a process end by itself when the work with it fails or is cancelled: its input ends, and its output is read on.
///
/// The Subprocess library would close the pipes of a cancelled task at once. A git that has something to say then ends
/// by SIGPIPE and leaves its temporary folders behind (seen with `receive-pack` of git 2.39).
final class PatientEnd: Sendable {
    private let patience: Duration
    private let work = Mutex<(cancel: @Sendable () -> Void, isCancelled: Bool)>(({}, false))

    /// - Parameter patience: how long the process may take to end.
    init(_ patience: Duration) { self.patience = patience }

    /// - Parameter launch: runs the process while it runs its argument; is not cancelled with the task.
    func run<Result: Sendable, Output: Sendable>(
        _ body: @escaping @Sendable (GitProcess) async throws -> Result,
        launch: @escaping @Sendable (@escaping @Sendable (GitProcess) async throws -> Result) async throws -> Output
    ) async throws -> Output {
        let run = Task {
            try await launch { process in
                let work = Task { try await body(process) }
                self.attach { work.cancel() }
                do {
                    return try await work.value
                } catch {
                    await self.end(process)
                    throw error
                }
            }
        }
        let output = try await withTaskCancellationHandler {
            try await run.value
        } onCancel: {
            cancel()
        }
        try Task.checkCancellation()
        return output
    }

    private func attach(_ cancel: @escaping @Sendable () -> Void) {
        let isCancelled = work.withLock { work in
            work.cancel = cancel
            return work.isCancelled
        }
        if isCancelled { cancel() }
    }

    private func cancel() {
        work.withLock { work in
            work.isCancelled = true
            return work.cancel
        }()
    }

    private func end(_ process: GitProcess) async {
        try? await process.finish()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await process.output.discardRest(limit: .max) }
            group.addTask { [patience] in try? await Task.sleep(for: patience) }
            await group.next()
            group.cancelAll()
        }
    }
}
