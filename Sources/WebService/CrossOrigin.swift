/// Which web pages may use this host from within a browser: the CORS protocol of the Fetch standard.
///
/// Pages send a login themselves, in `Authorization`. Cookies and logins that the browser remembers are never allowed,
/// so a page can do nothing in a person's name that it has no login for.
public struct CrossOrigin: Sendable {
    private let origins: Set<String>
    private var allowsAll: Bool { origins.contains("*") }

    /// - Parameter origins: such as `https://app.example.org`, or `*` for every page; none turns it off.
    public init(_ origins: [String] = []) { self.origins = Set(origins.map { $0.lowercased() }) }

    /// What every answer to a request from this origin carries; nil where the page may not use this host.
    func headers(for origin: String?) -> [(String, String)]? {
        guard let origin, allowsAll || origins.contains(origin) else { return nil }
        return [
            ("Access-Control-Allow-Origin", allowsAll ? "*" : origin), ("Access-Control-Expose-Headers", Self.exposed),
        ]
            + variation
    }

    /// What answers to all others carry, for caches on the way.
    var variation: [(String, String)] { origins.isEmpty || allowsAll ? [] : [("Vary", "Origin")] }

    /// What the answer to a preflight carries besides.
    static let preflight = [
        ("Access-Control-Allow-Methods", "GET, HEAD, POST"),
        (
            "Access-Control-Allow-Headers",
            "Accept, Authorization, Content-Encoding, Content-Type, Git-Protocol, If-Match, If-None-Match, If-Range, "
                + "Range, X-git-annex-data-length"
        ),
        ("Access-Control-Max-Age", "7200"),
    ]

    private static let exposed =
        "Accept-Ranges, Content-Length, Content-Range, ETag, Retry-After, WWW-Authenticate, X-git-annex-data-length"
}
