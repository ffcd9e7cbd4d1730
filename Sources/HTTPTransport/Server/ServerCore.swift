import Blocking
import Logging
import NIOCore
import Synchronization

/// What all connections of a server share.
final class ServerCore: Sendable {
    let configuration: TransportConfiguration
    let handler: HTTPServer.Handler
    let pool: BlockingPool
    let statistics: TransportStatistics
    let logger: Logger
    let date = DateText()
    private let executors: [ObjectIdentifier: LoopExecutor]
    private let requestCounter: Atomic<UInt64>
    private let registry = Mutex<[ObjectIdentifier: Connection]>([:])
    private let shuttingDown = Atomic<Bool>(false)

    init(
        configuration: TransportConfiguration, handler: @escaping HTTPServer.Handler, pool: BlockingPool,
        statistics: TransportStatistics, logger: Logger, loops: [any EventLoop]
    ) {
        self.configuration = configuration
        self.handler = handler
        self.pool = pool
        self.statistics = statistics
        self.logger = logger
        requestCounter = Atomic(UInt64.random(in: 0...UInt64.max))
        var executors: [ObjectIdentifier: LoopExecutor] = [:]
        if configuration.runsHandlersOnEventLoops {
            for loop in loops { executors[ObjectIdentifier(loop)] = LoopExecutor(loop) }
        }
        self.executors = executors
    }

    func executor(for loop: any EventLoop) -> (any TaskExecutor)? { executors[ObjectIdentifier(loop)] }

    /// Thirteen characters, different for 2^64 requests in a row.
    func nextRequestID() -> String {
        // Multiplication by an odd number keeps values distinct and spreads them out.
        let number = requestCounter.wrappingAdd(1, ordering: .relaxed).newValue &* 0x9E37_79B9_7F4A_7C15
        return String(number, radix: 32)
    }

    func add(_ connection: Connection) {
        registry.withLock { $0[ObjectIdentifier(connection)] = connection }
        if shuttingDown.load(ordering: .acquiring) { connection.beginShutdown() }
    }

    func remove(_ connection: Connection) {
        _ = registry.withLock { $0.removeValue(forKey: ObjectIdentifier(connection)) }
    }

    /// The connections that have been without a request since that time or before.
    func idleConnections(until limit: NIODeadline) -> [GivingWay<Connection>.Candidate] {
        registry.withLock { registry in
            registry.values.compactMap { connection in
                guard let since = connection.idleSince, since <= limit.uptimeNanoseconds else { return nil }
                return GivingWay.Candidate(name: connection, client: connection.client, since: since)
            }
        }
    }

    /// Closes idle connections now and the others after their response.
    func beginShutdown() {
        shuttingDown.store(true, ordering: .releasing)
        for connection in registry.withLock({ Array($0.values) }) {
            connection.onLoop { connection.beginShutdown() }
        }
    }

    /// Cancels every handler and closes every connection.
    func cancelAll() {
        for connection in registry.withLock({ Array($0.values) }) {
            connection.onLoop { connection.cancelNow() }
        }
    }

    var isQuiet: Bool { registry.withLock { $0.isEmpty } && statistics.runningRequests == 0 }
}
