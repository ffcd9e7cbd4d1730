public import Blocking
public import Logging
import NIOCore
import NIOPosix
import Synchronization

/// An HTTP/1.1 server: accepts connections, gives each request to one handler, and sends its response.
///
/// To run it as a lifecycle service, `start()` it, await ``waitUntilShutdown()``, and call ``shutdown(deadline:)`` on a
/// graceful shutdown.
public final class HTTPServer: Sendable {
    /// Answers one request, through the responder. Cancelled when the client is gone. A handler that returns without an
    /// answer causes a 500; one that returns in the middle of an answer, a broken connection.
    public typealias Handler = @Sendable (Request, Responder) async -> Void

    private enum State {
        case new
        case running(Running)
        case stopping
        case stopped
    }

    private struct Running: Sendable {
        var group: MultiThreadedEventLoopGroup
        var core: ServerCore
        var listeners: [Listener]
        var tls: TLSIdentity?
    }

    public let statistics = TransportStatistics()
    private let configuration: TransportConfiguration
    private let handler: Handler
    private let pool: BlockingPool
    private let logger: Logger
    private let state = Mutex(State.new)
    private let finished = Latch()

    /// - Parameter pool: where files are read; it stays the caller's to shut down.
    public init(
        configuration: TransportConfiguration, pool: BlockingPool, logger: Logger, handler: @escaping Handler
    ) {
        self.configuration = configuration
        self.pool = pool
        self.logger = logger
        self.handler = handler
    }

    /// Listens on every address, or on none of them, and says which ports were chosen.
    ///
    /// Throws ``TransportError``: `addressInUse`, `badAddress`, `badCertificate`, or `wrongState` when started before.
    public func start() async throws -> [BoundAddress] {
        let isFirst = state.withLock { state in
            guard case .new = state else { return false }
            state = .stopping
            return true
        }
        guard isFirst else { throw TransportError(.wrongState, "start the server: it was started before") }
        let group = configuration.eventLoops ?? MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        var listeners: [Listener] = []
        do {
            let tls = try await pool.run { [configuration] in try configuration.tls.map { try TLSIdentity($0) } }
            let core = ServerCore(
                configuration: configuration, handler: handler, pool: pool, statistics: statistics, logger: logger,
                loops: group.makeIterator().map { $0 })
            let count = ConnectionCount(core: core)
            let binding = Binding(core: core, count: count, group: group, tls: tls)
            for address in configuration.addresses { listeners.append(try await binding.listen(address)) }
            let running = Running(group: group, core: core, listeners: listeners, tls: tls)
            state.withLock { $0 = .running(running) }
            return listeners.map(\.bound)
        } catch {
            for listener in listeners { await listener.close() }
            await end(group)
            state.withLock { $0 = .stopped }
            finished.open()
            throw error
        }
    }

    /// Returns when the server has shut down, or when the calling task is cancelled.
    public func waitUntilShutdown() async {
        await finished.wait()
    }

    /// Reads the certificate files again, for new connections; the old pair stays when the new one cannot be used.
    ///
    /// - Returns: whether there are any.
    public func reloadCertificates() async throws -> Bool {
        guard case .running(let running) = state.withLock({ $0 }), let tls = running.tls else { return false }
        try await pool.run { try tls.reload() }
        return true
    }

    /// Stops accepting, closes idle connections, gives running requests until `deadline` and then cancels them.
    ///
    /// Returns when everything is closed. Handlers that ignore their cancellation are left behind after five seconds.
    public func shutdown(deadline: Duration) async {
        let running: Running? = state.withLock { state in
            guard case .running(let running) = state else { return nil }
            state = .stopping
            return running
        }
        guard let running else { return }
        for listener in running.listeners { await listener.close() }
        running.core.beginShutdown()
        if await !quiet(running.core, within: deadline) {
            logger.info("cancelling requests that did not end in time")
            running.core.cancelAll()
        }
        if await quiet(running.core, within: .seconds(5)) {
            await end(running.group)
        } else {
            // Their event loops must stay, or the tasks could never be resumed.
            logger.error("handlers ignored their cancellation")
        }
        state.withLock { $0 = .stopped }
        finished.open()
    }

    private func end(_ group: MultiThreadedEventLoopGroup) async {
        if configuration.eventLoops == nil { try? await group.shutdownGracefully() }
    }

    private func quiet(_ core: ServerCore, within limit: Duration) async -> Bool {
        let end = ContinuousClock.now + limit
        while !core.isQuiet {
            if ContinuousClock.now >= end { return false }
            // Not cancellable: a shutdown that was begun is carried through.
            await Task.detached { try? await Task.sleep(for: .milliseconds(5)) }.value
        }
        return true
    }
}
