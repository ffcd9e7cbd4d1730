import AnnexProtocol
import Blocking
import FileIO
import Glibc
import Logging
import SystemPackage
import Testing

@testable import Hosting

/// A root folder of its own for each test.
final class Root: Sendable {
    let folder: RootFolder
    let services: HostServices

    init(commitDelay: Duration = .milliseconds(50)) throws {
        var template = Array("/tmp/annexd-hosting-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        folder = RootFolder(FilePath(platformString: made))
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let pool = BlockingPool(threadCount: 4)
        services = HostServices(
            pool: pool, locks: LockTable(limit: 100, limitPerClient: 100), logger: logger,
            commitDelay: commitDelay)
    }

    deinit { try? Files.removeTree(folder.path) }

    var manager: RepositoryManager { RepositoryManager(root: folder, services: services) }
    var catalog: Catalog { Catalog(root: folder, services: services) }
}

func name(_ text: String) throws -> RepositoryName { try #require(RepositoryName(text)) }
