import Foundation
import Synchronization

/// Passes TCP connections on to a port of this machine, and can hold them up or cut them anywhere.
///
/// It stands between a server and its peer and does what networks do.
public final class TCPRelay: Sendable {
    /// What happens to a connection.
    public enum Fate: Sendable, Hashable {
        case pass
        /// Both sides see a reset after so many bytes, counted over both directions.
        case cut(after: Int)
        /// Nothing passes any more after so many bytes; the connections stay.
        case stall(after: Int)
    }

    public let port: Int
    private let listener: Int32
    private let target: Int
    private let state = Mutex(State())

    private struct State {
        var fate: @Sendable () -> Fate = { .pass }
        var isClosed = false
        var open: Set<Int32> = []
        var accepted = 0
    }

    /// - Parameter target: the port on 127.0.0.1 that connections go to.
    public init(to target: Int) throws {
        self.target = target
        (listener, port) = try ListeningSocket.onFreePort(backlog: 128)
        Thread.detachNewThread { [self] in acceptAll() }
    }

    /// Decides the fate of each connection that comes from now on.
    public func decide(_ fate: @escaping @Sendable () -> Fate) { state.withLock { $0.fate = fate } }

    /// Connections that came so far.
    public var accepted: Int { state.withLock { $0.accepted } }

    /// Ends the connections that are open now, so that what comes next meets the fate of new ones.
    public func endOpen() {
        for descriptor in state.withLock({ $0.open }) { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    /// Ends everything; later connections are refused.
    public func close() {
        state.withLock { $0.isClosed = true }
        shutdown(listener, Int32(SHUT_RDWR))
        endOpen()
    }

    private func acceptAll() {
        while true {
            let client = accept(listener, nil, nil)
            if state.withLock({ $0.isClosed }) || client < 0 {
                if client >= 0 { Glibc.close(client) }
                Glibc.close(listener)
                return
            }
            let fate = state.withLock { state in
                state.accepted += 1
                return state.fate
            }()
            guard let server = connectToTarget() else {
                Glibc.close(client)
                continue
            }
            state.withLock { $0.open.formUnion([client, server]) }
            let passage = Passage(client: client, server: server, fate: fate) { [self] in
                state.withLock { $0.open.subtract([client, server]) }
            }
            Thread.detachNewThread { passage.pump(from: client, to: server) }
            Thread.detachNewThread { passage.pump(from: server, to: client) }
        }
    }

    private func connectToTarget() -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(target).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if status == 0 { return descriptor }
        Glibc.close(descriptor)
        return nil
    }
}

/// One connection through the relay: two pumps that share a budget of bytes.
private final class Passage: Sendable {
    private let client: Int32
    private let server: Int32
    private let fate: TCPRelay.Fate
    private let ended: @Sendable () -> Void
    private let state = Mutex((passed: 0, pumps: 2))

    init(client: Int32, server: Int32, fate: TCPRelay.Fate, ended: @escaping @Sendable () -> Void) {
        self.client = client
        self.server = server
        self.fate = fate
        self.ended = ended
    }

    func pump(from source: Int32, to target: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let got = recv(source, &buffer, buffer.count, 0)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else {
                // A half-close passes on as one; an error ends both.
                shutdown(target, Int32(got == 0 ? SHUT_WR : SHUT_RDWR))
                break
            }
            guard send(buffer[..<got], to: target) else { break }
        }
        leave()
    }

    /// Sends what the fate allows; answers whether more may come.
    private func send(_ bytes: ArraySlice<UInt8>, to target: Int32) -> Bool {
        let before = state.withLock { state in
            defer { state.passed += bytes.count }
            return state.passed
        }
        var allowed = bytes.count
        switch fate {
        case .pass: break
        case .cut(let limit), .stall(let limit): allowed = min(allowed, max(0, limit - before))
        }
        var rest = bytes.prefix(allowed)
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if sent < 0 && errno == EINTR { continue }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        if allowed == bytes.count { return true }
        if case .stall = fate { return true }
        for descriptor in [client, server] {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
            shutdown(descriptor, Int32(SHUT_RDWR))
        }
        return false
    }

    private func leave() {
        let isLast = state.withLock { state in
            state.pumps -= 1
            return state.pumps == 0
        }
        guard isLast else { return }
        ended()
        Glibc.close(client)
        Glibc.close(server)
    }
}
