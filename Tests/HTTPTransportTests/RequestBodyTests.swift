import Blocking
import HTTPTransport
import NIOCore
import NIOHTTP1
import Testing

private func post(_ fields: String, _ body: String = "") -> String {
    "POST / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\r\n\(body)"
}

private enum Ending: Equatable {
    case clean(String)
    case failed(String, BodyError)
}

/// Reads the whole body and says how it ended.
private func drain(_ body: RequestBody) async -> Ending {
    var text = ""
    do {
        while let piece = try await body.next() { text += String(buffer: piece) }
        return .clean(text)
    } catch {
        return .failed(text, error)
    }
}

@Suite struct RequestBodyTests {
    @Test(arguments: [
        post("Content-Length: 5", "hello"), post("Transfer-Encoding: chunked", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
    ])
    func spec01_89_bothFramingsWork(request: String) async throws {
        try await withServer { request, responder in
            let body = try? await request.body.collect(upTo: 100)
            try? await responder.respond(.ok, body: body ?? ByteBuffer())
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                for _ in 0..<3 {
                    client.send(request)
                    #expect(client.readResponse()?.text == "hello")
                }
                for byte in request.utf8 { client.send([byte]) }
                #expect(client.readResponse()?.text == "hello")
            }
        }
    }

    @Test func spec01_89_continueIsSentOnTheFirstPullOnly() async throws {
        try await withServer { request, responder in
            #expect(request.expectsContinue)
            if request.target == "/no" {
                try? await responder.respond(.forbidden)
            } else {
                let body = try? await request.body.collect(upTo: 100)
                try? await responder.respond(.ok, body: body ?? ByteBuffer())
            }
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send(post("Content-Length: 5\r\nExpect: 100-Continue"))
                #expect(client.readResponse()?.code == 100)
                client.send("hello")
                #expect(client.readResponse()?.text == "hello")
                client.send("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
                let refusal = try #require(client.readResponse())
                #expect(refusal.code == 403)
                #expect(refusal.headers["connection"] == "close")
                #expect(client.isClosed())
            }
        }
    }

    @Test func lostConnectionDeliversWhatCameFirst() async throws {
        for reset in [false, true] {
            let ending = Seen<Ending>()
            let cancelled = Seen<Bool>()
            let started = Seen<Bool>()
            try await withServer { request, responder in
                let first = try? await request.body.next()
                started.set(true)
                guard case .failed(let rest, let error) = await drain(request.body) else { return }
                ending.set(.failed(String(buffer: first ?? ByteBuffer()) + rest, error))
                cancelled.set(Task.isCancelled)
            } _: { _, port in
                let client = try RawClient(port: port)
                client.send(post("Transfer-Encoding: chunked", "5\r\nhello\r\n8\r\nwor"))
                try await eventually("body seen") { started.value == true }
                if reset { client.reset() } else { client.shutdownWriting() }
                try await eventually("body failed") { ending.value != nil && cancelled.value == true }
                #expect(ending.value == .failed("hellowor", .connectionLost))
            }
        }
    }

    @Test func unreadBytesOfALostBodyCanStillBePulled() async throws {
        let ending = Seen<Ending>()
        try await withServer { request, _ in
            try? await Task.sleep(for: .seconds(3600))
            ending.set(await drain(request.body))
        } _: { _, port in
            let client = try RawClient(port: port)
            client.send(post("Content-Length: 100", "partial"))
            client.shutdownWriting()
            try await eventually("body failed") { ending.value == .failed("partial", .connectionLost) }
        }
    }

