/// An address to listen on, as `--listen` and `server.listen` write it.
public enum ListenAddress: Hashable, Sendable {
    /// `127.0.0.1:9417`, `[::]:9417`, `localhost:0`; the host is without brackets.
    case tcp(host: String, port: Int)

    /// `unix:/path`
    case unix(path: String)

    /// The longest path that fits into a `sockaddr_un` with its final NUL.
    static let maximumPathLength = 107

    /// Nil for anything else: a bare port, a missing port, an IPv6 address without brackets, a relative socket path.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst("unix:".count)
            guard path.first == "/", path.utf8.count <= Self.maximumPathLength, !path.utf8.contains(0) else {
                return nil
            }
            self = .unix(path: String(path))
            return
        }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...].utf8
        guard 1...5 ~= digits.count, digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            let port = Int(text[text.index(after: colon)...]), port <= 65_535
        else { return nil }
        var host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = host.dropFirst().dropLast() }
        let allowed = isBracketed ? ".:%-_" : ".-_"
        guard !host.isEmpty, host.contains(":") == isBracketed,
            host.unicodeScalars.allSatisfy({ scalar in
                scalar.isASCII && (Character(scalar).isLetter || Character(scalar).isNumber)
                    || allowed.unicodeScalars.contains(scalar)
            })
        else { return nil }
        self = .tcp(host: String(host), port: port)
    }
}

extension ListenAddress: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
