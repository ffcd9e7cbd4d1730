import AnnexProtocol
import Telemetry

/// What a login is for: a URL taken apart as git-credential(1) does.
public struct CredentialPlace: Sendable {
    /// `http`, `https`, `annex+http` or `annex+https`; in lower case.
    public let scheme: String
    /// As in the URL, an IPv6 address in brackets.
    public let host: String
    /// The one that the URL names, or the scheme's own.
    public let port: Int
    /// As in the URL, without slashes at both ends.
    public let path: String
    /// The user whom the URL names.
    public let user: [UInt8]?
    let credentials: Secret<BasicCredentials>?

    /// Nil for URLs of other schemes.
    public init?(url text: String) {
        guard let end = text.utf8.firstRange(of: Array("://".utf8)) else { return nil }
        let scheme = text[..<end.lowerBound].lowercased()
        guard let standardPort = Self.standardPorts[scheme] else { return nil }
        var rest = text[end.upperBound...]
        if let end = rest.firstIndex(where: { $0 == "?" || $0 == "#" }) { rest = rest[..<end] }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<slash]
        var userInfo: Substring?
        if let at = authority.lastIndex(of: "@") {
            userInfo = authority[..<at]
            authority = authority[authority.index(after: at)...]
        }
        // The rules for host and port are those of annex URLs.
        guard let url = AnnexURL("annex+http://\(authority)") else { return nil }
        let hasPort = authority.last != "]" && authority.contains(":") && authority.last != ":"
        self.init(
            scheme: scheme, host: url.host, port: hasPort ? url.port : standardPort, path: String(rest[slash...]),
            userInfo: userInfo.map(String.init))
    }

    init(_ url: AnnexURL) {
        self.init(
            scheme: url.isSecure ? "annex+https" : "annex+http", host: url.host, port: url.port, path: url.basePath,
            userInfo: url.userInfo)
    }

    private init(scheme: String, host: String, port: Int, path: String, userInfo: String?) {
        self.scheme = scheme
        self.host = host
        self.port = port
        var path = path[...]
        while path.first == "/" { path.removeFirst() }
        while path.last == "/" { path.removeLast() }
        self.path = String(path)
        let parts = userInfo?.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            .map { (try? PercentEncoding.decode(Array($0.utf8))) ?? Array($0.utf8) }
        user = parts?.first.flatMap { $0.isEmpty ? nil : $0 }
        if let user, let parts, parts.count == 2 {
            credentials = Secret(BasicCredentials(user: user, password: parts[1]))
        } else {
            credentials = nil
        }
    }

    private static let standardPorts = [
        "http": 80, "https": 443, "annex+http": AnnexURL.defaultPort, "annex+https": AnnexURL.defaultPort,
    ]

    /// Whether the scheme is one of plain HTTP, as git remotes have it.
    var isHTTP: Bool { scheme == "http" || scheme == "https" }
    var isSecure: Bool { scheme.hasSuffix("https") }

    /// Host, and port where it is not the scheme's own.
    var authority: String { port == Self.standardPorts[scheme] ? host : "\(host):\(port)" }

    /// The place as a URL without secrets, for messages.
    var shown: String { "\(scheme)://\(authority)\(path.isEmpty ? "" : "/\(path)")" }

    /// Port and scheme do not matter here (spec 01 §6.8).
    func hasSameHost(as other: CredentialPlace) -> Bool { host.lowercased() == other.host.lowercased() }
}

extension CredentialPlace: Hashable {
    public static func == (left: CredentialPlace, right: CredentialPlace) -> Bool {
        left.shown == right.shown && left.user == right.user
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(shown)
        hasher.combine(user)
    }
}

extension CredentialPlace: CustomStringConvertible {
    public var description: String { shown }
}
