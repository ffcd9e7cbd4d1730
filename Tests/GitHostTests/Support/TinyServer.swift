import FileIO
import Glibc
import Synchronization
import SystemPackage

@testable import GitHost

/// Just enough HTTP/1.0 for a real git client: one request after the other, each on a connection of its own.
final class TinyServer: Sendable {
    let port: UInt16
    private let socket: Int32
    private let options: SmartHTTP.Options
    private let hooks: FilePath
    private let mayRewrite: Bool
    private let root: FilePath
    /// The heads of all requests.
    let heads = Mutex<[String]>([])
    private let isClosed = Atomic(false)

    /// - Parameter mayRewrite: whether pushers may rewrite and delete.
    init(root: FilePath, hooks: FilePath, mayRewrite: Bool = true, options: SmartHTTP.Options = SmartHTTP.Options()) {
        self.root = root
        self.hooks = hooks
        self.mayRewrite = mayRewrite
        self.options = options
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = socket
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, length)
                _ = listen(descriptor, 10)
                _ = getsockname(descriptor, $0, &length)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<TinyServer>.fromOpaque(context).takeRetainedValue().serve() }
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        pthread_detach(thread)
    }

    /// Ends the thread, which closes the socket.
    func close() {
        isClosed.store(true, ordering: .relaxed)
        _ = shutdown(socket, Int32(SHUT_RDWR))
    }

    private func serve() {
        while true {
            let connection = accept(socket, nil, nil)
            if connection < 0 { break }
            var done = sem_t()
            sem_init(&done, 0, 0)
            withUnsafeMutablePointer(to: &done) { pointer in
                nonisolated(unsafe) let semaphore = pointer
                Task {
                    await self.handle(Connection(descriptor: connection))
                    sem_post(semaphore)
                }
                sem_wait(semaphore)
            }
            Glibc.close(connection)
        }
        Glibc.close(socket)
    }

    private func handle(_ connection: Connection) async {
        guard let head = connection.line() else { return }
        var headers: [String: String] = [:]
        while let line = connection.line(), !line.isEmpty {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " }) }
        }
        heads.withLock {
            $0.append(head + " " + (headers["content-encoding"] ?? "-") + " " + (headers["transfer-encoding"] ?? "-"))
        }
        let target = String(head.split(separator: " ")[1])
        do {
            try await answer(head, target, headers, connection)
        } catch {
            connection.send(Array("HTTP/1.0 500 \(error)\r\n\r\n".replacing("\n", with: " ").utf8))
        }
    }

    private func answer(
        _ head: String, _ target: String, _ headers: [String: String], _ connection: Connection
    ) async throws {
        let parts = target.split(separator: "/", maxSplits: 1)
        let repository = root.appending(String(parts[0]))
        let spoken = GitProtocol(header: headers["git-protocol"])
        func start(_ type: String) { connection.send(Array("HTTP/1.0 200 OK\r\nContent-Type: \(type)\r\n\r\n".utf8)) }
        let services = GitService.allCases
        if let service = services.first(where: { parts[1] == "info/refs?service=\($0.rawValue)" }) {
            start(service.advertisementType)
            try await SmartHTTP(repository, options: options).advertise(service, spoken) { connection.send($0.bytes) }
        } else if let service = services.first(where: { parts[1] == $0.rawValue }) {
            start(service.resultType)
            var request = ReceivePackRequest()
            while service == .receivePack, let chunk = connection.body(headers), try !request.receive(chunk) {}
            let first = service == .receivePack ? request.forwarded : []
            var options = options
            let policy = RefPolicy(mayRewrite: mayRewrite)
            options.hooks = try PushHooks(
                hooks, for: request.commands, of: policy, in: repository, workshop: root, program: "/bin/true")
            let git = SmartHTTP(repository, options: options)
            let isPacked = headers["content-encoding"] == "gzip"
            _ = try await git.respond(
                service, spoken,
                feed: { input in
                    try await input.write(first)
                    var gunzip = try Gunzip(limit: 1 << 30)
                    while let chunk = connection.body(headers) {
                        if isPacked {
                            try await input.write(chunk, decompressing: &gunzip)
                        } else {
                            try await input.write(chunk)
                        }
                    }
                    if isPacked { try gunzip.finish() }
                }, to: { connection.send($0.bytes) })
            try await HeadFollower.follow(request.commands, in: repository)
        } else {
            try await dumb(DumbHTTP(repository), String(parts[1]), connection)
        }
    }

    private func dumb(_ dumb: DumbHTTP, _ path: String, _ connection: Connection) async throws {
        var content: [UInt8]?
        switch path {
        case "info/refs": content = try await dumb.infoRefs()
        case "HEAD": content = try await dumb.head()
        case "objects/info/packs": content = try dumb.packs()
        default: content = try dumb.objectFile(path).flatMap { try Files.read($0.path) }
        }
        guard let content else { return connection.send(Array("HTTP/1.0 404 Missing\r\n\r\n".utf8)) }
        connection.send(Array("HTTP/1.0 200 OK\r\nContent-Length: \(content.count)\r\n\r\n".utf8) + content)
    }
}

/// A blocking connection, used by one task at a time.
final class Connection: @unchecked Sendable {
    private let descriptor: Int32
    private var pending: [UInt8] = []
    private var left: Int?
    private var ended = false

    init(descriptor: Int32) { self.descriptor = descriptor }

    func send(_ bytes: [UInt8]) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done, 0)
            }
            if count <= 0 { return }
            done += count
        }
    }

    private func fill() -> Bool {
        let more = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
            count = max(0, recv(descriptor, buffer.baseAddress, buffer.count, 0))
        }
        pending += more
        return !more.isEmpty
    }

    func line() -> String? {
        while true {
            if let end = pending.firstIndex(of: 10) {
                let line = pending[..<end].text
                pending.removeFirst(end + 1)
                return line.hasSuffix("\r") ? String(line.dropLast()) : line
            }
            guard fill() else { return nil }
        }
    }

    /// The next piece of the body; nil at its end.
    func body(_ headers: [String: String]) -> [UInt8]? {
        if ended { return nil }
        let isChunked = headers["transfer-encoding"] == "chunked"
        if left == nil { left = isChunked ? 0 : Int(headers["content-length"] ?? "0") ?? 0 }
        if isChunked && left == 0 {
            left = line().flatMap { Int($0, radix: 16) } ?? 0
            if left == 0 { _ = line() }
        }
        guard let count = left, count > 0 else {
            ended = true
            return nil
        }
        if pending.isEmpty { guard fill() else { return nil } }
        let piece = Array(pending.prefix(count))
        pending.removeFirst(piece.count)
        left = count - piece.count
        if isChunked && left == 0 { _ = line() }
        return piece
    }
}

extension ArraySlice<UInt8> {
    var text: String { String(decoding: self, as: UTF8.self) }
}
