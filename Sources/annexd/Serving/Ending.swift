import Dispatch
import GitHost
import Glibc
import HTTPTransport
import Hosting
import Logging
import Remotes
import Synchronization

/// How the host ends: in steps, of which each has a time by which it is given up.
///
/// A thread can be stuck in the file system for ever, at a disk that does not answer. Whoever waits for it is stuck as
/// well; so nothing here waits without end, and what does not end by itself is ended by the end of the process. Nothing
/// is lost by that: whatever was acknowledged is on disk.
struct Ending: Sendable {
    let server: HTTPServer
    let catalog: Catalog
    let locks: LockTable
    let remotes: RemoteConnections
    /// How long requests may go on.
    let patience: Duration
    let logger: Logger

    /// How long each of the other steps may take.
    private static let step = Duration.seconds(10)
    /// How long the process may take for everything, beyond the time that requests have.
    static let slack = Duration.seconds(30)

    func run() async {
        LastResort.exit(after: patience + Self.slack, logger)
        async let requests: Void = server.shutdown(deadline: patience)
        // First, and while requests still go on: clients count on this whatever becomes of us.
        await bounded("the protection of locked content was not written anew") { await locks.detachAll() }
        await requests
        await bounded("a journal was not committed; the next start goes on with it") { await catalog.closeAll() }
        await bounded("connections to remotes were not closed") { await remotes.shutdown() }
        // What still waits in the file system has nobody left to work for.
        GitChildren.all.killAll()
        // For those who are told to end when this returns: the control socket, the scan of the root, packing.
        LastResort.exit(after: Self.step, logger)
    }

    private func bounded(_ consequence: StaticString, _ body: @escaping @Sendable () async -> Void) async {
        let logger = logger
        let ends = AsyncStream<Bool>.makeStream()
        // Neither is waited for when the other one ends: the process does not outlive them for long.
        Task {
            await body()
            ends.continuation.yield(true)
        }
        Task {
            try? await Task.sleep(for: Self.step)
            ends.continuation.yield(false)
        }
        // Not ended by the cancellation of this task, as which the end of the host is told.
        let isDone = await Task { await ends.stream.first { _ in true } ?? false }.value
        if !isDone { logger.error("\(consequence)") }
    }
}

/// The end of the process whatever its threads do.
enum LastResort {
    private static let isNeeded = Atomic(true)

    /// The host has ended by itself; what is left to do may take its time.
    static func standDown() { isNeeded.store(false, ordering: .relaxed) }

    fileprivate static func exit(after delay: Duration, _ logger: Logger) {
        // A thread of its own: those of the tasks may be stuck, too.
        let queue = DispatchQueue(label: "annexd.end")
        queue.asyncAfter(deadline: .now() + delay / .seconds(1)) {
            guard isNeeded.load(ordering: .relaxed) else { return }
            GitChildren.all.killAll()
            logger.error("something is stuck; the process ends without it")
            _exit(1)
        }
    }
}
