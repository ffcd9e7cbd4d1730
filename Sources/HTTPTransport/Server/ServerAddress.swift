public import SystemPackage

/// Where a server accepts connections.
public enum ServerAddress: Sendable, Hashable, CustomStringConvertible {
    /// A host name or numeric address, and a port; port 0 lets the kernel choose.
    case tcp(host: String, port: Int)
    /// A Unix domain socket.
    case unix(FilePath)
    /// A listening descriptor that was opened by somebody else, such as systemd. The server takes it over.
    case inherited(Int32)

    /// As in settings, and `fd:3` for an inherited descriptor.
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
    public var requested: ServerAddress
    /// What came of it; `tcp` or `unix`, also for an inherited descriptor.
    public var actual: ServerAddress

    /// The TCP port, or nil for a Unix socket.
    public var port: Int? {
        if case .tcp(_, let port) = actual { port } else { nil }
    }

    public var description: String { actual.description }
}
