/// The address of a repository's P2P protocol over HTTP, as `annex.url` and `remote.N.annexUrl` write it
/// (spec 01 §7.3): `annex+http[s]://[user[:password]@]host[:port]/path`.
public struct AnnexURL: Hashable, Sendable {
    public var isSecure: Bool
    /// As written: a name, an IPv4 address, or an IPv6 address in brackets.
    public var host: String
    /// 9417 where the URL names none, for both schemes.
    public var port: Int
    /// The path before `/git-annex/<uuid>/…`: as written and percent-encoded, without slashes at its end. A path of
    /// `/git-annex` is empty.
    public var basePath: String
    /// What stood before `@`, as written and percent-encoded; nil where there was none.
    public var userInfo: String?

    public static let defaultPort = 9417

    /// Nil for anything else, other schemes and upper-case ones included.
    public init?(_ text: String) {
        let schemes = ["annex+http://": false, "annex+https://": true]
        guard let (scheme, isSecure) = schemes.first(where: { text.hasPrefix($0.key) }) else { return nil }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
        var rest = text.dropFirst(scheme.count)
        if let end = rest.firstIndex(where: { $0 == "?" || $0 == "#" }) { rest = rest[..<end] }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<slash]
        if let at = authority.lastIndex(of: "@") {
            userInfo = String(authority[..<at])
            authority = authority[authority.index(after: at)...]
        }
        guard let (host, port) = Self.split(authority) else { return nil }
        self.isSecure = isSecure
        self.host = host
        self.port = port
        var path = rest[slash...]
        while path.last == "/" { path.removeLast() }
        basePath = path == "/git-annex" ? "" : String(path)
    }

    /// Host and port; the port may be empty or missing.
    private static func split(_ authority: Substring) -> (String, Int)? {
        var host = authority
        var port = defaultPort
        let bracket = authority.lastIndex(of: "]") ?? authority.startIndex
        if let colon = authority[bracket...].lastIndex(of: ":") {
            host = authority[..<colon]
            let digits = authority[authority.index(after: colon)...]
            if !digits.isEmpty {
                guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(digits),
                    (1...65_535).contains(number)
                else { return nil }
                port = number
            }
        }
        guard !host.isEmpty, host.first == "[" ? host.last == "]" : !host.contains(where: { "[]:".contains($0) })
        else { return nil }
        return (String(host), port)
    }

    /// `http://host:port/path`, without credentials; what requests start with and messages show.
    public var base: String { "http\(isSecure ? "s" : "")://\(host):\(port)\(basePath)" }
}
