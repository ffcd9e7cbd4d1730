import Foundation

/// A port of 127.0.0.1 where connecting never ends: somebody listens, accepts nobody, and the queue is full.
public final class BlackHole {
    public let port: Int
    private let listener: Int32
    /// Who is in the queue, or would like to be.
    private var waiting: [Int32] = []

    public init() throws {
        (listener, port) = try ListeningSocket.onFreePort(backlog: 0)
        // Until one of them is not let in any more.
        repeat {
            guard waiting.count < 64 else { throw TestKitError(.system, "the queue of port \(port) does not fill up") }
        } while connectOnce()
    }

    /// Whether there was room for one more.
    private func connectOnce() -> Bool {
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_INET, flags, 0)
        waiting.append(descriptor)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return Glibc.poll(&poll, 1, 300) > 0
    }

    /// Gives the port up; those who still want to connect are refused.
    public func close() {
        for descriptor in waiting { Glibc.close(descriptor) }
        waiting = []
        Glibc.close(listener)
    }
}
