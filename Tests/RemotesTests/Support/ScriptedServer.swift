import Glibc
import Synchronization

/// A TCP server on a free port of 127.0.0.1 whose connections a test plays byte by byte, each on a thread of its own.
final class ScriptedServer: Sendable {
    struct Failure: Error { var errno: Int32 }

    let port: Int
    private let descriptor: Int32
    private let state = Mutex(State())

    private struct State {
        var accepted = 0
        var open: Set<Int32> = []
        var isClosed = false
    }

    /// - Parameter play: the whole life of a connection; it gets the connection and its number, from 0 on. The
    ///   connection is closed when it returns or throws.
    init(_ play: @escaping @Sendable (ScriptedConnection, Int) throws -> Void) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let file = descriptor
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(file, generic, length) == 0 && listen(file, 64) == 0 && getsockname(file, generic, &length) == 0
            }
        }
        guard status else { throw Failure(errno: errno) }
        port = Int(UInt16(bigEndian: address.sin_port))
        onNewThread { self.accept(play) }
    }

    /// How many connections came so far.
    var accepted: Int { state.withLock { $0.accepted } }
    /// Connections that are being played.
    var open: Int { state.withLock { $0.open.count } }

    private func accept(_ play: @escaping @Sendable (ScriptedConnection, Int) throws -> Void) {
        while true {
            let file = Glibc.accept(descriptor, nil, nil)
            guard file >= 0 else { return }
            let number: Int? = state.withLock { state in
                if state.isClosed { return nil }
                defer { state.accepted += 1 }
                state.open.insert(file)
                return state.accepted
            }
            guard let number else {
                Glibc.close(file)
                return
            }
            onNewThread {
                try? play(ScriptedConnection(file), number)
                self.state.withLock { _ = $0.open.remove(file) }
                Glibc.close(file)
            }
        }
    }

    /// Ends it, and the connections.
    func close() {
        let open: Set<Int32> = state.withLock { state in
            guard !state.isClosed else { return [] }
            state.isClosed = true
            shutdown(descriptor, Int32(SHUT_RDWR))
            Glibc.close(descriptor)
            // Under the lock, so that the number still belongs to the connection.
            for file in state.open { shutdown(file, Int32(SHUT_RDWR)) }
            return state.open
        }
        _ = open
    }

    deinit { close() }
}

/// One connection, read and written from its thread with time limits.
final class ScriptedConnection {
    struct Ended: Error {}

    struct Head {
        var line: String
        var fields: [String: String]

        /// For example `POST`.
        var method: String { String(line.prefix { $0 != " " }) }
        /// Path and query.
        var target: String { line.split(separator: " ").dropFirst().first.map(String.init) ?? "" }
        /// The last path segment, and for content `key`.
        var action: String {
            let path = target.prefix { $0 != "?" }.split(separator: "/")
            return path.contains("key") ? "key" : path.last.map(String.init) ?? ""
        }
        /// For example `v4`.
        var version: String {
            let path = target.prefix { $0 != "?" }.split(separator: "/")
            return path.first { $0.count == 2 && $0.first == "v" }.map(String.init) ?? ""
        }
    }

    private let file: Int32
    private var buffered: [UInt8] = []

    init(_ file: Int32) {
        self.file = file
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(file, $0.baseAddress.map { $0 + done }, bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Ended() }
            done += count
        }
    }

    /// An answer with a body and its length.
    func answer(
        _ status: String = "200 OK", _ body: String, type: String? = "application/json;charset=utf-8",
        _ fields: String = ""
    ) throws {
        let typeLine = type.map { "Content-Type: \($0)\r\n" } ?? ""
        try send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(typeLine)\(fields)\r\n\(body)")
    }

    /// The next request's head; throws at the end of the connection.
    func readHead() throws -> Head {
        var lines: [String] = []
        while true {
            let line = try readLine()
            if line.isEmpty { break }
            lines.append(line)
        }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon].lowercased()] = line[line.index(after: colon)...].drop { $0 == " " }.description
        }
        return Head(line: lines.first ?? "", fields: fields)
    }

    /// The body that belongs to a head.
    func readBody(_ head: Head) throws -> [UInt8] {
        if head.fields["transfer-encoding"] == "chunked" {
            var body: [UInt8] = []
            while let chunk = try readChunk() { body += chunk }
            return body
        }
        return try take(Int(head.fields["content-length"] ?? "0") ?? 0)
    }

    /// The next chunk of a chunked body, nil at its end.
    func readChunk() throws -> [UInt8]? {
        let line = try readLine()
        guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else { throw Ended() }
        let chunk = try take(size)
        _ = try readLine()
        return size == 0 ? nil : chunk
    }

    /// Waits until the other side has closed.
    func waitForEnd() { while (try? fill()) != nil { buffered = [] } }

    /// Closes so that the other side sees a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(file, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    private func readLine() throws -> String {
        while true {
            if let end = buffered.firstIndex(of: 10) {
                var line = buffered[..<end]
                if line.last == 13 { line.removeLast() }
                buffered.removeSubrange(...end)
                return String(decoding: line, as: UTF8.self)
            }
            try fill()
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while buffered.count < count { try fill() }
        defer { buffered.removeFirst(count) }
        return Array(buffered.prefix(count))
    }

    private func fill() throws {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(file, &chunk, chunk.count, 0)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Ended() }
            buffered += chunk[..<count]
            return
        }
    }
}

/// Runs on a thread that may wait for ever without taking one from anybody.
func onNewThread(_ work: @escaping @Sendable () -> Void) {
    final class Work {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Work(work)).toOpaque()
    pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
            return nil
        }, argument)
    pthread_detach(thread)
}

/// The result of work that blocks, without a thread of the concurrency pool.
func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        onNewThread { continuation.resume(with: Result { try work() }) }
    }
}
