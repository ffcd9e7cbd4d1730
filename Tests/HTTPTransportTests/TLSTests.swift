import Blocking
import FileIO
import Glibc
import HTTPTransport
import Logging
import NIOCore
import NIOHTTP1
import SystemPackage
import Testing

/// Runs a program to its end; answers its standard output and exit status.
private func run(_ arguments: [String]) throws -> (output: [UInt8], status: Int32) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw SocketFailure(errno: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child = pid_t()
    let result = posix_spawnp(&child, arguments[0], &actions, nil, &words, environ)
    close(ends[1])
    guard result == 0 else { throw SocketFailure(errno: result) }
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
        let count = read(ends[0], &chunk, chunk.count)
        if count <= 0 { break }
        output += chunk[..<count]
    }
    var status: Int32 = 0
    waitpid(child, &status, 0)
    return (output, (status >> 8) & 0xFF)
}

private func makeCertificate(in scratch: FilePath, name: String) throws -> TLSFiles {
    let files = TLSFiles(
        certificateChain: scratch.appending("cert.pem").string, privateKey: scratch.appending("key.pem").string)
    let result = try run([
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", files.privateKey,
        "-out", files.certificateChain,
    ])
    #expect(result.status == 0)
    return files
}

@Suite struct TLSTests {
    @Test(arguments: [10, 128 * 1024, 9_000_001], [true, false])
    func fileArrivesWhole(size: Int, checked: Bool) async throws {
        try await withScratch { scratch in
            let files = try makeCertificate(in: scratch, name: "localhost")
            let file = try makeFile(scratch.appending("f"), size: size)
            try await withServer {
                $0.tls = files
            } handler: { request, responder in
                #expect(request.isSecure)
                let check: (@Sendable () async -> Bool)? = checked ? { @Sendable in true } : nil
                try? await responder.respond(.ok, file: file, length: UInt64(size), finalCheck: check)
            } _: { _, port in
                let result = try await onThread {
                    try run([
                        "curl", "-s", "--http1.1", "--cacert", files.certificateChain, "https://localhost:\(port)/",
                        "--resolve", "localhost:\(port):127.0.0.1",
                    ])
                }
                #expect(result.status == 0)
                #expect(result.output == pattern(from: 0, count: size))
            }
        }
    }

    /// Attack: handshakes that are begun and not gone on with.
    @Test func handshakeUnderWayHoldsUpNoShutdown() async throws {
        try await withScratch { scratch in
            let files = try makeCertificate(in: scratch, name: "localhost")
            try await withServer {
                $0.tls = files
                $0.timeouts.head = .hours(1)
            } handler: { _, responder in
                try? await responder.respond(.ok)
            } _: { server, port in
                let halves = try (0..<10).map { _ in try RawClient(port: port) }
                // The head of a TLS record and of a ClientHello that never comes.
                for half in halves { half.send([22, 3, 1, 2, 0, 1, 0, 1, 252]) }
                try await eventually("connections are open") { server.statistics.openConnections == 10 }
                let began = ContinuousClock.now
                await server.shutdown(deadline: .seconds(120))
                #expect(began.duration(to: .now) < .seconds(60))
                for half in halves { #expect(try await onThread { half.isGone() }) }
            }
        }
    }

    @Test func uploadAndRefusalWork() async throws {
        try await withScratch { scratch in
            let files = try makeCertificate(in: scratch, name: "localhost")
            _ = try makeFile(scratch.appending("up"), size: 9_000_000)
            let path = scratch.appending("up").string
            try await withServer {
                $0.tls = files
            } handler: { request, responder in
                if request.target == "/no" {
                    try? await responder.reject(.forbidden)
                    return
                }
                var count = 0
                while let piece = try? await request.body.next() { count += piece.readableBytes }
                try? await responder.respond(.ok, body: [UInt8]("\(count)".utf8))
            } _: { _, port in
                for (target, expected) in [("/", "9000000|200"), ("/no", "|403")] {
                    let result = try await onThread {
                        try run([
                            "curl", "-sk", "--http1.1", "-T", path, "-w", "|%{http_code}", "-H", "Expect:",
                            "https://127.0.0.1:\(port)\(target)",
                        ])
                    }
                    #expect(String(decoding: result.output, as: UTF8.self) == expected)
                }
            }
        }
    }

    @Test func reloadServesTheNewCertificateAndKeepsTheOldOneOnFailure() async throws {
        try await withScratch { scratch in
            let files = try makeCertificate(in: scratch, name: "old")
            try await withServer {
                $0.tls = files
            } handler: { _, responder in
                try? await responder.respond(.ok)
            } _: { server, port in
                func subject() async throws -> String {
                    let output = try await onThread {
                        try run(["sh", "-c", "openssl s_client -connect 127.0.0.1:\(port) -alpn http/1.1 </dev/null"])
                    }
                    let text = String(decoding: output.output, as: UTF8.self)
                    #expect(text.contains("ALPN protocol: http/1.1"))
                    return text.contains("CN = new") || text.contains("CN=new") ? "new" : "old"
                }
                #expect(try await subject() == "old")
                try Files.replace(
                    FilePath(files.privateKey), with: Array("nonsense".utf8), in: scratch)
                let error = await #expect(throws: TransportError.self) { try await server.reloadCertificates() }
                #expect(error?.code == .badCertificate)
                #expect(try await subject() == "old")
                _ = try makeCertificate(in: scratch, name: "new")
                #expect(try await server.reloadCertificates())
                #expect(try await subject() == "new")
            }
        }
    }

    @Test func unixSocketsStayPlain() async throws {
        try await withScratch { scratch in
            let files = try makeCertificate(in: scratch, name: "localhost")
            let path = scratch.appending("s")
            try await withServer {
                $0.tls = files
                $0.addresses.append(.unix(path))
            } handler: { request, responder in
                try? await responder.respond(.ok, body: Array((request.isSecure ? "TLS" : "plain").utf8))
            } _: { _, port in
                let client = try RawClient(unix: path.string)
                client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try await onThread { client.readResponse()?.text } == "plain")
                let secure = try await onThread { try run(["curl", "-sk", "https://127.0.0.1:\(port)/"]) }
                #expect(String(decoding: secure.output, as: UTF8.self) == "TLS")
            }
        }
    }

