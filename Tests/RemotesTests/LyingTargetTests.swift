import AnnexProtocol
import FileIO
import Glibc
import Locations
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import Remotes

/// Targets that are slow, silent, wrong or gone. Each must end in the right error, and leave nothing behind.
@Suite struct LyingTargetTests {
    static let key: Key? = try? Key(
        parsing: "SHA256-s10--0000000000000000000000000000000000000000000000000000000000000000")

    private var key: Key { get throws { try #require(Self.key) } }

    @Test(
        "replies that the protocol does not have",
        arguments: [
            "{\"present\":\"true\"}", "{\"present\":1}", "{}", "[]", "true", "", "{\"present\":true",
            "{\"present\":true}}",
            "<html>", "{\"present\":null}", String(repeating: "[", count: 60_000),
            "{\"present\":true,\"x\":\"" + String(repeating: "a", count: 70_000) + "\"}",
        ])
    func garbage(reply: String) async throws {
        try await withScript { connection, _ in
            while true {
                _ = try connection.readHead()
                try connection.answer("200 OK", reply)
            }
        } _: { location, _, _ in
            let error = await failure { _ = try await location.isPresent(try key) }
            #expect(error?.code == .misbehaved)
            #expect(error?.message.hasPrefix("node1 ") == true)
        }
    }

    @Test("a reply of another type is none", arguments: ["text/plain", nil, "application/jsonp"])
    func wrongType(type: String?) async throws {
        try await withScript { connection, _ in
            _ = try connection.readHead()
            try connection.answer("200 OK", "{\"present\":true}", type: type)
        } _: { location, _, _ in
            let code = await failure { _ = try await location.isPresent(try key) }?.code
            #expect(code == .misbehaved)
        }
    }

    static let refusals: [(String, LocationError.Code, String)] = [
        ("400 Bad Request", .misbehaved, "node1: 400 Bad Request: what?"),
        ("403 bob may only read", .forbidden, "node1: 403 bob may only read"),
        ("429 Slow down", .busy, "node1: 429 Slow down"),
        ("500 Something", .misbehaved, "node1: 500 Something: what?"),
        ("503 Too much", .busy, "node1: 503 Too much"),
        ("504 Later", .timedOut, "node1: 504 Later"),
        ("507 Not enough space: need 18.6 MB more", .full, "node1: 507 Not enough space: need 18.6 MB more"),
        ("508 Loop Detected", .loop, "node1: 508 Loop Detected"),
        ("302 Found", .misbehaved, "node1: 302 Found: what?"),
        ("201 Created", .misbehaved, "node1: 201 Created: what?"),
        ("500 a\u{7}b\u{1b}[1m", .misbehaved, "node1: 500 ab[1m: what?"),
    ]

    @Test("a status means what it should, in the target's own words", arguments: refusals)
    func status(line: String, code: LocationError.Code, message: String) async throws {
        try await withScript { connection, number in
            while true {
                _ = try connection.readHead()
                if number > 0 {
                    Issue.record("redirected")
                    return
                }
                try connection.answer(line, "what?\n", type: "text/plain", "Location: http://127.0.0.1:1/\r\n")
            }
        } _: { location, _, _ in
            for _ in 0..<2 {
                let error = await failure { _ = try await location.isPresent(try key) }
                #expect(error == LocationError(code, message))
            }
        }
    }

    @Test(
        "an interim answer is none", arguments: ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 102 Wait\r\nX: y\r\n\r\n"])
    func interim(text: String) async throws {
        try await withScript { connection, _ in
            _ = try connection.readHead()
            try connection.send(text)
            try connection.answer("507 Full to the brim", "")
        } _: { location, _, _ in
            let error = await failure { _ = try await location.isPresent(try key) }
            #expect(error == LocationError(.full, "node1: 507 Full to the brim"))
        }
    }

    static let breaks: [(String, LocationError.Code)] = [
        ("", .unreachable), ("HTTP/1.1 200 OK\r\n", .unreachable),
        ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"pres", .unreachable),
        ("SSH-2.0-OpenSSH_9.2\r\n", .misbehaved), ("\u{0}\u{1}\u{2}\u{3}\r\n\r\n", .misbehaved),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", .misbehaved),
    ]

    @Test("a connection that breaks, or speaks something else", arguments: breaks)
    func broken(text: String, code: LocationError.Code) async throws {
        try await withScript { connection, _ in
            _ = try connection.readHead()
            try connection.send(text)
        } _: { location, _, server in
            let found = await failure { _ = try await location.isPresent(try key) }?.code
            #expect(found == code)
            // A fresh connection that breaks is not tried again.
            #expect(server.accepted == 1)
        }
    }

    @Test("nobody listens")
    func refused() async throws {
        let port = try StockServer.freePort()
        try await withConnections { connections in
            let location = connections.location(of: try target(port: port), gateway: gatewayUUID, caller: Caller())
            let error = await failure { _ = try await location.isPresent(try key) }
            #expect(error == LocationError(.unreachable, "node1 is unreachable: connection refused"))
            var nowhere = try target(port: port)
            nowhere.url = try #require(AnnexURL("annex+http://no.such.host.invalid/"))
            let lost = connections.location(of: nowhere, gateway: gatewayUUID, caller: Caller())
            let unknown = await failure { _ = try await lost.isPresent(try key) }
            #expect(
                unknown
                    == LocationError(
                        .unreachable, "node1 is unreachable: its host no.such.host.invalid cannot be found"))
        }
    }

    @Test("a hung target holds up nobody else, and ends with an error (spec 03 #36)")
    func hung() async throws {
        let good = try ScriptedServer { connection, _ in
            while true {
                _ = try connection.readHead()
                try connection.answer("200 OK", "{\"present\":true}")
            }
        }
        defer { good.close() }
        try await withScript(
            settings: testSettings {
                $0.answerTimeout = .seconds(5)
                $0.maxConnectionsPerTarget = 2
                $0.queuePatience = .milliseconds(200)
            }
        ) { connection, _ in
            connection.waitForEnd()
        } _: { location, connections, server in
            let other = connections.location(
                of: try target(port: good.port, name: "node2"), gateway: gatewayUUID, caller: Caller())
            let hungTarget = try target(port: server.port)
            let key = try key
            await withTaskGroup(of: LocationError.Code?.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        do { _ = try await location.isPresent(key) } catch { return (error as? LocationError)?.code }
                        return nil
                    }
                }
                try? await wait(for: "both connections to be in use") { connections.usage(of: hungTarget).inUse == 2 }
                for _ in 0..<20 {
                    let isPresent = try? await other.isPresent(key)
                    #expect(isPresent == true)
                }
                var codes: [LocationError.Code?] = []
                for await code in group { codes.append(code) }
                // Of three the last one waits in line; on a slow machine it may get a turn.
                #expect(codes.allSatisfy { $0 == .timedOut || $0 == .busy }, "\(codes)")
                #expect(codes.filter { $0 == .timedOut }.count >= 2)
            }
        }
    }

    @Test("a trickled reply does not hold up for ever")
    func trickle() async throws {
        try await withScript(settings: testSettings { $0.answerTimeout = .seconds(1) }) { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Type: application/json\r\n\r\n")
            while true {
                try connection.send(" ")
                var pause = timespec(tv_sec: 0, tv_nsec: 50_000_000)
                nanosleep(&pause, nil)
            }
        } _: { location, _, _ in
            let code = await failure { _ = try await location.isPresent(try key) }?.code
            #expect(code == .timedOut)
        }
    }

    @Test("a cancelled request leaves at once")
    func cancelled() async throws {
        let asked = Atomic(0)
        try await withScript { connection, _ in
            _ = try connection.readHead()
            asked.add(1, ordering: .relaxed)
            connection.waitForEnd()
        } _: { location, connections, server in
            let key = try key
            let task = Task { try await location.isPresent(key) }
            // A connection that has not got its request yet would be kept for the next one.
            _ = try await onThread { eventually { asked.load(ordering: .relaxed) == 1 } }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(connections.usage.inUse == 0)
            #expect(try await onThread { eventually { server.open == 0 } })
        }
    }

    @Test("an idle connection that died is replaced, unnoticed (spec 03 #98)")
    func deadConnection() async throws {
        try await withScript { connection, number in
            // The first connection answers once, takes another request, and is gone.
            _ = try connection.readHead()
            try connection.answer("200 OK", "{\"present\":true}")
            _ = try connection.readHead()
            if number == 0 { return connection.reset() }
            try connection.answer("200 OK", "{\"present\":false}")
        } _: { location, _, server in
            let key = try key
            #expect(try await location.isPresent(key))
            #expect(try await location.isPresent(key))
            #expect(server.accepted == 2)
        }
    }

    @Test("idle connections are closed after a while, and the next request works (spec 03 #98)")
    func idleLimit() async throws {
        try await withScript(settings: testSettings { $0.idleTimeout = .milliseconds(200) }) { connection, _ in
            while true {
                _ = try connection.readHead()
                try connection.answer("200 OK", "{\"present\":true}")
            }
        } _: { location, connections, server in
            let key = try key
            #expect(try await location.isPresent(key))
            #expect(connections.usage(of: try target(port: server.port)).open <= 1)
            #expect(try await onThread { eventually { server.open == 0 } })
            #expect(connections.usage(of: try target(port: server.port)).open == 0)
            #expect(try await location.isPresent(key))
            #expect(server.accepted == 2)
        }
    }

    @Test("older targets are found out once per action (spec 03 #65)")
    func stepDown() async throws {
        let seen = Recorder<String>()
        try await withScript { connection, _ in
            while true {
                let head = try connection.readHead()
                seen.append("\(head.version) \(head.action)")
                switch (head.version, head.action) {
                case ("v2", "checkpresent"), ("v1", "checkpresent"):
                    try connection.answer("200 OK", "{\"present\":true}")
                case ("v2", "remove"): try connection.answer("200 OK", "{\"removed\":true}")
                case ("v4", _): try connection.answer("400 Bad Request", "bad version", type: nil)
                default: try connection.answer("404 Not Found", "", type: nil)
                }
            }
        } _: { location, connections, server in
            let key = try key
            #expect(try await location.isPresent(key))
            #expect(try await location.isPresent(key))
            #expect(try await location.confirm(key) == .stored(at: [location.uuid]))
            #expect(
                try await location.remove(key, before: BootSeconds(BootSeconds.now.value + 50))
                    == .removed(from: [location.uuid]))
            let all = seen.all
            #expect(
                all == [
                    "v4 checkpresent", "v3 checkpresent", "v2 checkpresent", "v2 checkpresent", "v2 checkpresent",
                    "v2 remove",
                ])
            #expect(await connections.probe(try target(port: server.port), gateway: gatewayUUID) == .available(.v2))
        }
    }

    @Test("an older target whose first request is HEAD, the answer to which says no more than 400 (spec 03 #65)")
    func stepDownFromHead() async throws {
        let seen = Recorder<String>()
        try await withScript { connection, _ in
            while true {
                let head = try connection.readHead()
                seen.append("\(head.version) \(head.method) \(head.action)")
                switch (head.version, head.action) {
                case ("v2", "checkpresent"): try connection.answer("200 OK", "{\"present\":true}")
                case ("v2", "key"): try connection.send("HTTP/1.1 200 OK\r\nX-git-annex-data-length: 3\r\n\r\n")
                default:
                    let body = head.method == "HEAD" ? "" : "bad version"
                    try connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 11\r\n\r\n\(body)")
                }
            }
        } _: { location, _, _ in
            let key = try Key(parsing: "URL-s3--x")
            #expect(try await location.open(key, for: Reading(wantsBytes: false))?.size == 3)
            #expect(try await location.open(key, for: Reading(wantsBytes: false))?.size == 3)
            #expect(
                seen.all == [
                    "v4 HEAD key", "v4 POST checkpresent", "v3 POST checkpresent", "v2 POST checkpresent",
                    "v2 HEAD key", "v2 HEAD key",
                ])
        }
    }

    @Test("a repository that is not there is not looked for over and over (spec 03 #65)")
    func unknownRepository() async throws {
        let heads = Recorder<String>()
        try await withScript { connection, _ in
            while true {
                heads.append(try connection.readHead().line)
                try connection.answer("404 Not Found", "", type: nil)
            }
        } _: { location, _, _ in
            let error = await failure { _ = try await location.isPresent(try key) }
            #expect(error == LocationError(.misbehaved, "node1 does not serve the repository \(targetUUID)"))
            #expect(heads.all.count == 5)
            let code = await failure { _ = try await location.open(try key, for: Reading()) }?.code
            #expect(code == .misbehaved)
            let other = await failure { _ = try await location.store(try key, from: upload([1])) }?.code
            #expect(other == .misbehaved)
        }
    }

    @Test("who asks, and whom not to ask again")
    func query() async throws {
        let targets = Recorder<String>()
        let server = try ScriptedServer { connection, _ in
            while true {
                let head = try connection.readHead()
                targets.append(head.target)
                try connection.answer("200 OK", "{\"present\":true}")
            }
        }
        defer { server.close() }
        try await withConnections { connections in
            let other = RepositoryUUID("00000000-0000-4000-8000-000000000000") ?? .random()
            let location = connections.location(
                of: try target(port: server.port, path: "/a/../b%20c"), gateway: gatewayUUID,
                caller: Caller(bypass: [other]))
            #expect(try await location.isPresent(try Key(parsing: "URL--a/b c%&d")))
            #expect(
                targets.all == [
                    "/a/../b%20c/git-annex/\(targetUUID)/v4/checkpresent?key=URL--a%2Fb%20c%25%26d&clientuuid=\(gatewayUUID)"
                        + "&bypass=\(other)&bypass=\(gatewayUUID)"
                ])
        }
    }
}
