import AnnexProtocol
import Locations
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import Remotes

/// Downloads from targets that do not send what they should.
@Suite struct LyingContentTests {
    private let bytes = seededBytes(300_000, seed: 21)
    private var key: Key { get throws { try sha256Key(bytes) } }

    /// Answers every GET with the given head fields and body, and says that every key is present, or that none is.
    private func withContent(
        _ fields: String, _ body: [UInt8], present: Bool = true,
        settings: RemoteSettings = testSettings(),
        then: (@Sendable (ScriptedConnection) -> Void)? = nil,
        _ test: (any ContentLocation, RemoteConnections, ScriptedServer) async throws -> Void
    ) async throws {
        try await withScript(settings: settings) { connection, _ in
            while true {
                let head = try connection.readHead()
                guard head.action == "key" else {
                    try connection.answer("200 OK", "{\"present\":\(present)}")
                    continue
                }
                try connection.send("HTTP/1.1 200 OK\r\n\(fields)\r\n")
                guard head.method == "GET" else { continue }
                try connection.send(body)
                if let then { return then(connection) }
            }
        } _: {
            try await test($0, $1, $2)
        }
    }

    private func chunked(_ bytes: [UInt8], size: Int = 32_752) -> [UInt8] {
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = bytes[start..<min(start + size, bytes.count)]
            result += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [13, 10]
        }
        return result + Array("0\r\n\r\n".utf8)
    }

    private static let head = "Transfer-Encoding: chunked\r\nX-git-annex-data-length: 300000\r\n"

    @Test("right content arrives, over one connection", arguments: [1000, 32_752, 300_000])
    func right(chunk: Int) async throws {
        try await withContent(Self.head, chunked(bytes, size: chunk)) { location, connections, server in
            let key = try key
            for _ in 0..<3 { #expect(try await read(location.open(key, for: Reading())) == bytes) }
            #expect(server.accepted == 1)
            #expect(connections.usage(of: try target(port: server.port)).open == 1)
        }
    }

    @Test("content with a wrong byte never arrives whole")
    func wrongByte() async throws {
        for place in [0, 150_000, 299_999] {
            var wrong = bytes
            wrong[place] ^= 1
            try await withContent(Self.head, chunked(wrong)) { location, _, _ in
                let key = try key
                let received = Recorder<Int>()
                let error = await failure {
                    guard case .stream(let remote)? = try await location.open(key, for: Reading())?.source else {
                        return
                    }
                    let source = try await remote.bytes(from: 0)
                    while let piece = try await source.next() { received.append(piece.readableBytes) }
                }
                #expect(error?.code == .misbehaved)
                #expect(error?.message == "node1 sent wrong content of \(key)")
                #expect(received.all.reduce(0, +) < 300_000)
            }
        }
    }

    @Test("fewer and more bytes than announced")
    func wrongLength() async throws {
        for body in [chunked(Array(bytes.dropLast())), chunked(bytes + [0]), chunked([])] {
            try await withContent(Self.head, body) { location, _, _ in
                let error = await failure { _ = try await read(location.open(try key, for: Reading())) }
                #expect(error?.code == .misbehaved)
            }
        }
        try await withContent(
            "X-git-annex-data-length: 300000\r\nContent-Length: 300000\r\n", Array(bytes[..<1000]), then: { _ in }
        ) { location, _, _ in
            let error = await failure { _ = try await read(location.open(try key, for: Reading())) }
            #expect(error?.code == .unreachable)
        }
    }

    @Test(
        "sizes that cannot be",
        arguments: [
            "X-git-annex-data-length: 299999\r\n", "X-git-annex-data-length: -1\r\n", "",
            "X-git-annex-data-length: x\r\n",
        ])
    func wrongSize(field: String) async throws {
        try await withContent("\(field)Content-Length: 0\r\n", []) { location, _, _ in
            let code = await failure { _ = try await location.open(try key, for: Reading()) }?.code
            #expect(code == .misbehaved)
        }
    }

    @Test("an empty answer for content that is not there, as the stock program gives it")
    func emptyForAbsent() async throws {
        try await withContent("X-git-annex-data-length: 0\r\nContent-Length: 0\r\n", [], present: false) {
            location, _, _ in
            let (sized, sizeless) = (try key, try Key(parsing: "URL--x"))
            #expect(try await location.open(sized, for: Reading()) == nil)
            #expect(try await location.open(sizeless, for: Reading()) == nil)
            #expect(try await location.open(sizeless, for: Reading(offset: 5)) == nil)
            #expect(try await location.open(sizeless, for: Reading(wantsBytes: false)) == nil)
        }
    }

    /// How long a target may be silent: longer than a busy machine keeps one of its threads waiting.
    private static let silence = Duration.seconds(3)

    @Test("a target that stalls in the middle, and a reader who takes the time")
    func stall() async throws {
        try await withContent(
            Self.head, Array(chunked(bytes).prefix(50_000)), settings: testSettings { $0.stallTimeout = .seconds(1) },
            then: { $0.waitForEnd() }
        ) { location, _, _ in
            let error = await failure { _ = try await read(location.open(try key, for: Reading())) }
            #expect(error?.code == .timedOut)
        }
        try await withContent(
            Self.head, chunked(bytes), settings: testSettings { $0.stallTimeout = Self.silence }
        ) { location, _, _ in
            guard case .stream(let remote)? = try await location.open(try key, for: Reading())?.source else {
                Issue.record("absent")
                return
            }
            // Longer than the target may be silent: that is our time, not the target's.
            try await Task.sleep(for: Self.silence + .seconds(1))
            let source = try await remote.bytes(from: 0)
            var received: [UInt8] = []
            while let piece = try await source.next() {
                if received.isEmpty { try await Task.sleep(for: Self.silence + .seconds(1)) }
                received += Array(piece.readableBytesView)
            }
            #expect(received == bytes)
        }
    }

    @Test("content that nobody reads is given up, and so is a half-read one")
    func abandoned() async throws {
        let big = Array(repeating: UInt8(7), count: 20_000_000)
        let bigKey = try Key(parsing: "URL-s20000000--x")
        try await withContent(
            "Content-Length: 20000000\r\nX-git-annex-data-length: 20000000\r\n", big
        ) { location, connections, server in
            do {
                let content = try await location.open(bigKey, for: Reading())
                #expect(connections.usage.inUse == 1)
                _ = content
            }
            #expect(try await onThread { eventually { server.open == 0 } })
            #expect(connections.usage.inUse == 0)

            guard case .stream(let remote)? = try await location.open(bigKey, for: Reading())?.source else { return }
            let source = try await remote.bytes(from: 0)
            _ = try await source.next()
            #expect(connections.usage.inUse == 1)
            source.cancel()
            #expect(connections.usage.inUse == 0)
            #expect(try await onThread { eventually { server.open == 0 } })
            await #expect(throws: (any Error).self) { while try await source.next() != nil {} }
        }
    }

    @Test("a task that is cancelled while it reads lets go of the connection")
    func cancelledReader() async throws {
        try await withContent(
            Self.head, Array(chunked(bytes).prefix(50_000)), then: { $0.waitForEnd() }
        ) { location, connections, server in
            let key = try key
            let (begun, signal) = AsyncStream<Void>.makeStream()
            let task = Task {
                guard case .stream(let remote)? = try await location.open(key, for: Reading())?.source else { return }
                let source = try await remote.bytes(from: 0)
                while try await source.next() != nil { signal.yield() }
            }
            for await _ in begun { break }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try await onThread { eventually { server.open == 0 && connections.usage.inUse == 0 } })
        }
    }
}
