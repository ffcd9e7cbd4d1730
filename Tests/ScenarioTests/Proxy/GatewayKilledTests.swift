// A gateway that is killed in the middle of transfers: the remote keeps what it had got, nothing at the remote stays
// locked or open for the transfers that are gone, and the next try goes on from there (spec 03 §1.13).

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct GatewayKilledTests {
    private static let kinds: [ProxySetup.Kind] = [.bare, .annexd, .stock]

    @Test(
        "spec 03 #32, §1.13: uploads go on from what the remote has, whenever the gateway was killed",
        .timeLimit(.minutes(10)), arguments: kinds)
    func puts(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let before = try idle(setup)
            var random = SystemRandomNumberGenerator()
            var progress: [Int] = []
            for round in 0..<3 {
                let bytes = seededBytes(3_000_000, seed: UInt64(round + 1))
                let key = try Tools.sha256Key(bytes)
                let put = try setup.p2p.beginPut(key, part: Array(bytes[..<100_000]), declared: bytes.count)
                #expect(try eventually { try setup.partialSize(key) > 0 })
                let end = Int.random(in: 100_000..<bytes.count, using: &random)
                try put.sendChunk(Array(bytes[100_000..<end]))
                // Anywhere in what is under way.
                let wanted = Int.random(in: 1...end, using: &random)
                _ = eventually(within: 0.2) { ((try? setup.partialSize(key)) ?? 0) >= wanted }
                setup.host.kill9()
                put.close()
                try expectReleased(setup, before)
                let partial = try setup.partial(key)
                #expect(!partial.isEmpty && bytes.starts(with: partial), "\(partial.count) bytes, of \(end) sent")
                progress.append(partial.count)

                try setup.host.restart()
                let offset = try #require(try setup.p2p.putOffset(key))
                #expect(offset == partial.count)
                #expect(try !setup.gatewayLists(key) && !setup.targetLists(key))
                let reply = try setup.p2p.put(key, Array(bytes[offset...]), offset: offset)
                #expect(reply.bool("stored") == true, "\(reply.status) \(reply.reason) \(reply.text)")
                #expect(try setup.p2p.get(key).body == bytes)
                #expect(try setup.gatewayLists(key) && setup.targetLists(key))
                #expect(try ProxyHoldings(setup).litter == [], "nor is anything left by the gateway itself")
            }
            print("\(kind): killed with \(progress) bytes at the remote")
        }
    }

    @Test(
        "spec 03 §1.13: downloads leave nothing behind, and the content can be had and removed at once",
        .timeLimit(.minutes(10)), arguments: kinds)
    func gets(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let before = try idle(setup)
            for round in 0..<3 {
                let bytes = seededBytes(6_000_000, seed: UInt64(round + 20))
                let key = try setup.p2p.store(bytes)
                let get = try RawConnection(port: setup.host.port, receiveBuffer: 16_384)
                try get.send("GET \(setup.p2p.target("key/\(key)")) HTTP/1.1\r\nHost: h\r\n\r\n")
                let point = Int.random(in: 1..<2_000_000)
                #expect(try get.readReply(bodyLimit: point).body.count >= point)
                setup.host.kill9()
                get.close()
                try expectReleased(setup, before)
                try setup.host.restart()
                #expect(try setup.p2p.get(key).body == bytes)
                #expect(try setup.p2p.remove(key) == true)
                #expect(try !setup.gatewayLists(key) && !setup.targetLists(key))
            }
        }
    }

    /// What the remote holds while nothing goes on, after it has done everything once.
    private func idle(_ setup: ProxySetup) throws -> ProxyHoldings {
        let bytes = seededBytes(3_000_000, seed: 99)
        let key = try setup.p2p.store(bytes)
        #expect(try setup.p2p.get(key).body == bytes)
        let cut = try setup.p2p.beginPut(try Tools.sha256Key([1]), part: [], declared: 1)
        #expect(try setup.p2p.remove(key) == true)
        setup.host.kill9()
        cut.close()
        var holdings = try ProxyHoldings(setup, gateway: false)
        let isQuiet = try eventually(within: 60) {
            holdings = try ProxyHoldings(setup, gateway: false)
            return holdings.isQuiet || setup.kind.isLocal
        }
        #expect(isQuiet, "\(holdings)")
        try setup.host.restart()
        return holdings
    }

    /// Nothing is held at the remote for a gateway that is gone. With a remote on the same machine it is gone itself,
    /// and what it held has ended with it.
    private func expectReleased(_ setup: ProxySetup, _ before: ProxyHoldings) throws {
        guard !setup.kind.isLocal else { return }
        var excess: [String] = []
        let isReleased = try eventually(within: 30) {
            excess = try ProxyHoldings(setup, gateway: false).excess(over: before)
            return excess.isEmpty
        }
        #expect(isReleased, "\(excess); before: \(before)")
    }
}
