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

    /// Sees that nothing is left of the interruptions, and says how long that took.
    ///
    /// The remote's idle connections go after their second.
    private func expectQuiet(after what: String, _ setup: ProxySetup, as before: ProxyHoldings) throws {
        var excess: [String] = []
        var late: [String] = []
        let seconds = try timeUntil(within: max(30, secondsUntilQuiet)) {
            if !excess.isEmpty { late = excess }
            excess = try ProxyHoldings(setup).excess(over: before)
            return excess.isEmpty
        }
        let time = seconds.map { "after \(Int($0 * 1000)) ms" } ?? "never"
        print("\(setup.kind): as before \(time) after \(what); last went \(late)")
        #expect(seconds.map { $0 <= secondsUntilQuiet } ?? false, "\(what): \(time); before: \(before); left: \(late)")
    }

    /// What is held while nothing goes on.
    private func settle(_ setup: ProxySetup) throws -> ProxyHoldings {
        var last = try ProxyHoldings(setup)
        let isQuiet = try eventually(within: 60) {
            last = try ProxyHoldings(setup)
            return last.isQuiet
        }
        #expect(isQuiet, "\(last)")
        return last
    }

    @Test(
        "clients that leave at random points, by reset or close", .timeLimit(.minutes(10)),
        arguments: [ProxySetup.Kind.bare, .annexd, .stock])
    func clients(_ kind: ProxySetup.Kind) throws {
        var options = options
        for name in ["MAX_LOCKS", "MAX_LOCKS_PER_CLIENT", "MAX_ANONYMOUS_LOCKS"] {
            options.environment["ANNEXD_LIMITS_\(name)"] = "100000"
        }
        try withProxy(kind, options, other: options) { setup in
            var storm = try ProxyStorm(setup.p2p, size: 400_000)
            var random = SystemRandomNumberGenerator()
            // p2phttp runs out of workers when locks are left to it.
            let ways = ProxyStorm.Way.allCases.filter { kind != .stock || !$0.isLock }
            func rage(_ count: Int) throws {
                for number in 0..<count {
                    // Half of them are transfers.
                    let way = number % 2 == 0 ? [.get, .put][number / 2 % 2] : ways[number / 2 % ways.count]
                    try storm.interrupt(way, &random)
                }
            }
            // Once in every way, so that what is made once and kept is there.
            try rage(2 * ways.count)
            let before = try settle(setup)
            let count = kind == .stock ? rounds / 10 : rounds
            try rage(count)
            try expectQuiet(after: "\(count) interruptions", setup, as: before)
            for host in [setup.host] + (setup.otherHost.map { [$0] } ?? []) {
                let locks = try #require(try host.metrics()["annexd_locks"])
                if host === setup.host || kind == .annexd {
                    #expect((storm.promises...storm.promises + storm.unheardLocks).contains(locks), "\(storm.promises)")
                }
            }
            #expect(kind == .stock || storm.promises > 10)
            if kind != .stock { #expect(try setup.p2p.remove(storm.locked) == false) }
            try storm.expectTrueOffsets(setup)
            try storm.expectWorking(setup)
        }
    }

    @Test("connections to the remote that break at random points", .timeLimit(.minutes(10)))
    func remotes() throws {
        try withProxy(.annexd, options) { setup in
            let other = try #require(setup.otherHost)
            let relay = try TCPRelay(to: other.port)
            defer { relay.close() }
            let storm = try ProxyStorm(setup.p2p, size: 400_000)
            var fresh = storm.fresh.makeIterator()
            var next = storm.fresh[0]
            func request(_ round: Int) throws {
                let reply: HTTPReply
                switch round % 8 {
                case 0, 2, 6:
                    reply = try setup.p2p.get(storm.key)
                    #expect(!reply.isComplete || reply.status == 502 || reply.body == storm.bytes, "\(reply.status)")
                    return
                case 1, 3, 7:
                    fresh = round / 8 % 4 == 0 ? storm.fresh.shuffled().makeIterator() : fresh
                    next = fresh.next() ?? next
                    reply = try setup.p2p.put(next.key, next.bytes)
                case 4:
                    reply = try setup.p2p.call("lockcontent", [("key", storm.locked)])
                    if let id = reply.string("lockid") { _ = try setup.p2p.unlock(id) }
                default: reply = try setup.p2p.call("remove", [("key", next.key)])
                }
                #expect([200, 502].contains(reply.status), "\(reply.status) \(reply.reason)")
            }
            func rage(_ rounds: Int) throws {
                try setup.gateway.setConfig("remote.node1.annexUrl", "annex+http://127.0.0.1:\(relay.port)/archive/one")
                relay.decide { .cut(after: Int.random(in: 0...450_000)) }
                for round in 0..<rounds { try request(round) }
                relay.decide { .pass }
                let url = "annex+http://127.0.0.1:\(other.port)/archive/one"
                try setup.gateway.setConfig("remote.node1.annexUrl", url)
            }
            try rage(16)
            let before = try settle(setup)
            try rage(rounds)
            try expectQuiet(after: "\(rounds) broken connections", setup, as: before)
            try storm.expectTrueOffsets(setup)
            try storm.expectWorking(setup)
        }
    }

    @Test("the other host is killed again and again in the middle of transfers", .timeLimit(.minutes(10)))
    func killed() throws {
        try withProxy(.annexd, options) { setup in
            let other = try #require(setup.otherHost)
            let storm = try ProxyStorm(setup.p2p, size: 2_000_000)
            for (bytes, key) in storm.fresh[..<5] {
                let put = try setup.p2p.beginPut(key, part: Array(bytes[..<1_000_000]), declared: bytes.count)
                #expect(try eventually { try setup.p2p.putOffset(key) ?? 0 > 0 })
                other.kill9()
                _ = try? put.readReply()
                put.close()
                let partial = try setup.partial(key)
                #expect(!partial.isEmpty && bytes.starts(with: partial))
                try other.restart()
                let offset = try #require(try setup.p2p.putOffset(key))
                #expect(offset == partial.count)
                #expect(try setup.p2p.put(key, Array(bytes[offset...]), offset: offset).bool("stored") == true)
                #expect(try setup.p2p.get(key).body == bytes)
            }
            try storm.expectWorking(setup)
        }
    }
}
