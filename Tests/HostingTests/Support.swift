import AnnexProtocol
import Blocking
import FileIO
import Glibc
import Logging
import Remotes
import SystemPackage
import Testing

@testable import Hosting

/// A root folder of its own for each test.
final class Root: Sendable {
    let folder: RootFolder
    /// Of the whole process; no test here connects anywhere.
    private static let remotes = Result {
        try RemoteConnections(
            settings: RemoteSettings(), credentials: CredentialChain([]), pool: BlockingPool(threadCount: 1),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
    let services: HostServices

    init(commitDelay: Duration = .milliseconds(50)) throws {
        var template = Array("/tmp/annexd-hosting-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        folder = RootFolder(FilePath(platformString: made))
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let pool = BlockingPool(threadCount: 4)
        services = HostServices(
            pool: pool, locks: LockTable(limit: 100, limitPerClient: 100), logger: logger,
            commitDelay: commitDelay, remotes: try Self.remotes.get())
    }

    deinit { try? Files.removeTree(folder.path) }

    var manager: RepositoryManager { RepositoryManager(root: folder, services: services) }
    var catalog: Catalog { Catalog(root: folder, services: services) }
}

func name(_ text: String) throws -> RepositoryName { try #require(RepositoryName(text)) }

extension ProxyConfiguration {
    /// What becomes of a request for a repository where proxy.log lists this.
    func decide(_ uuid: RepositoryUUID, served: Set<ProxyLog.Entry>) -> ProxyGate {
        ProxyRoutes(self, served: served).decide(uuid)
    }
}
