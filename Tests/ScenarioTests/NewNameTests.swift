// A name that whoever pushes may create is there before it is: in whatever order stock clients look, push and send, the
// repository is made by the push, nothing is made by looking, and the client does not come to ignore the remote for
// good.

import TestKit
import Testing

@Suite struct NewNameTests {
    private func filled(_ alice: StockClient, _ url: String, _ name: String = "work") throws -> WorkTree {
        let tree = try alice.newRepository(name)
        try tree.write("a", "hello of \(name)\n")
        try tree.add("a")
        try tree.git("remote", "add", "origin", url)
        return tree
    }

    private func expectSent(_ tree: WorkTree, _ served: HostedRepository) throws {
        #expect(try tree.config("remote.origin.annex-uuid") == served.uuid())
        #expect(try tree.config("remote.origin.annex-ignore") != "true")
        #expect(try served.p2p().checkPresent(tree.key("a")) == true)
    }

    @Test(
        "docs/clients.md: each order of first commands makes the repository and sends the content",
        arguments: [
            [["git", "annex", "push"]], [["git", "annex", "sync", "--content"]],
            [["git", "push", "origin", "main"], ["git", "annex", "copy", "--to", "origin", "a"]],
            [["git", "push", "-u", "origin", "main"], ["git", "annex", "push"]],
            [["git", "push", "origin", "main", "git-annex"], ["git", "annex", "copy", "--to", "origin", "a"]],
            [["git", "push", "origin", "git-annex"], ["git", "annex", "push"]],
            // The repository is asked for before, and not there.
            [["git", "annex", "info"], ["git", "push", "origin", "main"], ["git", "annex", "push"]],
            [["git", "annex", "info"], ["git", "annex", "push"]],
        ])
    func orders(commands: [[String]]) throws {
        try withHost(.init(anonymous: "append")) { host, alice in
            let served = host.hosted("team/new")
            let tree = try filled(alice, served.url)
            for command in commands {
                let result = try alice.command(command, in: tree.path).run()
                #expect(result.status == 0, "\(result.transcript)")
            }
            try expectSent(tree, served)
            let other = try alice.annexClone(served.url, as: "other")
            try other.annex("get", "a")
            #expect(other.read("a") == tree.read("a"))
        }
    }

    @Test("who pushes is told that the push made the repository, and how the content follows; once")
    func told() throws {
        try withHost(.init(anonymous: "append")) { host, alice in
            let tree = try filled(alice, host.hosted("team/new").url)
            let sentence = "remote: annexd: created team/new; \"git annex push\" sends the content"
            #expect(try tree.git("push", "origin", "main").errorText.contains(sentence))
            #expect(try !tree.git("push", "origin", "main:topic").errorText.contains("created"))
        }
    }

    @Test("looking makes nothing: a certain ref is not there, and a clone is told that the repository is not")
    func looking() throws {
        try withHost(.init(anonymous: "append")) { host, alice in
            let served = host.hosted("team/new")
            let tree = try filled(alice, served.url)
            let fetch = try tree.attempt("git", "fetch", "origin", "git-annex")
            #expect(fetch.status == 128)
            #expect(fetch.errorText.contains("fatal: couldn't find remote ref git-annex"), "\(fetch.transcript)")
            for command in [
                ["git", "clone", served.url, "clone"], ["git", "ls-remote", served.url], ["git", "fetch", served.url],
            ] {
                let result = try alice.command(command, in: tree.path).run()
                #expect(result.status == 128 && result.errorText.contains("there is no repository team/new"))
            }
            // Who speaks no version 2, or asks for files, is told so by the status.
            let old = try tree.attempt("git", "-c", "protocol.version=0", "fetch", "origin", "git-annex")
            #expect(old.status == 128 && old.errorText.contains("there is no repository team/new"), "\(old.transcript)")
            for target in ["/team/new/HEAD", "/team/new/info/refs", "/team/new/objects/info/packs"] {
                #expect(try host.http.get(target).status == 404)
            }
            let dry = try tree.attempt("git", "push", "--dry-run", "origin", "main")
            #expect(dry.status == 0, "\(dry.transcript)")
            #expect(!exists("\(host.root)/team"))
            try tree.annex("push")
            try tree.annex("push")
            try expectSent(tree, served)
        }
    }

