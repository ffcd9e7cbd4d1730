import Blocking
import GitHost
import Hosting
import Telemetry

/// Who may see `/-/metrics`: they tell how much is going on, though no names.
public enum MetricsPolicy: String, Sendable {
    /// Who asks from this machine.
    case local
    /// Also those who may read repositories.
    case readers
    case everyone = "public"
}

/// `/-/health`, `/-/ready` and `/-/metrics`.
struct OperationsService {
    let context: ServiceContext
    let exchange: Exchange

    func run(_ operation: Route.Operations) async throws {
        exchange.note(repository: nil, operation: "operations")
        let plain = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
        switch operation {
        case .health:
            try await exchange.respond(status: 200, headers: plain, body: Array("ok\n".utf8))
        case .ready:
            try await context.waitUntilReady()
            let pool = context.catalog.services.pool
            let readiness = Readiness(
                stuck: pool.stuck(), threads: pool.threadCount, git: GitChildren.all.stuck())
            try await exchange.respond(
                status: readiness.status, headers: plain, body: Array("\(readiness.text)\n".utf8))
        case .metrics:
            guard maySeeMetrics else {
                throw ServiceError.forbidden("the metrics of this server are not for everybody (server.metrics)")
            }
            try await exchange.respond(
                status: 200, headers: [("Content-Type", MetricsRegistry.contentType), ("Cache-Control", "no-store")],
                body: Array(context.metrics.registry.text().utf8))
        }
    }

    private var maySeeMetrics: Bool {
        switch context.metricsAccess {
        case .everyone: true
        case .readers: exchange.isLocal || context.mayRead(exchange)
        case .local: exchange.isLocal
        }
    }
}
