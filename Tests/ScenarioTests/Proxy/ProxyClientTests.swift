// The stock client and a proxied remote: it finds it by itself, and works with it as with any other.

import Foundation
import TestKit
import Testing

@Suite struct ProxyClientTests {
    private static let kinds: [ProxySetup.Kind] = [.hosted, .workTree, .annexd, .stock]

    @Test("spec 03 #1: found by a fetch; copy, whereis, get, fsck, move and drop", arguments: kinds)
    func everyCommand(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let alice = try setup.client.annexClone(setup.gateway.url, as: "alice")
            #expect(try alice.annex("info", "--fast").text.contains("origin-node1"))
            try alice.write("f", seededBytes(200_000, seed: 1))
            try alice.write("g", seededBytes(1000, seed: 2))
            try alice.add("f", "g")
            try alice.annex("copy", "--to", "origin-node1")
            #expect(try alice.whereis("f").contains(setup.targetUUID))
            #expect(try setup.targetObject(try alice.key("f")) != nil)
            try alice.annex("drop")
            #expect(!alice.has("f"))
            try alice.git("push", "-q", "origin", "main", "git-annex")

            // Somebody else learns from the gateway alone where the files are.
            let bob = try StockClient(in: setup.host.scratch, name: "bob").annexClone(setup.gateway.url, as: "bob")
            #expect(try bob.whereis("f") == [setup.targetUUID])
            try bob.annex("get", "f")
            #expect(bob.read("f") == seededBytes(200_000, seed: 1))
            try bob.annex("fsck", "--from", "origin-node1")
            try bob.annex("fsck", "--fast", "--from", "origin-node1")
            try bob.annex("move", "--from", "origin-node1", "g")
            #expect(try bob.whereis("g").contains(setup.targetUUID) == false)
            #expect(try setup.targetObject(try bob.key("g")) == nil)
            try bob.annex("move", "--to", "origin-node1", "g")
            #expect(try setup.targetObject(try bob.key("g")) != nil)
            // The local copy is the proof (REMOVE), then one locked elsewhere (REMOVE-BEFORE).
            try bob.annex("drop", "--from", "origin-node1", "f")
            #expect(try setup.targetObject(try bob.key("f")) == nil)
            try bob.annex("copy", "--to", "origin", "f")
            try bob.annex("move", "--to", "origin-node1", "f")
            try bob.annex("copy", "--from", "origin-node1", "--to", "origin", "f")
            try bob.annex("drop", "--from", "origin-node1", "f")
            #expect(try setup.targetObject(try bob.key("f")) == nil)
        }
    }

    @Test("a drop is safe: the copy at the remote is locked while another one goes", arguments: kinds)
    func dropWithLock(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let alice = try setup.client.annexClone(setup.gateway.url, as: "alice")
            try alice.write("f", seededBytes(1000, seed: 3))
            try alice.add("f")
            try alice.annex("copy", "--to", "origin-node1", "f")
            let dropped = try alice.annex("--debug", "drop", "f")
            #expect(
                dropped.allText.contains("lockcontent") || dropped.allText.contains("lock"), "\(dropped.transcript)")
            #expect(!alice.has("f"))
            // The only copy stays, also against the client's own wish.
            let last = try alice.attempt("git", "annex", "drop", "--from", "origin-node1", "f")
            #expect(last.status != 0)
            #expect(try setup.targetObject(try alice.key("f")) != nil)
            // And no lock is left behind.
            try alice.annex("get", "f")
            try alice.annex("drop", "--from", "origin-node1", "f")
        }
    }

    @Test(
        "spec 03 #60: git annex testremote passes but for the three unavailable cases", .timeLimit(.minutes(10)),
        arguments: kinds)
    func testRemote(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let tree = try setup.client.annexClone(setup.gateway.url, as: "tree")
            let result = try tree.attempt(
                "git", "annex", "testremote", "origin-node1", "--fast", "--size=100KiB", timeout: 550)
            #expect(result.allText.contains("3 out of 125 tests failed"), "\(result.allText.suffix(4000))")
            #expect(result.failedTests == unavailableCases, "\(result.allText.suffix(4000))")
        }
    }

    @Test("spec 01 #115 through a gateway: SIGINT during copy and get; the next run goes on", arguments: kinds)
    func interrupted(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let size = 20_000_000
            let tree = try setup.client.annexClone(setup.gateway.url, as: "tree")
            try tree.write("big", seededBytes(size, seed: 4))
            try tree.add("big")
            let key = try tree.key("big")
            try tree.git("config", "annex.bwlimit", "8MB")
            let copy = try tree.begin("git", "annex", "copy", "--to", "origin-node1", "big")
            #expect(try eventually(within: 60) { try setup.partialSize(key) > 500_000 })
            copy.signalGroup(SIGINT)
            #expect(copy.finish(within: 30).status != 0)
            let sent = try #require(try setup.p2p.from(tree.uuid()).putOffset(key))
            #expect(sent > 500_000 && sent < size)
            try tree.git("config", "--unset", "annex.bwlimit")
            try tree.annex("copy", "--to", "origin-node1", "big")
            #expect(try setup.p2p.checkPresent(key) == true)

            try tree.annex("drop", "big")
            try tree.git("config", "annex.bwlimit", "8MB")
            let partial = "\(tree.path)/.git/annex/tmp/\(key)"
            let get = try tree.begin("git", "annex", "get", "big")
            #expect(
                try eventually(within: 60) {
                    Int(try Command(["stat", "-c", "%s", partial]).run().trimmed) ?? 0 > 500_000
                })
            get.signalGroup(SIGINT)
            #expect(get.finish(within: 30).status != 0)
            try tree.git("config", "--unset", "annex.bwlimit")
            try tree.annex("get", "big")
            #expect(tree.read("big") == seededBytes(size, seed: 4))
        }
    }

    @Test("several files at once, up and down", arguments: kinds)
    func manyFiles(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let tree = try setup.client.annexClone(setup.gateway.url, as: "tree")
            for number in 0..<40 { try tree.write("f/\(number)", seededBytes(500 + number, seed: UInt64(number))) }
            try tree.add("f")
            try tree.annex("move", "-J4", "--to", "origin-node1", "f")
            try tree.annex("get", "-J4", "f")
            try tree.annex("fsck", "--fast", "-J2", "--from", "origin-node1", "f")
            #expect(tree.read("f/7") == seededBytes(507, seed: 7))
        }
    }
}