    @Test("who may not create is told that there is nothing, by both services and /config, whatever was asked before")
    func readers() throws {
        try withHost(.init(anonymous: "read")) { host, alice in
            let served = host.hosted("team/new")
            let tree = try filled(alice, served.url)
            for command in [["git", "fetch", "origin", "git-annex"], ["git", "push", "origin", "main"]] {
                let result = try alice.command(command, in: tree.path).run()
                #expect(result.status != 0 && !result.errorText.contains("couldn't find remote ref"))
            }
            #expect(try host.http.get("/team/new/config").status == 404)
            #expect(!exists("\(host.root)/team"))
        }
    }

    /// `git annex push` asks once, and all others ask twice; see docs/clients.md.
    @Test("/config of a new name is 404 to the first question, and then tells the UUID that the repository will have")
    func config() throws {
        try withHost { host, _ in
            func uuid(_ name: String) throws -> String? {
                let reply = try host.http.get("/\(name)/config")
                if reply.status == 404 { return nil }
                return reply.text.split(separator: "\n").first { $0.contains("uuid = ") }.map {
                    String($0.dropFirst(8))
                }
            }
            #expect(try uuid("team/new") == nil)
            let told = try #require(try uuid("team/new"))
            #expect(try uuid("team/new.git") == told)
            _ = try host.http.get("/team/other/info/refs?service=git-upload-pack")
            #expect(try uuid("team/other") == nil)
            _ = try host.http.get("/team/third/info/refs?service=git-receive-pack")
            let third = try uuid("team/third")
            #expect(third != nil && third != told)
            #expect(!exists("\(host.root)/team"))
            // The same after a restart, when another program makes it, and never a second time.
            try host.stop()
            try host.restart()
            #expect(try host.create("team/new").uuid() == told)
            #expect(try host.repo("delete", "team/new").status == 0)
            #expect(try eventually { try host.http.get("/team/new/config").status == 404 })
            #expect(try host.create("team/new").uuid() != told)
        }
    }

    @Test(
        "content that comes for a name before anything else makes the repository, but only with the first of its bytes")
    func contentFirst() throws {
        try withHost(.init(anonymous: "append")) { host, alice in
            for _ in 0..<2 { _ = try host.http.get("/team/new/config") }
            let config = try host.http.get("/team/new/config").text
            let told = try #require(config.split(separator: "\n").first { $0.contains("uuid = ") }?.dropFirst(8))
            let p2p = P2PCalls(port: host.port, prefix: "/team/new", uuid: String(told))
            let bytes = seededBytes(10_000, seed: 1)
            let key = try Tools.sha256Key(bytes)
            #expect(try p2p.checkPresent(key) == false)
            #expect(try p2p.putOffset(key) == 0)
            #expect(try p2p.get(key).status == 404)
            #expect(try p2p.call("lockcontent", [("key", key)]).status == 404)
            var stranger = p2p
            stranger.uuid = "00000000-0000-4000-8000-000000000000"
            #expect(try stranger.put(key, bytes).status == 404)
            let silent = try p2p.beginPut(key, part: [], declared: bytes.count)
            #expect(try p2p.checkPresent(key) == false)
            silent.close()
            #expect(!exists("\(host.root)/team"))

            #expect(try p2p.put(key, bytes).bool("stored") == true)
            #expect(try host.hosted("team/new").uuid() == p2p.uuid)
            #expect(try p2p.get(key).body == bytes)
            // A first push of both branches is accepted on top of it.
            let tree = try filled(alice, host.hosted("team/new").url)
            try tree.git("push", "-q", "origin", "main", "git-annex")
            #expect(try host.hosted("team/new").tree(alice).committedLog(key)?.contains(" 1 \(p2p.uuid)") == true)
        }
        try withHost(.init(anonymous: "read")) { host, _ in
            let p2p = P2PCalls(port: host.port, prefix: "/team/new", uuid: "00000000-0000-4000-8000-000000000000")
            let refused = try p2p.put("SHA256-s1--x", Array("x".utf8))
            #expect(refused.status == 403)
            #expect(!exists("\(host.root)/team"))
        }
    }
}
