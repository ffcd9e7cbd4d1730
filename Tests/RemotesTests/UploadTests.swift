import AnnexProtocol
import Glibc
import Locations
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import Remotes

/// Uploads to targets that answer early, break, stall or are not there any more.
@Suite struct UploadTests {
    private let bytes = seededBytes(600_000, seed: 31)
    private var key: Key { get throws { try sha256Key(bytes) } }

    /// What a target saw of an upload.
    struct Seen: Equatable {
        var length: String?
        var offset: String
        var body: [UInt8]
        var ended: Bool
    }

    /// Plays everything but `put`.
    @Sendable private static func preliminaries(_ head: ScriptedConnection.Head, _ connection: ScriptedConnection)
        throws
    {
        switch head.action {
        case "putoffset": try connection.answer("200 OK", "{\"offset\":0}")
        case "checkpresent": try connection.answer("200 OK", "{\"present\":false}")
        default: try connection.answer("404 Not Found", "", type: nil)
        }
    }

    /// Reads a body to its end, however it ends, and stores it where it is complete.
    private func withRecorder(
        _ body: (any ContentLocation, Recorder<Seen>) async throws -> Void
    ) async throws {
        let seen = Recorder<Seen>()
        try await withScript { connection, _ in
            while true {
                let head = try connection.readHead()
                guard head.action == "put" else {
                    try Self.preliminaries(head, connection)
                    continue
                }
                var received = Seen(
                    length: head.fields["x-git-annex-data-length"],
                    offset: String(head.target.split(separator: "&").first { $0.hasPrefix("offset=") } ?? ""), body: [],
                    ended: false)
                do {
                    if head.fields["transfer-encoding"] == "chunked" {
                        while let chunk = try connection.readChunk() { received.body += chunk }
                    }
                    received.ended = true
                } catch {
                    seen.append(received)
                    throw error
                }
                let isWhole = "\(received.body.count)" == received.length
                seen.append(received)
                try connection.answer(
                    "200 OK", "{\"plusuuids\":[\"\(gatewayUUID)\",\"[eA==]\"],\"stored\":\(isWhole)}")
            }
        } _: { location, _, _ in
            try await body(location, seen)
        }
    }

