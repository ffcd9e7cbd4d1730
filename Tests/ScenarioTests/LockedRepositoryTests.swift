// Content that a client has locked while an operator gives its repository another name, deletes it, brings it back or
// copies it. The client counts on ten more minutes whatever happens: it may be dropping the only other copy.

import Foundation
import TestKit
import Testing

@Suite struct LockedRepositoryTests {
    /// The `.rtm` file of a key in a repository on disk.
    private func retention(_ directory: String, _ key: String) throws -> (path: String, until: Int) {
        let found = try Command(["find", directory, "-name", "\(key).rtm"]).run().lines.first ?? ""
        return (found, Int(text(found)?.prefix { $0 != "." && $0 != "s" } ?? "") ?? 0)
    }

    /// Puts a time that has passed into it, so that a renewal shows.
    private func forget(_ file: String) throws { try Command(["sh", "-c", "printf 1s > \"$0\"", file]).check() }

    @Test("a kept lock is renewed, survives a restart and is released under the new name", arguments: [true, false])
    func rename(isBare: Bool) throws {
        try withHost { host, alice in
            let repository = host.hosted("p")
            let directory = isBare ? repository.directory : "\(host.root)/p"
            if isBare {
                #expect(try host.create("p").exists)
            } else {
                try alice.command(["git", "init", "-q", directory], in: host.root).check()
                try WorkTree(client: alice, path: directory).annex("init", "p")
            }
            let uuid = try Command(["git", "config", "annex.uuid"], directory: directory).check().trimmed
            let p2p = P2PCalls(port: host.port, prefix: "/p", uuid: uuid)
            #expect(try eventually { try p2p.call("checkpresent", [("key", "FOO-s1--x")]).status == 200 })
            let key = try p2p.store(Array("locked".utf8))
            let (first, second) = (try #require(try p2p.lock(key)), try #require(try p2p.lock(key)))

            #expect(try host.repo("rename", "p", "q").status == 0)
            let moved = isBare ? host.hosted("q").directory : "\(host.root)/q"
            let file = try retention(moved, key).path
            try forget(file)
            let kept = try p2p.keepLocked(first)
            try kept.sendChunk(Array("{\"unlock\":false}\n".utf8))
            #expect(
                try eventually { try retention(moved, key).until > wallSeconds() + 600 }, "never renewed: \(host.log)")
            #expect(try p2p.unlock(second).bool("locked") == false)
            #expect(try p2p.remove(key) == false)

            try forget(file)
            try host.stop()
            #expect(try retention(moved, key).until > wallSeconds() + 600, "not written anew at the end")
            try host.restart()
            #expect(try p2p.remove(key) == false)
        }
    }

    @Test("a lock that is released after a rename leaves nothing that keeps the content from being removed")
    func releaseAfterRename() throws {
        try withHost { host, _ in
            let p2p = try host.create("p").p2p()
            let key = try p2p.store(Array("locked".utf8))
            let lock = try #require(try p2p.lock(key))
            #expect(try host.repo("rename", "p", "q").status == 0)
            #expect(try p2p.unlock(lock).bool("locked") == false)
            let left = try Command(["find", host.hosted("q").directory, "-name", "\(key).*"]).run().lines
            #expect(left.isEmpty, "\(left)")
            #expect(try p2p.remove(key) == true)
        }
    }

    @Test("a lock goes to the trash with its repository, and comes back with it, also without a server")
    func deleteAndRestore() throws {
        try withHost { host, _ in
            let p2p = try host.create("p").p2p()
            let key = try p2p.store(Array("locked".utf8))
            let kept = try p2p.keepLocked(try #require(try p2p.lock(key)))
            try kept.sendChunk(Array("{\"unlock\":false}\n".utf8))
            #expect(try host.repo("delete", "p").status == 0)
            try forget(try retention("\(host.root)/.annexd/trash", key).path)
            try host.stop()
            #expect(try host.repo("restore", "p").status == 0)
            try host.restart()
            #expect(try retention(host.hosted("p").directory, key).until > wallSeconds() + 600)
            #expect(try p2p.remove(key) == false)
        }
    }

    @Test("a repository that is moved into the root brings what was promised about its content")
    func move() throws {
        try withHost { host, _ in
            let p2p = try host.create("p").p2p()
            let key = try p2p.store(Array("locked".utf8))
            let kept = try p2p.keepLocked(try #require(try p2p.lock(key)))
            try kept.sendChunk(Array("{\"unlock\":false}\n".utf8))
            try host.stop()
            let outside = host.scratch.child("outside.git")
            try Command(["mv", host.hosted("p").directory, outside]).check()
            try host.restart()
            #expect(try host.repo("import", outside, "q").status == 0)
            let moved = try host.hosted("q").p2p()
            #expect(try moved.checkPresent(key) == true)
            #expect(try moved.remove(key) == false)
            #expect(try host.locks(["list"]).text.contains("q \(key): until 2"))
            // Nobody holds it any more, so the time that is written there is what counts.
            try forget(try retention(host.hosted("q").directory, key).path)
            #expect(try moved.remove(key) == true)
        }
    }

    @Test("a repository whose content is locked by a client is not copied into the root")
    func copy() throws {
        try withHost { host, alice in
            let setup = try ProxySetup(.bare, host, alice)
            let key = try setup.p2p.store(Array("locked".utf8))
            let kept = try setup.p2p.keepLocked(try #require(try setup.p2p.lock(key)))
            try kept.sendChunk(Array("{\"unlock\":false}\n".utf8))
            let refused = try host.repo("import", "--copy", setup.target.path, "copied")
            #expect(refused.status == 1 && refused.errorText.contains("locked"), "\(refused.transcript)")
            #expect(!host.hosted("copied").exists)
            try kept.sendChunk(Array("{\"unlock\":true}\n".utf8))
            try kept.sendLastChunk()
            #expect(try kept.readReply().bool("locked") == false)
            #expect(try host.repo("import", "--copy", setup.target.path, "copied").status == 0)
        }
    }
}
