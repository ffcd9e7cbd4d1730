// Proxied transfers that end early, on the client's side or on the remote's: everything that was opened for them is
// released, no lock or session of theirs meets the next try, and putoffset tells the truth (spec 03 §1.13).

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct ProxyInterruptionTests {
    /// Interrupted transfers of each kind; more than 1,000 in all.
    private var rounds: Int {
        ProcessInfo.processInfo.environment["ANNEXD_TEST_INTERRUPTIONS"].flatMap { Int($0) } ?? 330
    }

    /// Idle connections to remotes are kept for a second only, so that what is left over shows.
    private var options: AnnexdHost.Options {
        var options = AnnexdHost.Options()
        options.environment = ["ANNEXD_PROXY_IDLE_SECONDS": "1"]
        return options
    }

    private struct Transfer {
        var p2p: P2PCalls
        var key: String
        var bytes: [UInt8]
        /// Content that uploads bring, again and again.
        var fresh: [(bytes: [UInt8], key: String)]

        /// Stores the content that will be read.
        init(_ p2p: P2PCalls, size: Int) throws {
            self.p2p = p2p
            bytes = seededBytes(size, seed: 1)
            key = try p2p.store(bytes)
            fresh = try (0..<20).map {
                let bytes = seededBytes(size, seed: UInt64(1_000 + $0))
                return (bytes, try Tools.sha256Key(bytes))
            }
        }

        /// One transfer that the client gives up at a random point.
        func interrupt(_ random: inout some RandomNumberGenerator) throws {
            let point = Int.random(in: 0...bytes.count, using: &random)
            let isReset = Bool.random(using: &random)
            let connection: RawConnection
            if Bool.random(using: &random) {
                let (other, otherKey) = fresh[Int.random(in: 0..<fresh.count, using: &random)]
                connection = try p2p.beginPut(otherKey, part: Array(other[..<point]), declared: other.count)
            } else {
                connection = try RawConnection(port: p2p.http.port, receiveBuffer: 16_384)
                try connection.send("GET \(p2p.target("key/\(key)")) HTTP/1.1\r\nHost: h\r\n\r\n")
                _ = try connection.readReply(bodyLimit: point / 4)
            }
            if isReset { connection.reset() } else { connection.close() }
        }
    }

    /// Everything that a transfer may hold, at the gateway and at the remote.
    private func holdings(_ setup: ProxySetup) throws -> [String: Int] {
        let places = [setup.targetGitDirectory, setup.gateway.directory]
        let litter = try Command(
            ["find"] + places.map { "\($0)/annex" } + [
                "(", "-name", "*.lck", "-path", "*objects*", ")", "-o", "-name", "*.rtm",
            ]
        ).run().lines
        return [
            "descriptors": try setup.host.readings.descriptors,
            "descriptors of the other": try setup.otherHost?.readings.descriptors ?? 0,
            "children": try setup.host.readings.children.count, "content locks": litter.count,
        ]
    }

    @Test(
        "clients that leave at random points, by reset or close", .timeLimit(.minutes(10)),
        arguments: [ProxySetup.Kind.bare, .annexd, .stock])
    func clients(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind, options) { setup in
            let transfer = try Transfer(setup.p2p, size: 400_000)
            try settle(setup)
            let before = try holdings(setup)
            var random = SystemRandomNumberGenerator()
            for _ in 0..<(kind == .stock ? rounds / 10 : rounds) { try transfer.interrupt(&random) }
            try expectQuiet(setup, before)
            try expectWorking(setup, transfer)
        }
    }

    @Test("connections to the remote that break at random points", .timeLimit(.minutes(10)))
    func remotes() throws {
        try withProxy(.annexd, options) { setup in
            let other = try #require(setup.otherHost)
            let relay = try TCPRelay(to: other.port)
            defer { relay.close() }
            let transfer = try Transfer(setup.p2p, size: 400_000)
            try settle(setup)
            let before = try holdings(setup)
            try setup.gateway.setConfig("remote.node1.annexUrl", "annex+http://127.0.0.1:\(relay.port)/archive/one")
            relay.decide { .cut(after: Int.random(in: 0...450_000)) }
            for round in 0..<rounds {
                if round % 2 == 0 {
                    let reply = try setup.p2p.get(transfer.key)
                    #expect(!reply.isComplete || reply.status == 502 || reply.body == transfer.bytes, "\(reply.status)")
                } else {
                    let fresh = transfer.fresh[round / 2 % transfer.fresh.count]
                    let reply = try setup.p2p.put(fresh.key, fresh.bytes)
                    #expect(reply.status == 502 || reply.bool("stored") != nil, "\(reply.status) \(reply.reason)")
                }
            }
            relay.decide { .pass }
            try setup.gateway.setConfig("remote.node1.annexUrl", "annex+http://127.0.0.1:\(other.port)/archive/one")
            try expectQuiet(setup, before)
            try expectWorking(setup, transfer)
        }
    }

    @Test("the other host is killed again and again in the middle of transfers", .timeLimit(.minutes(5)))
    func killed() throws {
        try withProxy(.annexd, options) { setup in
            let other = try #require(setup.otherHost)
            let transfer = try Transfer(setup.p2p, size: 2_000_000)
            for (fresh, key) in transfer.fresh[..<5] {
                let put = try setup.p2p.beginPut(key, part: Array(fresh[..<1_000_000]), declared: fresh.count)
                #expect(try eventually { try setup.p2p.putOffset(key) ?? 0 > 0 })
                other.kill9()
                _ = try? put.readReply()
                put.close()
                try other.restart()
                let offset = try #require(try setup.p2p.putOffset(key))
                #expect(try setup.p2p.put(key, Array(fresh[offset...]), offset: offset).bool("stored") == true)
                #expect(try setup.p2p.get(key).body == fresh)
            }
            try expectWorking(setup, transfer)
        }
    }

    /// Waits until no idle connection is left.
    private func settle(_ setup: ProxySetup) throws {
        var last = try holdings(setup)
        for _ in 0..<100 {
            usleep(100_000)
            let now = try holdings(setup)
            if now == last, now["children"] == 0 { return }
            last = now
        }
    }

    private func expectQuiet(_ setup: ProxySetup, _ before: [String: Int]) throws {
        var last: [String: Int] = [:]
        let isQuiet = try eventually(within: 30) {
            last = try holdings(setup)
            return last.allSatisfy { $0.value <= before[$0.key] ?? 0 }
        }
        #expect(isQuiet, "before \(before), after \(last)")
    }

    /// Every partial upload can be resumed at once, and what was there is there.
    private func expectWorking(_ setup: ProxySetup, _ transfer: Transfer) throws {
        #expect(try setup.p2p.get(transfer.key).body == transfer.bytes)
        let (fresh, key) = transfer.fresh[7]
        if try setup.p2p.checkPresent(key) == false {
            let offset = try #require(try setup.p2p.putOffset(key))
            let reply = try setup.p2p.put(key, Array(fresh[offset...]), offset: offset)
            #expect(reply.bool("stored") == true, "from \(offset): \(reply.status) \(reply.reason) \(reply.text)")
        }
        #expect(try setup.p2p.get(key).body == fresh)
        let lock = try #require(try setup.p2p.lock(key))
        #expect(try setup.p2p.unlock(lock).bool("locked") == false)
        #expect(try setup.p2p.remove(key) == true)
    }
}
