public import SystemPackage

/// Where a server accepts connections.
public enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// A host name or numeric address, and a port; port 0 lets the kernel choose.
    case tcp(host: String, port: Int)
    /// A Unix domain socket.
    case unix(FilePath)
    /// A listening descriptor that was opened by somebody else, such as systemd. The server takes it over.
    case inherited(Int32)

    /// Parses `127.0.0.1:9417`, `[::]:9417`, `localhost:0`, `unix:/path` and `fd:3`.
    public init(parsing text: String) throws(TransportError) {
        func refuse(_ why: String) -> TransportError {
            TransportError(.badAddress, "listen address \"\(text)\": \(why)")
        }
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/") else { throw refuse("the path of a Unix socket must be absolute") }
            guard path.utf8.count < 108 else { throw refuse("the path of a Unix socket is at most 107 bytes long") }
            self = .unix(FilePath(path))
            return
        }
        if text.hasPrefix("fd:") {
            guard let descriptor = Int32(text.dropFirst(3)), descriptor >= 0 else {
                throw refuse("no descriptor number")
            }
            self = .inherited(descriptor)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { throw refuse("expected HOST:PORT or unix:/PATH") }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(digits), port <= 65535
        else { throw refuse("the port must be a number from 0 to 65535") }
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.count > 2 else { throw refuse("expected [ADDRESS]:PORT") }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw refuse("an IPv6 address must be in brackets, such as [::1]:9417")
        }
        guard !host.isEmpty else { throw refuse("the host is missing; use 0.0.0.0 or [::] for every address") }
        self = .tcp(host: String(host), port: port)
    }

    /// The text that ``init(parsing:)`` reads.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        case .inherited(let descriptor): "fd:\(descriptor)"
        }
    }
}

/// An address that a started server really listens on, with the port that the kernel chose.
public struct BoundAddress: Sendable, Hashable, CustomStringConvertible {
    /// What was asked for.
    public var requested: ListenAddress
    /// What came of it; `tcp` or `unix`, also for an inherited descriptor.
    public var actual: ListenAddress

    /// The TCP port, or nil for a Unix socket.
    public var port: Int? {
        if case .tcp(_, let port) = actual { port } else { nil }
    }

    public var description: String { actual.description }
}
