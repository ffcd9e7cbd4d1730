// Remotes that are down, slow, full, locked out or lying: the client hears soon what is wrong with which of them, and
// nobody else waits.

import Foundation
import TestKit
import Testing

@Suite struct ProxyFailureTests {
    private let emptyKey = "SHA256-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    /// A gateway whose remote is another annexd behind a relay.
    private func withRelay(
        _ options: AnnexdHost.Options = .init(), other: AnnexdHost.Options = .init(),
        _ body: (ProxySetup, TCPRelay) throws -> Void
    ) throws {
        try withProxy(.annexd, options, other: other) { setup in
            let relay = try TCPRelay(to: try #require(setup.otherHost).port)
            defer { relay.close() }
            try setup.gateway.setConfig("remote.node1.annexUrl", "annex+http://127.0.0.1:\(relay.port)/archive/one")
            try body(setup, relay)
        }
    }

    private var impatient: AnnexdHost.Options {
        var options = AnnexdHost.Options()
        options.environment = [
            "ANNEXD_PROXY_ANSWER_TIMEOUT_SECONDS": "1", "ANNEXD_PROXY_CONNECT_TIMEOUT_SECONDS": "1",
            "ANNEXD_LIMITS_TRANSFER_TIMEOUT_SECONDS": "1",
        ]
        return options
    }

    private func requests(_ p2p: P2PCalls) throws -> [HTTPReply] {
        let bytes = seededBytes(300_000, seed: 1)
        let key = try Tools.sha256Key(bytes)
        return [
            try p2p.call("checkpresent", [("key", key)]), try p2p.get(key), try p2p.call("putoffset", [("key", key)]),
            try p2p.put(key, bytes), try p2p.call("remove", [("key", key)]),
            try p2p.call("lockcontent", [("key", key)]),
            try p2p.call("remove-before", [("key", key), ("timestamp", "\(bootSeconds() + 60)")]),
        ]
    }

    @Test("down: 502 that names it, for every operation; back: at work at once")
    func down() throws {
        try withProxy(.annexd) { setup in
            let other = try #require(setup.otherHost)
            let key = try setup.p2p.store(seededBytes(1000, seed: 2))
            other.kill9()
            for reply in try requests(setup.p2p) {
                #expect(reply.status == 502 && reply.reason.contains("node1"), "\(reply.status) \(reply.reason)")
            }
            let list = try setup.host.annexd("proxy", "list", "--root", setup.host.root, "team/gateway")
            #expect(list.text.contains("not reachable"), "\(list.transcript)")
            try other.restart()
            #expect(try setup.p2p.checkPresent(key) == true)
            let again = try setup.host.annexd("proxy", "list", "--root", setup.host.root, "team/gateway")
            #expect(again.text.contains(", reachable"), "\(again.transcript)")
        }
    }

    @Test("spec 03 #36: silent: 504 that names it, and other requests are answered meanwhile")
    func silent() throws {
        try withRelay(impatient) { setup, relay in
            relay.decide { .stall(after: 0) }
            let waiting = try (0..<10).map { _ in
                let connection = try RawConnection(port: setup.host.port)
                let target = setup.p2p.target("checkpresent", [("key", emptyKey)])
                try connection.send("POST \(target) HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
                return connection
            }
            #expect(try setup.gateway.p2p().checkPresent(emptyKey) == false)
            for connection in waiting {
                let reply = try connection.readReply()
                #expect(reply.status == 504 && reply.reason.contains("node1"), "\(reply.status) \(reply.reason)")
            }
            for reply in try requests(setup.p2p) {
                #expect(reply.status == 504 && reply.reason.contains("node1"), "\(reply.status) \(reply.reason)")
            }
            relay.decide { .pass }
            #expect(try setup.p2p.checkPresent(emptyKey) == false)
        }
    }

    @Test("silent in the middle of a transfer: cut off; slow, but moving: not")
    func stalls() throws {
        try withRelay(impatient) { setup, relay in
            let bytes = seededBytes(6_000_000, seed: 3)
            let key = try setup.p2p.store(bytes)
            relay.decide { .stall(after: 2_000_000) }
            relay.endOpen()
            let get = try setup.p2p.get(key)
            #expect(!get.isComplete && get.body.count < bytes.count, "the client must see that it is cut")
            let other = seededBytes(6_000_000, seed: 4)
            let put = try setup.p2p.put(try Tools.sha256Key(other), other)
            #expect(put.status == 504 && put.reason.contains("node1"), "\(put.status) \(put.reason)")

            // A client that reads a little every now and then keeps its transfer, however long that takes.
            relay.decide { .pass }
            let small = seededBytes(1_500_000, seed: 5)
            let smallKey = try setup.p2p.store(small)
            let slow = try RawConnection(port: setup.host.port, receiveBuffer: 4096)
            try slow.send("GET \(setup.p2p.target("key/\(smallKey)")) HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try slow.readReply().body == small)
        }
    }

    @Test("full: 507 that names it and says how much is missing")
    func full() throws {
        for kind in [ProxySetup.Kind.bare, .annexd] {
            try withProxy(kind) { setup in
                try setup.target.git("config", "annex.diskreserve", "1000000tb")
                let bytes = seededBytes(1000, seed: 5)
                let reply = try setup.p2p.put(try Tools.sha256Key(bytes), bytes)
                #expect(reply.status == 507, "\(kind) \(reply.status) \(reply.reason)")
                #expect(reply.reason.contains("node1") && reply.reason.contains("need"), "\(reply.reason)")
                try setup.target.git("config", "--unset", "annex.diskreserve")
                _ = try setup.p2p.store(bytes)
            }
        }
    }

    @Test("read-only towards the gateway: 403 or a login that it lacks, and nothing is logged")
    func readOnly() throws {
        try withProxy(.annexd, other: .init(anonymous: "read")) { setup in
            let bytes = seededBytes(1000, seed: 6)
            let key = try Tools.sha256Key(bytes)
            #expect(try setup.p2p.checkPresent(key) == false)
            let put = try setup.p2p.put(key, bytes)
            #expect([403, 502].contains(put.status) && put.reason.contains("node1"), "\(put.status) \(put.reason)")
            let remove = try setup.p2p.call("remove", [("key", key)])
            #expect([403, 502].contains(remove.status), "\(remove.status) \(remove.reason)")
            #expect(try setup.gatewayLists(key) == false)
        }
    }

    @Test("lying: content that is not what the key says reaches no client whole")
    func lying() throws {
        try withProxy(.annexd) { setup in
            let bytes = seededBytes(500_000, seed: 7)
            let key = try setup.p2p.store(bytes)
            let object = try #require(try setup.targetObject(key))
            try Command(["sh", "-c", "chmod u+w \"$0\" && printf X | dd of=\"$0\" bs=1 seek=1000 conv=notrunc", object])
                .check()
            let reply = try setup.p2p.get(key)
            #expect(!reply.isComplete && reply.body.count < bytes.count)
        }
    }

    @Test("another repository answers there: 502, and not its content")
    func anotherRepository() throws {
        try withProxy(.annexd) { setup in
            try setup.gateway.setConfig(
                "remote.node1.annexUrl", "annex+http://127.0.0.1:\(setup.host.port)/team/gateway")
            _ = try setup.host.create("team/else")
            try setup.gateway.setConfig("remote.node1.annexUrl", "annex+http://127.0.0.1:\(setup.host.port)/team/else")
            for reply in try requests(setup.p2p) {
                #expect(reply.status == 502 && reply.reason.contains("node1"), "\(reply.status) \(reply.reason)")
            }
        }
    }

    @Test("credentials: from the host's file, and nothing of them in the log")
    func credentials() throws {
        try withHost { host, client in
            let node = try client.newRepository("node")
            var environment = client
            _ = environment
            let gateway = try host.create("team/gateway")
            environment = client
            environment.environment["GIT_ANNEX_P2PHTTP_PASSWORD_bob"] = "se>cr?et"
            let stock = try StockServer(node, options: ["--authenv-http"])
            let uuid = try #require(try node.config("annex.uuid"))
            for (name, value) in [
                ("url", "http://127.0.0.1:\(stock.port)/"), ("annexUrl", stock.url), ("annex-uuid", uuid),
                ("annex-proxy", "true"),
            ] {
                try gateway.setConfig("remote.node1.\(name)", value)
            }
            #expect(try host.annexd("proxy", "update", "--root", host.root, "team/gateway").status == 0)
            let p2p = P2PCalls(port: host.port, prefix: "/team/gateway", uuid: uuid)
            let refused = try p2p.call("checkpresent", [("key", emptyKey)])
            #expect(refused.status == 502 && refused.reason.contains("node1"), "\(refused.status) \(refused.reason)")

            let file = host.scratch.child("logins")
            try write(file, "http://bob:se%3Ecr%3Fet@127.0.0.1:\(stock.port)\n")
            try Command(["chmod", "600", file]).check()
            let second = try AnnexdHost(
                in: host.scratch,
                {
                    var o = AnnexdHost.Options(); o.environment = ["ANNEXD_PROXY_CREDENTIALS_FILE": file]; return o
                }(),
                name: "-three")
            try Command(["cp", "-r", "\(host.root)/team", "\(second.root)/team"]).check()
            let good = P2PCalls(port: second.port, prefix: "/team/gateway", uuid: uuid)
            #expect(try good.checkPresent(emptyKey) == false)
            _ = try good.store(seededBytes(1000, seed: 8))
            #expect(!second.log.contains("cr%3Fet") && !second.log.contains("se>cr"))
            try second.stop()
        }
    }
}
