import AnnexProtocol
import FileIO
import Hosting
import Locations
import SystemPackage
import Testing

@testable import WebService

/// What clients are told of errors.
@Suite struct ServiceErrorTests {
    @Test(
        "errors that are nobody's mistake can be told from defects",
        arguments: [
            (CancellationError() as any Error, 503), (LocationError(.busy, "full"), 503),
            (LocationError(.forbidden, "no"), 403), (LocationError.notEnoughSpace(missing: 5), 507),
            (HostingError.refused("no"), 403), (BodyBroken(), 408), (Unknown(), 500),
        ])
    func statuses(error: any Error, status: Int) {
        let answer = ServiceError(error)
        #expect(answer.status == status)
        #expect(answer.headers.contains { $0.0 == "Retry-After" } == (status == 503))
        #expect(!answer.reason.isEmpty)
    }

    @Test(
        "each failure of a place has a status of its own kind, and the place's words",
        arguments: [
            (LocationError.Code.unreachable, 502), (.timedOut, 504), (.full, 507), (.forbidden, 403),
            (.unauthenticated, 502), (.busy, 503), (.misbehaved, 502), (.loop, 508), (.notConfigured, 502),
            (.gone, 404), (.reconfigured, 503), (.failed, 500),
        ])
    func places(code: LocationError.Code, status: Int) {
        let answer = ServiceError(LocationError(code, "node1 is down"))
        #expect(answer.status == status)
        #expect(answer.reason == "node1 is down")
    }

    @Test("what a repository on this machine meets is told without the paths of the machine")
    func causes() {
        let inner = FileError(operation: "open", path: "/secret/place", code: .ioError)
        for cause in [inner as any Error, HostingError.unfit(RepositoryName("a")!, "it is at /secret/place")] {
            let answer = ServiceError(cause)
            #expect(answer.status == 500 && !answer.reason.contains("secret"), "\(answer.reason)")
        }
        #expect(ServiceError(FileError(operation: "open", path: "/x", code: .tooManyOpenFiles)).status == 503)
        #expect(ServiceError(FileError(operation: "open", path: "/x", code: .readOnlyFileSystem)).status == 403)
        #expect(ServiceError(HostingError.gone(RepositoryName("a")!)).status == 404)
        #expect(ServiceError(HostingError.exists(RepositoryName("a")!)).status == 409)
    }

    @Test func missingSpaceTellsOfTheReserveInIt() {
        let plain = ServiceError(LocationError.notEnoughSpace(missing: 18_600_000))
        #expect(plain.reason == "Not enough space: need 18.6 MB more")
        let kept = ServiceError(LocationError.notEnoughSpace(missing: 78_100_000, reserve: 100_000_000))
        #expect(
            kept.reason == "Not enough space: need 78.1 MB more, so that 100 MB stay free (annex.diskreserve)")
    }

    private struct Unknown: Error {}
}
