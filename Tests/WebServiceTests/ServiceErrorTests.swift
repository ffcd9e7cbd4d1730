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

    @Test func missingSpaceTellsOfTheReserveInIt() {
        let plain = ServiceError(Refusal.notEnoughSpace(missing: 18_600_000))
        #expect(plain.reason == "Not enough space: need 18.6 MB more")
        let kept = ServiceError(Refusal.notEnoughSpace(missing: 78_100_000, reserve: 100_000_000))
        #expect(
            kept.reason == "Not enough space: need 78.1 MB more, so that 100 MB stay free (annex.diskreserve)")
    }

    private struct Unknown: Error {}
}
