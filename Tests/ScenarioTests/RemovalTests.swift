// Removing content: honest about what is there, safe against a proof that has run out, and tidy afterwards.

import TestKit
import Testing

@Suite struct RemovalTests {
    @Test("spec 01 #19, #55: the last copy goes, with its folder and empty hash folders, but not objects/")
    func lastCopy() throws {
        try withRepository { repository, p2p, _ in
            let key = try p2p.store(Array("last".utf8))
            #expect(try p2p.remove(key) == true)
            #expect(
                try Command(["find", "annex/objects"], directory: repository.directory).run().lines == ["annex/objects"]
            )
            #expect(try p2p.get(key).status == 404)
        }
    }

    @Test("spec 01 #56: what is not there counts as removed, in every form")
    func absent() throws {
        try withRepository { _, p2p, _ in
            let first = try p2p.remove("SHA256-s1--absent")
            #expect(first == true)
            #expect(try p2p.removeBefore("SHA256-s1--absent", timestamp: 5) == true)
        }
    }

    @Test("spec 01 #57, #58: remove-before keeps content when its time is over; the clock is CLOCK_BOOTTIME")
    func timestamps() throws {
        try withRepository { _, p2p, _ in
            let low = bootSeconds()
            let now = try #require(try p2p.timestamp())
            #expect(now >= low - 1 && now <= bootSeconds() + 1)
            let key = try p2p.store(Array("proof".utf8))
            for timestamp in [0, 1, now] {
                #expect(try p2p.removeBefore(key, timestamp: timestamp) == false)
                #expect(try p2p.checkPresent(key) == true)
            }
            #expect(try p2p.removeBefore(key, timestamp: now + 100) == true)
            #expect(try p2p.checkPresent(key) == false)
        }
    }

    @Test("spec 01 #118: numcopies 2 and two hosted remotes: a lock on one and remove-before on the other")
    func twoRemotes() throws {
        try withHost { host, alice in
            let first = try host.create("a")
            let second = try host.create("b")
            let tree = try alice.annexClone(first.url, as: "tree")
            try tree.git("remote", "add", "second", second.url)
            try tree.write("f", "two copies\n")
            try tree.add("f")
            try tree.annex("push")
            try tree.annex("copy", "--to", "second", "f")
            try tree.annex("drop", "--from", "origin", "f")
            #expect(try first.p2p().checkPresent(tree.key("f")) == false)
            try tree.annex("copy", "--to", "origin", "f")
            try tree.annex("drop", "f")
            try tree.annex("drop", "--from", "origin", "f")
            #expect(try first.p2p().checkPresent(tree.key("f")) == false)
            let last = try tree.attempt("git", "annex", "drop", "--from", "second", "f")
            #expect(last.status != 0, "the last copy stays")
            #expect(try second.p2p().checkPresent(tree.key("f")) == true)
        }
    }
}
