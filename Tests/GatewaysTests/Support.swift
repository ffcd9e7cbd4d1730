import AnnexProtocol
import Blocking
import FileIO
import GitHost
import Glibc
import Hosting
import Logging
import Remotes
import SystemPackage
import Testing

@testable import Gateways

/// A root folder of its own for each test, with every kind of remote.
final class Site: Sendable {
    let folder: RootFolder
    let services: HostServices
    let gateways: Gateways
    /// Of the whole process; no test here connects anywhere.
    private static let connections = Result {
        try RemoteConnections(
            settings: RemoteSettings(), credentials: CredentialChain([]), pool: BlockingPool(threadCount: 1),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    init(commitDelay: Duration = .milliseconds(50), besides more: [any RemoteDriver] = []) throws {
        var template = Array("/tmp/annexd-gateways-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        folder = RootFolder(FilePath(platformString: made))
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let pool = BlockingPool(threadCount: 4)
        services = HostServices(
            pool: pool, locks: LockTable(limit: 100, limitPerClient: 100), logger: logger, commitDelay: commitDelay)
        let catalog = Catalog(root: folder, services: services)
        gateways = Gateways(
            catalog, drivers: more + [AnnexHTTPDriver(try Self.connections.get()), LocalRepositoryDriver(catalog)])
    }

    deinit { try? Files.removeTree(folder.path) }

    var catalog: Catalog { gateways.catalog }
    var manager: RepositoryManager { RepositoryManager(root: folder, services: services) }
}

func name(_ text: String) throws -> RepositoryName { try #require(RepositoryName(text)) }

extension ProxyConfiguration {
    /// What a repository at `/srv/x.git` with this configuration has.
    init(parsing text: String) throws {
        try self.init(try GitConfig(parsing: Array(text.utf8)), top: "/srv/x.git", Site().gateways.drivers)
    }

    /// What becomes of a request for a repository where proxy.log lists this.
    func decide(_ uuid: RepositoryUUID, served: Set<ProxyLog.Entry>) -> ProxyGate {
        ProxyRoutes(self, served: served).decide(uuid)
    }
}
