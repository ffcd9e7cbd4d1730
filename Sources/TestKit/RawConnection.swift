import Foundation

/// One TCP connection to the server, with full control over every byte, half-closes and resets.
public final class RawConnection {
    private var descriptor: Int32
    private var buffered: [UInt8] = []

    /// Connects to `127.0.0.1:port`; reads and writes fail after `timeout` seconds of silence.
    public init(port: Int, timeout: Int = 60, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestKitError(.system, "socket: errno \(errno)") }
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var bound = timeval(tv_sec: timeout, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &bound, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &bound, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let file = descriptor
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            let code = errno
            Glibc.close(descriptor)
            descriptor = -1
            throw TestKitError(.system, "connect to port \(port): errno \(code)")
        }
    }

    /// Sends every byte, or throws when the server has closed.
    public func send(_ bytes: [UInt8]) throws {
        var offset = 0
        while offset < bytes.count {
            let sent = bytes.withUnsafeBytes { buffer in
                Glibc.send(
                    descriptor, buffer.baseAddress.map { $0 + offset }, bytes.count - offset, Int32(MSG_NOSIGNAL))
            }
            if sent < 0 && errno == EINTR { continue }
            guard sent > 0 else { throw TestKitError(.system, "send: errno \(errno)") }
            offset += sent
        }
    }

    /// Sends text as it is; end header lines with `\r\n`.
    public func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    /// Sends one chunk of a chunked body.
    public func sendChunk(_ bytes: [UInt8]) throws {
        try send(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + [13, 10])
    }

    /// Ends a chunked body.
    public func sendLastChunk() throws {
        try send("0\r\n\r\n")
    }

    /// Closes the sending direction only.
    public func shutdownWrite() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Closes so that the server sees a reset.
    public func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// Closes in the ordinary way.
    public func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    deinit {
        close()
    }

    /// Reads a response; `method` HEAD has no body. With `bodyLimit`, returns once so many body bytes are there.
    public func readReply(method: String = "GET", bodyLimit: Int? = nil) throws -> HTTPReply {
        while true {
            var reply = try HTTPReply(head: try readHead())
            if reply.status == 100 { continue }
            if method == "HEAD" || reply.status == 204 || reply.status == 304 {
                reply.isComplete = true
                return reply
            }
            try readBody(into: &reply, limit: bodyLimit ?? Int.max)
            return reply
        }
    }

    /// Reads an interim response such as `100 Continue`.
    public func readInterim() throws -> HTTPReply {
        try HTTPReply(head: try readHead())
    }

    /// Whether the server closes this connection without another byte, within the connection's time bound.
    public func seesEnd() -> Bool {
        buffered.isEmpty && (try? fill()) == false && buffered.isEmpty
    }

    private func readBody(into reply: inout HTTPReply, limit: Int) throws {
        if reply["transfer-encoding"]?.lowercased().contains("chunked") == true {
            while reply.body.count < limit {
                guard let line = try readLine() else { return }
                guard let size = Int(line.split(separator: ";")[0], radix: 16) else {
                    throw TestKitError(.malformed, "not a chunk size: \(line)")
                }
                guard let chunk = try take(size) else { return }
                reply.body += chunk
                guard try readLine() != nil else { return }
                if size == 0 {
                    reply.isComplete = true
                    return
                }
            }
        } else if let length = reply["content-length"].flatMap({ Int($0) }) {
            let wanted = min(length, limit)
            while buffered.count < wanted, try fill() {}
            reply.body = Array(buffered.prefix(wanted))
            buffered.removeFirst(min(wanted, buffered.count))
            reply.isComplete = reply.body.count == length
        } else {
            while buffered.count < limit, try fill() {}
            reply.body = buffered
            buffered = []
            reply.isComplete = true
        }
    }

    private func readHead() throws -> [UInt8] {
        let end: [UInt8] = [13, 10, 13, 10]
        while true {
            if let at = buffered.firstRange(of: end) {
                let head = Array(buffered[..<at.lowerBound])
                buffered.removeSubrange(..<at.upperBound)
                return head
            }
            guard try fill() else {
                throw TestKitError(
                    .malformed,
                    "connection ended before the end of a response head: \(String(decoding: buffered, as: UTF8.self))")
            }
        }
    }

    private func readLine() throws -> String? {
        while true {
            if let at = buffered.firstRange(of: [13, 10]) {
                let line = String(decoding: buffered[..<at.lowerBound], as: UTF8.self)
                buffered.removeSubrange(..<at.upperBound)
                return line
            }
            guard try fill() else { return nil }
        }
    }

    private func take(_ count: Int) throws -> [UInt8]? {
        while buffered.count < count {
            guard try fill() else { return nil }
        }
        let taken = Array(buffered.prefix(count))
        buffered.removeFirst(count)
        return taken
    }

    /// Reads more bytes; false at the end of the stream or after a reset.
    private func fill() throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 262_144)
        while true {
            let got = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if got < 0 && errno == EINTR { continue }
            if got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) {
                throw TestKitError(.timeout, "no byte from the server within the time bound")
            }
            guard got > 0 else { return false }
            buffered += chunk[..<got]
            return true
        }
    }
}
