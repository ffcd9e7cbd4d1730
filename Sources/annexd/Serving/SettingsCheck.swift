import Blocking
import FileIO
import Glibc
import HTTPTransport
import Logging
import Remotes
import Settings
import SystemPackage
import WebService

/// What `annexd serve` would say of settings that are fine in themselves, found without starting. Blocking.
///
/// Each check is the very code that the start uses, so that both say the same.
struct SettingsCheck {
    let settings: Settings

    /// One sentence for each thing that would stop the start, or would fail soon after it.
    func problems() async -> [String] {
        var problems: [String] = []
        func attempt(_ check: () throws -> Void) {
            do { try check() } catch { problems.append("\(error)") }
        }
        attempt { try Self.requireRoot(settings) }
        attempt { _ = try Self.addresses(settings) }
        attempt { _ = try Self.publicAddress(settings) }
        attempt { _ = try Self.trustedProxies(settings) }
        if let files = Self.tlsFiles(settings) { attempt { try files.check() } }
        let pool = BlockingPool(threadCount: 1)
        let quiet = Logger(label: "annexd") { _ in SwiftLogNoOpLogHandler() }
        if let file = settings.proxy.credentialsFile {
            attempt { try CredentialFile(FilePath(file), pool: pool).check() }
        }
        do {
            await (try RemoteConnections(settings, pool: pool, logger: quiet)).shutdown()
        } catch {
            problems.append("\(error)")
        }
        await pool.shutdown()
        return problems
    }

    /// The root folder is there and can be used, or can be made. Settings without one pass: `--root` may name it.
    static func requireRoot(_ settings: Settings) throws {
        guard let named = settings.server.root else { return }
        let path = FilePath(named)
        if let status = try Files.status(path) {
            guard status.kind == .directory else { throw Failure("the root \"\(named)\" is no folder") }
            try requireAccess(path, "the root folder")
            return
        }
        // More than one missing folder is a mistake in the path rather than a place for a fresh root.
        let parent = path.absolute.removingLastComponent()
        guard try Files.status(parent)?.kind == .directory else {
            throw Failure("the root folder \"\(named)\" cannot be made: there is no folder \"\(parent)\"")
        }
        try requireAccess(parent, "the folder of the root")
    }

    /// A file system that is read-only is no obstacle: readers are served all the same.
    private static func requireAccess(_ folder: FilePath, _ what: String) throws {
        guard folder.withPlatformString({ access($0, R_OK | W_OK | X_OK) }) != 0, errno != EROFS else { return }
        let code = Errno(rawValue: errno)
        let owner = (try? RootOwner(of: folder))?.name ?? "somebody"
        throw Failure("\(what) \"\(folder)\" belongs to \(owner) and cannot be read and written: \(code)")
    }

    static func addresses(_ settings: Settings) throws -> [ServerAddress] {
        try settings.server.listen.map { text in
            switch ListenAddress(text) {
            case .tcp(let host, let port): .tcp(host: host, port: port)
            case .unix(let path): .unix(FilePath(path))
            case nil: throw Failure("\"\(text)\" is no address to listen on")
            }
        }
    }

    static func publicAddress(_ settings: Settings) throws -> PublicAddress? {
        guard let url = settings.server.publicURL else { return nil }
        guard let address = PublicAddress(url: url) else {
            throw Failure("the public URL \"\(url)\" is not an http or https URL")
        }
        return address
    }

    static func trustedProxies(_ settings: Settings) throws -> TrustedProxies {
        guard let proxies = TrustedProxies(settings.server.trustedProxies) else {
            throw Failure("server.trusted_proxies must hold numeric addresses, and \"unix\" for Unix sockets")
        }
        return proxies
    }

    static func tlsFiles(_ settings: Settings) -> TLSFiles? {
        guard let certificate = settings.tls.certificate, let key = settings.tls.key else { return nil }
        return TLSFiles(certificateChain: certificate, privateKey: key)
    }
}
