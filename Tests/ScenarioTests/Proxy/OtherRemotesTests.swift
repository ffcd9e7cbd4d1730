// A remote that is out of reach, or has gone silent, is nobody else's trouble: while requests to it hang, those to
// other remotes and to the gateway's own content are answered.

import Foundation
import TestKit
import Testing

@Suite struct OtherRemotesTests {
    @Test(
        "docs/proxying.md: a black hole and a silent remote hold up nobody else", .timeLimit(.minutes(10)),
        arguments: [1, 32])
    func unaffected(maximumConnections: Int) throws {
        var options = AnnexdHost.Options()
        // Nothing gives up by itself while the test runs.
        for name in ["ANSWER_TIMEOUT", "CONNECT_TIMEOUT", "QUEUE"] {
            options.environment["ANNEXD_PROXY_\(name)_SECONDS"] = "600"
        }
        options.environment["ANNEXD_LIMITS_TRANSFER_TIMEOUT_SECONDS"] = "600"
        options.environment["ANNEXD_PROXY_MAX_CONNECTIONS"] = "\(maximumConnections)"
        try withProxy(.annexd, options) { setup in
            let hole = try BlackHole()
            let relay = try TCPRelay(to: try #require(setup.otherHost).port)
            defer {
                relay.close()
                hole.close()
            }
            relay.decide { .stall(after: 0) }
            let uuids = try add([("hole", hole.port), ("silent", relay.port)], to: setup)

            let bytes = seededBytes(100_000, seed: 1)
            let key = try Tools.sha256Key(bytes)
            var hanging: [RawConnection] = []
            for uuid in uuids {
                let p2p = P2PCalls(port: setup.host.port, prefix: "/\(setup.gateway.path)", uuid: uuid)
                for number in 0..<40 {
                    let connection: RawConnection
                    switch number % 4 {
                    case 0: connection = try p2p.beginPut(key, part: bytes, declared: bytes.count)
                    case 1:
                        connection = try RawConnection(port: setup.host.port)
                        try connection.send("GET \(p2p.target("key/\(key)")) HTTP/1.1\r\nHost: h\r\n\r\n")
                    default:
                        connection = try RawConnection(port: setup.host.port)
                        let target = p2p.target(["lockcontent", "checkpresent"][number % 2], [("key", key)])
                        try connection.send("POST \(target) HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
                    }
                    hanging.append(connection)
                }
            }
            #expect(try eventually { try setup.host.metrics()["annexd_connections"] ?? 0 > hanging.count })
            #expect(try eventually { try setup.host.metrics()["annexd_remote_requests"] ?? 0 >= 2 })

            // All of these fail after a minute if they have to wait for one of those.
            for p2p in [setup.p2p, try setup.gateway.p2p()] {
                for round in 0..<5 {
                    let other = seededBytes(100_000, seed: UInt64(round + 2))
                    let otherKey = try p2p.store(other)
                    #expect(try p2p.get(otherKey).body == other)
                    let lock = try #require(try p2p.lock(otherKey))
                    #expect(try p2p.unlock(lock).bool("locked") == false)
                    #expect(try p2p.remove(otherKey) == true)
                }
            }
            let tree = try setup.client.annexClone(setup.gateway.url, as: "tree")
            try tree.write("f", bytes)
            try tree.add("f")
            try tree.git("push", "-q", "origin", "main", "git-annex")
            // And still nothing was answered for the others.
            #expect(try setup.host.metrics()["annexd_connections"] ?? 0 > hanging.count)
            // A half-closed connection still wants its answer; a reset one does not.
            for connection in hanging { connection.reset() }
            #expect(try eventually { try setup.host.metrics()["annexd_remote_requests"] == 0 })
        }
    }

    /// More remotes, whose UUIDs nobody has to tell.
    private func add(_ remotes: [(name: String, port: Int)], to setup: ProxySetup) throws -> [String] {
        var uuids: [String] = []
        for (index, remote) in remotes.enumerated() {
            let uuid = "4444444\(index)-4444-4444-8444-444444444444"
            for (name, value) in [
                ("url", "http://127.0.0.1:\(remote.port)/"), ("annexUrl", "annex+http://127.0.0.1:\(remote.port)/x"),
                ("annex-uuid", uuid), ("annex-proxy", "true"),
            ] {
                try setup.gateway.setConfig("remote.\(remote.name).\(name)", value)
            }
            uuids.append(uuid)
        }
        // The stock program records them without asking them anything.
        try setup.gateway.tree(setup.client).annex("updateproxy")
        return uuids
    }
}
