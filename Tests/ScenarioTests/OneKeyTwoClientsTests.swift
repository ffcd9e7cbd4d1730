// Attack: two clients, one key whose content nobody can check. The first begins with bytes of its own and is cut; the
// second is told that a part of the content is here, sends the rest, and what is stored is the start of one and the end
// of another.

import Foundation
import TestKit
import Testing

@Suite struct OneKeyTwoClientsTests {
    private static let keys = ["URL--http://example.com/x", "WORM-s3000000-m1--x", "XFOO-s3000000--x"]

    private func clients(_ p2p: P2PCalls) -> (P2PCalls, P2PCalls) {
        var other = p2p
        other.client = UUID().uuidString.lowercased()
        return (p2p, other)
    }

    /// Sends the first bytes of some content, and vanishes.
    private func begin(_ p2p: P2PCalls, _ key: String, _ part: ArraySlice<UInt8>, of count: Int) throws {
        let upload = try p2p.beginPut(key, part: Array(part), declared: count)
        #expect(try eventually { try p2p.putOffset(key) == part.count }, "the first bytes never came")
        upload.reset()
    }

    @Test("spec 01 §4.2: what one client began another one does not go on with, nor after a kill -9", arguments: keys)
    func twoClients(key: String) throws {
        let (evil, good) = (seededBytes(3_000_000, seed: 1), seededBytes(3_000_000, seed: 2))
        try withRepository { repository, p2p, _ in
            let (a, b) = clients(p2p)
            try begin(a, key, evil[..<1_000_000], of: 3_000_000)
            #expect(try b.putOffset(key) == 0)
            try begin(b, key, good[..<2_000_000], of: 3_000_000)
            repository.host.kill9()
            try repository.host.restart()
            #expect(try a.putOffset(key) == 1_000_000)
            #expect(try b.putOffset(key) == 2_000_000)
            // A13: neither of these takes away what another one has sent.
            #expect(try a.put(key, [], offset: 0, declared: -1).bool("stored") == false)
            #expect(try a.putOffset(key) == 0)
            try begin(a, key, evil[..<10], of: 3_000_000)
            #expect(try b.putOffset(key) == 2_000_000)
            #expect(try b.put(key, Array(good[2_000_000...]), offset: 2_000_000).bool("stored") == true)
            #expect(try p2p.get(key).body == good)
            #expect(
                try Command(["find", "annexd/partial", "annex/tmp", "-type", "f"], directory: repository.directory)
                    .run().lines.isEmpty)
        }
    }

    @Test(
        "the same through a gateway, to a repository of this host, of another one, and of the stock program",
        arguments: [ProxySetup.Kind.hosted, .bare, .annexd, .stock])
    func throughAGateway(kind: ProxySetup.Kind) throws {
        let key = Self.keys[0]
        let (evil, good) = (seededBytes(3_000_000, seed: 1), seededBytes(3_000_000, seed: 2))
        try withHost { host, alice in
            let setup = try ProxySetup(kind, host, alice)
            let (a, b) = clients(setup.p2p)
            let upload = try a.beginPut(key, part: Array(evil[..<1_000_000]), declared: 3_000_000)
            let partials = ["annex/tmp", "annexd/partial"].map { "\(setup.targetGitDirectory)/\($0)" }
            #expect(
                try eventually {
                    try Command(["find"] + partials + ["-type", "f", "-size", "+900k"]).run().lines.count == 1
                }, "the first bytes never came")
            upload.reset()
            // The stock program fails at this question until it has noticed the end.
            #expect(try eventually { try b.putOffset(key) == 0 })
            let reply = try b.put(key, good, offset: 0)
            if reply.bool("stored") == true {
                #expect(try b.get(key).body == good)
            } else {
                #expect(kind == .stock, "\(reply.status) \(reply.text)")
                #expect(try b.checkPresent(key) == false)
            }
        }
    }
}