    @Test(arguments: ["zz\r\n", "5\r\nhelloXX", "1\r\na\n", "FFFFFFFFFFFFFFFFF\r\n"])
    func badChunksAreMalformedAnd400(body: String) async throws {
        let ending = Seen<Ending>()
        try await withServer { request, _ in
            ending.set(await drain(request.body))
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send(post("Transfer-Encoding: chunked", body + get))
                let text = client.readTextToEnd()
                #expect(text.hasPrefix("HTTP/1.1 400 "))
                #expect(text.components("HTTP/1.1").count == 2)
            }
            guard case .failed(_, .malformed) = ending.value else {
                Issue.record("ended as \(String(describing: ending.value))")
                return
            }
        }
    }

    @Test func silentBodyTimesOutUnlessAllowed() async throws {
        let ending = Seen<Ending>()
        try await withServer {
            $0.timeouts.body = .milliseconds(50)
        } handler: { request, responder in
            if request.target == "/keeplocked" { request.body.allowSilence() }
            ending.set(await drain(request.body))
            if request.target == "/keeplocked" { try? await responder.respond(.ok) }
        } _: { _, port in
            let patient = try RawClient(port: port)
            patient.send("POST /keeplocked HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
            try await onThread {
                let client = try RawClient(port: port)
                client.send(post("Content-Length: 5", "he"))
                #expect(client.readResponse()?.code == 408)
                #expect(client.isClosed())
            }
            #expect(ending.value == .failed("he", .timedOut))
            // The other one has been silent for at least as long.
            patient.send("hello")
            #expect(try await onThread { patient.readResponse()?.code } == 200)
            #expect(ending.value == .clean("hello"))
        }
    }

    @Test func cancelledPullEnds() async throws {
        let outcome = Seen<Ending>()
        try await withServer { request, responder in
            let reader = Task { await drain(request.body) }
            reader.cancel()
            outcome.set(await reader.value)
            try? await responder.respond(.ok)
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send(post("Content-Length: 5"))
                #expect(client.readResponse()?.code == 200)
                client.send("hello" + get)
                #expect(client.readResponse()?.code == 200)
            }
        }
    }

    @Test func smallUnreadBodyKeepsTheConnectionAndLargeOneDoesNot() async throws {
        try await withServer { request, responder in
            try? await responder.respond(.ok, body: [UInt8](request.target.utf8))
        } _: { _, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send(post("Content-Length: 200000"))
                #expect(client.readResponse()?.headers["connection"] == nil)
                client.send([UInt8](repeating: 65, count: 200_000))
                client.send(post("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"))
                #expect(client.readResponse()?.code == 200)
                client.send(get)
                #expect(client.readResponse()?.headers["connection"] == nil)
                client.send(post("Content-Length: 300000"))
                #expect(client.readResponse()?.headers["connection"] == "close")
                #expect(client.isClosed())
            }
        }
    }

    @Test func spec01_90_refusalOfALargePutIsSeen() async throws {
        try await withServer { _, responder in
            try? await responder.reject(.custom(code: 403, reasonPhrase: "bob may only read"))
        } _: { server, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send("PUT /k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
                let chunk = Array("7FF0\r\n".utf8) + [UInt8](repeating: 1, count: 0x7FF0) + Array("\r\n".utf8)
                var sent = 0
                while sent < 100_000_000, client.send(chunk) { sent += chunk.count }
                let response = try #require(client.readResponse())
                #expect(response.status == "HTTP/1.1 403 bob may only read")
                #expect(response.headers["connection"] == "close")
            }
            #expect(server.statistics.bytesReceived < 4 << 20)
        }
    }

    @Test func endlessUnreadBodyEndsTheConnection() async throws {
        try await withServer { _, responder in
            try? await responder.respond(.ok)
        } _: { server, port in
            try await onThread {
                let client = try RawClient(port: port)
                client.send(post("Transfer-Encoding: chunked"))
                let chunk = Array("1000\r\n".utf8) + [UInt8](repeating: 1, count: 0x1000) + [13, 10]
                var sent = 0
                while sent < 100_000_000, client.send(chunk) { sent += chunk.count }
                #expect(sent < 100_000_000)
                #expect(client.readResponse()?.code == 200)
            }
            #expect(server.statistics.bytesReceived < 4 << 20)
        }
    }

    @Test func bodiesComeInLargePiecesWithBoundedReadAhead() async throws {
        let pieces = Seen<[Int]>()
        let gate = Seen<Bool>()
        let total = 64 << 20
        let intact = Seen<Bool>()
        try await withServer { request, responder in
            var sizes: [Int] = []
            var position = 0
            var isIntact = true
            try? await eventually("gate") { gate.value == true }
            while let piece = try? await request.body.next() {
                let start = position
                isIntact =
                    (try? await testPool.run {
                        Array(piece.readableBytesView) == pattern(from: start, count: piece.readableBytes)
                    }) == true && isIntact
                sizes.append(piece.readableBytes)
                position += piece.readableBytes
            }
            pieces.set(sizes)
            intact.set(isIntact)
            try? await responder.respond(.ok)
        } _: { server, port in
            let client = try RawClient(port: port)
            async let response = onThread {
                client.send(post("Transfer-Encoding: chunked"))
                var position = 0
                while position < total {
                    let size = min(0x7FF0, total - position)
                    client.send(
                        Array((String(size, radix: 16) + "\r\n").utf8) + pattern(from: position, count: size) + [
                            13, 10,
                        ])
                    position += size
                }
                client.send("0\r\n\r\n")
                return client.readResponse()?.code
            }
            try await eventually("something was read ahead") { server.statistics.bytesReceived > 1024 }
            #expect(server.statistics.bytesReceived < 1 << 20)
            gate.set(true)
            #expect(try await response == 200)
            let sizes = try #require(pieces.value)
            #expect(intact.value == true)
            #expect(sizes.reduce(0, +) == total)
            #expect(sizes.allSatisfy { $0 > 0 && $0 <= 1 << 20 })
            #expect(sizes.count < total / 0x7FF0)
        }
    }
}

private let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