    @Test("a whole upload, its other copies, and its last byte", arguments: [1, 7, 65_536, 600_000])
    func whole(pieces: Int) async throws {
        let bytes = Array(bytes.prefix(pieces < 10 ? 40_000 : 600_000))
        let key = try sha256Key(bytes)
        try await withRecorder { location, seen in
            let x = try #require(RepositoryUUID("x"))
            #expect(
                try await location.store(key, from: upload(bytes, pieces: pieces))
                    == .stored(at: [targetUUID, gatewayUUID, x]))
            #expect(seen.all == [Seen(length: "\(bytes.count)", offset: "offset=0", body: bytes, ended: true)])
        }
    }

    @Test("a body that cannot be trusted arrives one byte short (spec 03 #64)")
    func distrusted() async throws {
        var wrong = bytes
        wrong[0] ^= 1
        let cases: [(Upload, Int)] = [
            (upload(wrong), 599_999), (upload(bytes + [9]), 600_000), (upload(bytes + [9], length: 600_000), 599_999),
            (upload(Array(bytes.prefix(100_000)), length: 600_000), 100_000),
            (upload(bytes + [9, 9, 9], length: 600_000, pieces: 700_000), 599_999),
        ]
        for (index, (body, expected)) in cases.enumerated() {
            try await withRecorder { location, seen in
                guard case .notStored = try await location.store(try key, from: body) else {
                    Issue.record("case \(index) was stored")
                    return
                }
                #expect(seen.all.map(\.body.count) == [expected], "case \(index)")
                #expect(seen.all.map(\.ended) == [true], "case \(index)")
            }
        }
    }

    @Test("a part of the content cannot be verified here, and is passed on")
    func resumed() async throws {
        try await withRecorder { location, seen in
            let part = Array(bytes[100_000...])
            let outcome = try await location.store(try key, from: upload(part, offset: 100_000))
            guard case .stored = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(seen.all == [Seen(length: "500000", offset: "offset=100000", body: part, ended: true)])
        }
    }

    @Test("a negative length is passed on with nothing behind it")
    func negative() async throws {
        try await withRecorder { location, seen in
            guard case .notStored = try await location.store(try key, from: upload([], length: -4000)) else {
                Issue.record("stored")
                return
            }
            #expect(seen.all.map(\.length) == ["-4000"])
            #expect(seen.all.map(\.body) == [[]])
        }
    }

    /// More than is taken from a sender before the target has seen the request.
    private static let long = [UInt8](repeating: 7, count: 8 << 20)

    @Test("a sender who is gone breaks the upload off: the target has what came, and nothing is made up")
    func senderGone() async throws {
        try await withRecorder { location, seen in
            let outcome = try await location.store(
                try key, from: upload(Self.long, length: Self.long.count + 1, end: .broken))
            guard case .notStored = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(try await onThread { eventually { seen.all.count == 1 } })
            let upload = try #require(seen.all.first)
            #expect(!upload.ended)
            #expect(upload.body == Self.long)
        }
    }

    @Test("a task that is cancelled breaks the upload off")
    func cancelled() async throws {
        try await withRecorder { location, seen in
            let key = try key
            let body = upload(Self.long, length: Self.long.count + 1, end: nil)
            let task = Task { try await location.store(key, from: body) }
            let given = try #require(body.body as? GivenBody)
            _ = try await onThread { eventually { given.pulled.load(ordering: .relaxed) == Self.long.count } }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try await onThread { eventually { seen.all.count == 1 } })
            #expect(try !#require(seen.all.first).ended)
        }
    }

    static let answers: [(String, String)] = [
        ("507 Not enough space: need 18.6 MB more", "node1: 507 Not enough space: need 18.6 MB more"),
        ("403 read-only", "node1: 403 read-only"),
    ]

    @Test("a refusal ends the upload, whether the target goes on reading or not", arguments: answers, [0, 1, 2])
    func refusedEarly(answer: (String, String), manner: Int) async throws {
        try await withScript { connection, _ in
            while true {
                let head = try connection.readHead()
                guard head.action == "put" else {
                    try Self.preliminaries(head, connection)
                    continue
                }
                if manner == 1 { for _ in 0..<5 { _ = try connection.readChunk() } }
                try connection.answer(answer.0, "no", type: "text/plain")
                // Neither reads nor closes; closes; reads to the end.
                if manner == 0 { return connection.waitForEnd() }
                if manner == 1 { return }
                while try connection.readChunk() != nil {}
            }
        } _: { location, connections, _ in
            // More than socket buffers hold, from a sender that has not sent it all.
            let key = try Key(parsing: "URL-s900000000--x")
            let piece = ByteBuffer(repeating: 0, count: 1 << 20)
            let body = GivenBody(Array(repeating: .bytes(piece), count: manner == 2 ? 3 : 40))
            let upload = Upload(
                client: [], associatedFile: nil, offset: 0, length: 900_000_000, body: body)
            let error = await failure { _ = try await location.store(key, from: upload) }
            #expect(error?.message == answer.1)
            #expect(connections.usage.inUse == 0)
        }
    }

    @Test("content that is there already needs no body")
    func presentEarly() async throws {
        try await withScript { connection, _ in
            while true {
                let head = try connection.readHead()
                guard head.action == "put" else {
                    try Self.preliminaries(head, connection)
                    continue
                }
                try connection.answer("200 OK", "{\"plusuuids\":[],\"stored\":true}")
                return connection.waitForEnd()
            }
        } _: { location, _, _ in
            let body = upload(Array(bytes.prefix(1000)), length: 600_000, end: nil)
            let outcome = try await location.store(try key, from: body)
            #expect(outcome == .stored(at: [location.uuid]))
        }
    }

    @Test("a target that stops reading ends with an error; a sender that takes the time does not")
    func stall() async throws {
        try await withScript(settings: testSettings { $0.stallTimeout = .seconds(1) }) { connection, _ in
            while true {
                let head = try connection.readHead()
                if head.action == "put" {
                    // Neither reads on nor closes.
                    var pause = timespec(tv_sec: 8, tv_nsec: 0)
                    nanosleep(&pause, nil)
                    return
                }
                try Self.preliminaries(head, connection)
            }
        } _: { location, _, _ in
            let piece = ByteBuffer(repeating: 0, count: 1 << 20)
            let body = GivenBody(Array(repeating: .bytes(piece), count: 64))
            let upload = Upload(client: [], associatedFile: nil, offset: 0, length: 900_000_000, body: body)
            let error = await failure { _ = try await location.store(try Key(parsing: "URL--x"), from: upload) }
            #expect(error?.code == .timedOut)
            // What the sender had to give up waiting for is bounded by socket buffers, not by the upload.
            #expect(body.pulled.load(ordering: .relaxed) < 30 << 20)
        }
        let slow = SlowBody(bytes, pause: .seconds(4))
        try await withScript(settings: testSettings { $0.stallTimeout = .seconds(3) }) { connection, _ in
            while true {
                let head = try connection.readHead()
                guard head.action == "put" else {
                    try Self.preliminaries(head, connection)
                    continue
                }
                _ = try connection.readBody(head)
                try connection.answer("200 OK", "{\"plusuuids\":[],\"stored\":true}")
            }
        } _: { location, _, _ in
            let upload = Upload(client: [], associatedFile: nil, offset: 0, length: 600_000, body: slow)
            let outcome = try await location.store(try key, from: upload)
            #expect(outcome == .stored(at: [location.uuid]))
        }
    }

    /// Pauses before each of two halves and before the end.
    private final class SlowBody: UploadBody {
        private let chunks: Mutex<[UploadChunk]>
        private let pause: Duration

        init(_ bytes: [UInt8], pause: Duration) {
            let half = bytes.count / 2
            chunks = Mutex([
                .bytes(ByteBuffer(bytes: bytes[..<half])), .bytes(ByteBuffer(bytes: bytes[half...])), .end(.unchecked),
            ])
            self.pause = pause
        }

        func next() async throws -> UploadChunk {
            try await Task.sleep(for: pause)
            return chunks.withLock { $0.removeFirst() }
        }
    }

    @Test("an idle connection that died costs an upload nothing (spec 03 #98)")
    func deadConnection() async throws {
        let stored = Recorder<[UInt8]>()
        try await withScript { connection, number in
            while true {
                let head = try connection.readHead()
                guard head.action == "put" else {
                    try Self.preliminaries(head, connection)
                    continue
                }
                if number == 0 { return connection.reset() }
                let body = try connection.readBody(head)
                stored.append(body)
                try connection.answer("200 OK", "{\"plusuuids\":[],\"stored\":true}")
            }
        } _: { location, _, server in
            let outcome = try await location.store(try key, from: upload(bytes))
            #expect(outcome == .stored(at: [location.uuid]))
            #expect(server.accepted == 2)
            #expect(stored.all == [bytes])
        }
    }

    @Test("a target that breaks the connection in the middle of an upload")
    func targetGone() async throws {
        try await withScript { connection, number in
            while true {
                let head = try connection.readHead()
                if head.action == "put" {
                    for _ in 0..<3 { _ = try connection.readChunk() }
                    return connection.reset()
                }
                // A fresh connection for each request.
                try connection.answer("200 OK", "{\"offset\":0}", "Connection: close\r\n")
                return
            }
        } _: { location, connections, _ in
            let error = await failure { _ = try await location.store(try key, from: upload(bytes)) }
            #expect(error?.code == .unreachable)
            #expect(connections.usage.inUse == 0)
        }
    }

    @Test(
        "an upload to a target that wants a login, with little and with much to send", arguments: [300_000, 3_000_000])
    func login(size: Int) async throws {
        let bytes = seededBytes(size, seed: 32)
        let key = try sha256Key(bytes)
        let login = OneLogin("alice", "secret")
        let counts = Recorder<Int>()
        try await withScript(credentials: login) { connection, _ in
            while true {
                let head = try connection.readHead()
                guard head.fields["authorization"] == "Basic YWxpY2U6c2VjcmV0" else {
                    try connection.answer("401 Unauthorized", "", type: nil)
                    if head.action == "put" { return }
                    continue
                }
                guard head.action == "put" else {
                    try Self.preliminaries(head, connection)
                    continue
                }
                let body = try connection.readBody(head)
                counts.append(body.count)
                try connection.answer("200 OK", "{\"plusuuids\":[],\"stored\":true}")
            }
        } _: { location, _, _ in
            let outcome = try await location.store(key, from: upload(bytes))
            #expect(outcome == .stored(at: [location.uuid]))
            #expect(counts.all == [size])
            #expect(login.events.accepted == 1)
        }
    }
}
