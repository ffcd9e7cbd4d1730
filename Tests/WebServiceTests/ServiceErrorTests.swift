import Hosting
import Locations
import Testing

@testable import WebService

/// What clients are told of errors.
@Suite struct ServiceErrorTests {
    @Test(
        "errors that are nobody's mistake can be told from defects",
        arguments: [
            (CancellationError() as any Error, 503), (Refusal.overloaded(reason: "full"), 503),
            (Refusal.forbidden(reason: "no"), 403),
            (Refusal.notEnoughSpace(missing: 5), 507), (HostingError.refused("no"), 403), (BodyBroken(), 408),
            (Unknown(), 500),
        ])
    func statuses(error: any Error, status: Int) {
        let answer = ServiceError(error)
        #expect(answer.status == status)
        #expect(answer.headers.contains { $0.0 == "Retry-After" } == (status == 503))
        #expect(!answer.reason.isEmpty)
    }

    private struct Unknown: Error {}
}
