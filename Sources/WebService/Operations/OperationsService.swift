import Hosting
import Telemetry

/// `/-/health`, `/-/ready` and `/-/metrics`.
struct OperationsService {
    let context: ServiceContext
    let exchange: Exchange

    func run(_ operation: Route.Operations) async throws {
        exchange.note(repository: nil, operation: "operations")
        let plain = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
        switch operation {
        case .health, .ready:
            try await exchange.respond(status: 200, headers: plain, body: Array("ok\n".utf8))
        case .metrics:
            try await exchange.respond(
                status: 200, headers: [("Content-Type", MetricsRegistry.contentType), ("Cache-Control", "no-store")],
                body: Array(context.metrics.registry.text().utf8))
        }
    }
}
