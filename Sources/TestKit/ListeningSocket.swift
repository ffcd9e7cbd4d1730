import Foundation

/// A socket that accepts connections on behalf of a server that need not be running, as systemd holds one.
public final class ListeningSocket: Sendable {
    public let descriptor: Int32

    private init(_ family: Int32) throws {
        let made = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard made >= 0 else { throw TestKitError(.system, "socket: errno \(errno)") }
        // Out of the way of the numbers that it will have in the server.
        descriptor = fcntl(made, F_DUPFD_CLOEXEC, 200)
        Glibc.close(made)
    }

    deinit { Glibc.close(descriptor) }

    /// On a free port of 127.0.0.1.
    public static func tcp() throws -> ListeningSocket {
        let socket = try ListeningSocket(AF_INET)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        try socket.listen(&address)
        return socket
    }

    public static func unix(_ path: String) throws -> ListeningSocket {
        let socket = try ListeningSocket(AF_UNIX)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw TestKitError(.system, "the path \(path) is too long for a socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        try socket.listen(&address)
        return socket
    }

    private func listen<Address>(_ address: inout Address) throws {
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        guard status == 0, Glibc.listen(descriptor, 64) == 0 else {
            throw TestKitError(.system, "listen: errno \(errno)")
        }
    }
}

extension ListeningSocket {
    /// A socket on a free port of 127.0.0.1, which the caller closes.
    ///
    /// - Parameter backlog: how many connections wait to be accepted; nil to refuse them all.
    static func onFreePort(backlog: Int32?) throws -> (descriptor: Int32, port: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard bind(descriptor, generic, length) == 0 else { return Int32(-1) }
                if let backlog, Glibc.listen(descriptor, backlog) != 0 { return -1 }
                return getsockname(descriptor, generic, &length)
            }
        }
        guard status == 0 else {
            defer { Glibc.close(descriptor) }
            throw TestKitError(.system, "no free port: errno \(errno)")
        }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }
}