    /// Somebody has left out the `s`, and would see no more than a connection that ends.
    @Test(arguments: ["GET / HTTP/1.1\r\nHost: h\r\n\r\n", "POST /a HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n", "P"])
    func plainRequestsAreToldOfTLS(request: String) async throws {
        try await withScratch { scratch in
            let files = try makeCertificate(in: scratch, name: "localhost")
            try await withServer {
                $0.tls = files
            } handler: { _, responder in
                try? await responder.respond(.ok)
            } _: { server, port in
                let client = try RawClient(port: port)
                client.send(request)
                if request.hasPrefix("POST") { client.send([UInt8](repeating: 7, count: 300_000)) }
                let response = try await onThread { client.readResponse() }
                #expect(response?.code == 400)
                #expect(response?.status.contains("https") == true && response?.text.contains("https") == true)
                #expect(try await onThread { client.isClosed() })
                try await eventually("the connection is closed") { server.statistics.openConnections == 0 }
                #expect(server.statistics.totalRequests == 0)
            }
        }
    }

    /// Attack: bytes that are neither, and a client that goes on sending after the answer.
    @Test func whatFollowsPlainRequestsIsBounded() async throws {
        try await withScratch { scratch in
            let files = try makeCertificate(in: scratch, name: "localhost")
            try await withServer {
                $0.tls = files
                $0.lingerBytes = 1 << 16
            } handler: { _, responder in
                try? await responder.respond(.ok)
            } _: { server, port in
                let (endless, odd) = (try RawClient(port: port), try RawClient(port: port))
                odd.send([0, 1, 2, 3, 4, 5])
                _ = try await onThread { odd.readToEnd() }
                let sent = try await onThread {
                    var sent = 0
                    while sent < 1 << 28, endless.send([UInt8](repeating: 65, count: 1 << 16)) { sent += 1 << 16 }
                    return sent
                }
                #expect(sent < 1 << 28)
                try await eventually("the connections are closed") { server.statistics.openConnections == 0 }
            }
        }
    }

    @Test func plainBytesAndSilenceAreClosed() async throws {
        try await withScratch { scratch in
            let files = try makeCertificate(in: scratch, name: "localhost")
            try await withServer {
                $0.tls = files
                $0.timeouts.head = .seconds(1)
            } handler: { _, responder in
                try? await responder.respond(.ok)
            } _: { server, port in
                // A connection that has shaken hands may be idle for longer.
                let calm = try await onThread {
                    try run([
                        "sh", "-c",
                        "(sleep 1.3; printf 'GET / HTTP/1.0\\r\\n\\r\\n')"
                            + " | openssl s_client -quiet -connect 127.0.0.1:\(port)",
                    ])
                }
                #expect(String(decoding: calm.output, as: UTF8.self).hasPrefix("HTTP/1.1 200"))
                let silent = try RawClient(port: port)
                let plain = try RawClient(port: port)
                plain.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                _ = try await onThread { silent.readToEnd() }
                _ = try await onThread { plain.readToEnd() }
                #expect(server.statistics.totalRequests == 1)
            }
        }
    }

    @Test func missingCertificateIsAClearError() async throws {
        var configuration = TransportConfiguration(addresses: [.tcp(host: "127.0.0.1", port: 0)])
        configuration.tls = TLSFiles(certificateChain: "/nonexistent/c.pem", privateKey: "/nonexistent/k.pem")
        let server = HTTPServer(configuration: configuration, pool: testPool, logger: .init(label: "t")) { _, _ in }
        let error = await #expect(throws: TransportError.self) { try await server.start() }
        #expect(error?.code == .badCertificate)
    }
}
