import HTTPTransport
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

private let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

@Suite struct ConnectionTests {
    @Test func keepsAliveAndAnswersPipelinedRequestsInOrder() async throws {
        try await withServer { request, responder in
            if request.target == "/0" { await Task.yield() }
            try? await responder.respond(.ok, headers: ["X-Id": request.id], body: [UInt8](request.target.utf8))
        } _: { server, port in
            try await onThread {
                let client = try RawClient(port: port)
                for round in 0..<3 {
                    client.send((0..<20).map { "GET /\($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined())
                    for index in 0..<20 {
                        let response = try #require(client.readResponse(), "round \(round)")
                        #expect(response.text == "/\(index)")
                        #expect(response.headers["connection"] == nil)
                        #expect(response.headers["server"] == "annexd")
                        #expect(response.headers["date"]?.hasSuffix("GMT") == true)
                    }
                }
            }
            #expect(server.statistics.totalRequests == 60)
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.0\r\n\r\n", "close", true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n", "close", true),
    ])
    func saysAndDoesWhatTheClientWants(head: String, connection: String, closes: Bool) async throws {
        try await withServer { _, responder in
            try? await responder.respond(.ok, body: [1, 2, 3])
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send(head)
                let response = try #require(client.readResponse())
                #expect(response.body == [1, 2, 3])
                #expect(response.headers["connection"] == connection)
                if closes { #expect(client.isClosed()) } else { #expect(client.send(head)) }
            }
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "0\r\n\r\nGET /evil HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
        "\u{16}\u{3}\u{1}\n",
    ])
    func smugglingIsAnswered400AndClosed(bytes: String) async throws {
        try await withServer { _, responder in
            Issue.record("a handler saw it")
            try? await responder.respond(.ok)
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send(bytes)
                let text = client.readTextToEnd()
                #expect(text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
                #expect(text.components("HTTP/1.1").count == 2)
                #expect(text.contains("Connection: close\r\n"))
            }
        }
    }

    @Test func headHasTheLengthAndNoBody() async throws {
        try await withServer { request, responder in
            if request.target == "/s" {
                let writer = try? await responder.startStreaming(.ok, length: 5)
                try? await writer?.write(ByteBuffer(string: "hello"))
                try? await writer?.finish()
            } else {
                try? await responder.respond(.ok, body: [UInt8]("hello".utf8))
            }
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                for _ in 0..<10 {
                    for target in ["/", "/s"] {
                        client.send("HEAD \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
                        let response = try #require(client.readResponse(toHead: true))
                        #expect(response.headers["content-length"] == "5")
                    }
                }
                client.send(get)
                #expect(client.readResponse()?.text == "hello")
            }
        }
    }

