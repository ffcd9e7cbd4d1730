import Blocking
import Glibc
import HTTPTransport
import NIOCore

struct SocketFailure: Error { var errno: Int32 }

/// A blocking client socket that sends exactly the bytes it is told to; every wait ends after 20 s.
final class RawClient: @unchecked Sendable {
    let descriptor: Int32
    private var pending: [UInt8] = []
    private(set) var sawReset = false
    private var isOpen = true

    init(port: Int) throws {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        descriptor = fd
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        let result = address.withSockAddr { connect(fd, $0, socklen_t($1)) }
        guard result == 0 else { throw SocketFailure(errno: errno) }
        limitWaiting()
    }

    init(unix path: String) throws {
        let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        descriptor = fd
        let address = try SocketAddress(unixDomainSocketPath: path)
        let result = address.withSockAddr { connect(fd, $0, socklen_t($1)) }
        guard result == 0 else { throw SocketFailure(errno: errno) }
        limitWaiting()
    }

    deinit { if isOpen { close(descriptor) } }

    private func limitWaiting() {
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Whether all of it was taken.
    @discardableResult
    func send(_ bytes: some Collection<UInt8>) -> Bool {
        let bytes = Array(bytes)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            done += count
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(text.utf8) }

    func shutdownWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    func reset() {
        var value = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<Glibc.linger>.size))
        close(descriptor)
        isOpen = false
    }

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count < 0 { sawReset = errno == ECONNRESET }
        guard count > 0 else { return false }
        pending += chunk[..<count]
        return true
    }

    /// Everything until the server closes.
    func readToEnd() -> [UInt8] {
        while fill() {}
        defer { pending = [] }
        return pending
    }

    func readTextToEnd() -> String { String(decoding: readToEnd(), as: UTF8.self) }

    func read(exactly count: Int) -> [UInt8] {
        while pending.count < count, fill() {}
        let part = Array(pending.prefix(count))
        pending.removeFirst(part.count)
        return part
    }

    func readLine() -> String? {
        while true {
            if let end = pending.firstIndex(of: 10) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeFirst(end + 1)
                return line.hasSuffix("\r") ? String(line.dropLast()) : line
            }
            if !fill() { return nil }
        }
    }

    struct Response {
        var status: String
        var headers: [String: String]
        var body: [UInt8]
        var isComplete = true
        var code: Int { Int(status.split(separator: " ").dropFirst().first ?? "") ?? 0 }
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// One response by its framing.
    func readResponse(toHead: Bool = false) -> Response? {
        guard let status = readLine() else { return nil }
        var response = Response(status: status, headers: [:], body: [])
        while let line = readLine(), !line.isEmpty {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            response.headers[line[..<colon].lowercased()] = String(value)
        }
        if toHead || response.code == 100 { return response }
        if let length = response.headers["content-length"].flatMap({ Int($0) }) {
            response.body = read(exactly: length)
            response.isComplete = response.body.count == length
        } else if response.headers["transfer-encoding"] == "chunked" {
            while true {
                guard let line = readLine(), let size = Int(line, radix: 16) else {
                    response.isComplete = false
                    break
                }
                response.body += read(exactly: size)
                guard readLine() == "" else {
                    response.isComplete = false
                    break
                }
                if size == 0 { break }
            }
        } else {
            response.body = readToEnd()
        }
        return response
    }

    /// Whether the server has closed, with nothing more to read.
    func isClosed() -> Bool {
        var byte: UInt8 = 0
        return pending.isEmpty && recv(descriptor, &byte, 1, 0) == 0
    }

    /// Waits until the server closes the connection, be it by a reset: so ends one whose bytes it has not read.
    func isGone() -> Bool {
        var byte: UInt8 = 0
        let count = recv(descriptor, &byte, 1, 0)
        return pending.isEmpty && (count == 0 || count < 0 && errno == ECONNRESET)
    }
}

/// Runs blocking client code on a thread of its own, so that it cannot hold up the server.
func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await testPool.run(work)
}
