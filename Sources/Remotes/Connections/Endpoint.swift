/// Where connections go: scheme, host and port.
struct Endpoint: Hashable, Sendable {
    var isSecure: Bool
    /// As in a URL, an IPv6 address in brackets.
    var host: String
    var port: Int

    init(isSecure: Bool, host: String, port: Int) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
    }

    init(_ url: AnnexURL) { self.init(isSecure: url.isSecure, host: url.host, port: url.port) }

    var url: String { "http\(isSecure ? "s" : "")://\(authority)" }

    /// The value of the `Host` header.
    var authority: String { "\(host):\(port)" }
}
