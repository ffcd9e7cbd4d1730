import AnnexProtocol
import Glibc
import Hosting
import Settings

/// The URLs under which people reach a server and its repositories.
enum ServerURL {
    /// Where a server with these settings is reached, the best first; none where it listens on Unix sockets alone.
    static func urls(_ settings: Settings) -> [String] {
        let scheme = settings.tls.certificate == nil ? "http" : "https"
        let addresses = settings.server.listen.filter { !$0.hasPrefix("unix:") }.map { "\(scheme)://\($0)/" }
        return (settings.server.publicURL.map { [$0] } ?? []) + addresses
    }

    /// The URL of a repository below the first of `urls` that is one of HTTP.
    static func url(of name: RepositoryName, among urls: [String]) -> String? {
        guard var base = urls.first(where: { $0.hasPrefix("http://") || $0.hasPrefix("https://") }) else { return nil }
        // "All addresses" is no address that a client could use.
        for wildcard in ["//0.0.0.0:", "//[::]:"] { base = base.replacing(wildcard, with: "//\(hostName):") }
        while base.hasSuffix("/") { base.removeLast() }
        let path = name.components.map { String(decoding: PercentEncoding.encode($0.utf8), as: UTF8.self) }
        return base + "/" + path.joined(separator: "/")
    }

    private static var hostName: String {
        var bytes = [UInt8](repeating: 0, count: 256)
        let status = bytes.withUnsafeMutableBytes {
            gethostname($0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count - 1)
        }
        let name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        return status == 0 && !name.isEmpty ? name : "localhost"
    }
}