    @Test func silentHandlerIs500AndHalfAnswerIsBroken() async throws {
        try await withServer { request, responder in
            if request.target == "/half" {
                let writer = try? await responder.startStreaming(.ok)
                try? await writer?.write(ByteBuffer(string: "half"))
            }
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send(get)
                #expect(client.readResponse()?.code == 500)
                client.send("GET /half HTTP/1.1\r\nHost: h\r\n\r\n")
                let response = try #require(client.readResponse())
                #expect(response.text == "half")
                #expect(!response.isComplete)
            }
        }
    }

    @Test func oneResponsePerRequest() async throws {
        let second = Seen<TransportError.Code>()
        let late = Seen<Responder>()
        try await withServer { _, responder in
            try? await responder.respond(.ok)
            do { try await responder.respond(.ok) } catch {
                second.set((error as? TransportError)?.code ?? .wrongState)
            }
            late.set(responder)
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send(get + get)
                #expect(client.readResponse()?.code == 200)
                #expect(client.readResponse()?.code == 200)
            }
            #expect(second.value == .alreadyAnswered)
            let responder = try #require(late.value)
            await #expect(throws: TransportError.self) { try await responder.respond(.ok) }
        }
    }

    @Test func declaredLengthIsEnforced() async throws {
        let codes = Mutex<[TransportError.Code]>([])
        try await withServer { request, responder in
            do {
                let writer = try await responder.startStreaming(.ok, length: 3)
                try await writer.write(ByteBuffer(string: request.target == "/long" ? "abcd" : "ab"))
                try await writer.finish()
            } catch {
                codes.withLock { $0.append((error as? TransportError)?.code ?? .wrongState) }
            }
        } _: { _, port in
            try await onThread {
                for target in ["/long", "/short"] {
                    let client = try RawClient(port: port)
                    client.send("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
                    if let response = client.readResponse() { #expect(!response.isComplete) }
                }
            }
            try await eventually("both failed") { codes.withLock { $0 } == [.wrongLength, .wrongLength] }
        }
    }

    @Test func reasonPhraseReachesTheClient() async throws {
        try await withServer { _, responder in
            try? await responder.respond(.custom(code: 507, reasonPhrase: "Not enough space:\r\nneed 18 MB"))
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send(get)
                #expect(client.readResponse()?.status == "HTTP/1.1 507 Not enough space:  need 18 MB")
            }
        }
    }

    @Test func halfClosedClientStillGetsItsAnswer() async throws {
        let gate = Seen<Bool>()
        try await withServer { _, responder in
            try? await eventually("gate") { gate.value == true }
            try? await responder.respond(.ok, body: [UInt8]("late".utf8))
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send(get)
                client.shutdownWriting()
                gate.set(true)
                #expect(client.readResponse()?.text == "late")
                #expect(client.isClosed())
            }
        }
    }

    @Test func slowHeadIsAnswered408() async throws {
        try await withServer {
            $0.timeouts.head = .milliseconds(50)
        } handler: { _, responder in
            try? await responder.respond(.ok)
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send("GET / HTTP/1.1\r\nHo")
                #expect(client.readResponse()?.code == 408)
                #expect(client.isClosed())
            }
        }
    }

    @Test func idleConnectionIsClosedAfterItsTimeOnly() async throws {
        try await withServer {
            $0.timeouts.idle = .milliseconds(50)
        } handler: { _, responder in
            try? await responder.respond(.ok)
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send(get)
                #expect(client.readResponse()?.code == 200)
                #expect(client.isClosed())
            }
        }
        // spec 01 #98: idle connections stay usable for more than 100 s by default.
        #expect(ConnectionDeadlines.Limits().idle >= .seconds(120))
    }

    @Test func clientThatDoesNotReadIsDropped() async throws {
        let outcome = Seen<TransportError.Code>()
        try await withServer {
            $0.timeouts.write = .milliseconds(100)
        } handler: { _, responder in
            do {
                let writer = try await responder.startStreaming(.ok)
                let piece = ByteBuffer(repeating: 7, count: 1 << 20)
                while true { try await writer.write(piece) }
            } catch {
                outcome.set((error as? TransportError)?.code ?? .wrongState)
            }
        } _: { _, port in
            let client = try RawClient(port: port)
            client.send(get)
            try await eventually("writer failed") { outcome.value == .connectionLost }
            withExtendedLifetime(client) {}
        }
    }

    @Test(arguments: [false, true])
    func vanishedClientCancelsTheHandler(onEventLoops: Bool) async throws {
        let outcome = Seen<Bool>()
        let running = Seen<Bool>()
        try await withServer {
            $0.runsHandlersOnEventLoops = onEventLoops
        } handler: { _, _ in
            running.set(true)
            try? await Task.sleep(for: .seconds(3600))
            outcome.set(Task.isCancelled)
        } _: { _, port in
            let client = try RawClient(port: port)
            client.send(get)
            try await eventually("handler runs") { running.value == true }
            client.reset()
            try await eventually("handler cancelled") { outcome.value == true }
        }
    }

    @Test func clientThatLeavesAResponseEndsItsWriter() async throws {
        let outcome = Seen<Bool>()
        try await withServer { _, responder in
            guard let writer = try? await responder.startStreaming(.ok) else { return }
            let piece = ByteBuffer(repeating: 7, count: 1 << 16)
            do { while true { try await writer.write(piece) } } catch { outcome.set(Task.isCancelled) }
        } _: { server, port in
            for _ in 0..<20 {
                let client = try RawClient(port: port)
                client.send(get)
                _ = client.read(exactly: 100_000)
            }
            try await eventually("writers ended") { server.statistics.runningRequests == 0 }
            #expect(outcome.value == true)
            try await eventually("connections closed") { server.statistics.openConnections == 0 }
        }
    }

    @Test func fullServerAcceptsAgainWhenOneLeaves() async throws {
        try await withServer {
            $0.maximumConnections = 2
            $0.idleGrace = .hours(1)
        } handler: { _, responder in
            try? await responder.respond(.ok)
        } _: { server, port in
            let clients = try (0..<3).map { _ in try RawClient(port: port) }
            for client in clients { client.send(get) }
            for client in clients.prefix(2) {
                let code = try await onThread { client.readResponse()?.code }
                #expect(code == 200)
            }
            #expect(server.statistics.acceptedConnections == 2)
            clients[0].reset()
            let code = try await onThread { clients[2].readResponse()?.code }
            #expect(code == 200)
        }
    }
}

extension String {
    func components(_ separator: String) -> [Substring] {
        split(separator: separator, omittingEmptySubsequences: false)
    }
}
