// Discovery: /<path>/config tells the stock client the UUID and the address of the annex, with the name that the client
// itself used, however it spelled the URL; and a client with outdated knowledge finds its way by asking again.

import TestKit
import Testing

@Suite struct DiscoveryTests {
    @Test("spec 01 #106: /config in every spelling, parsed by git, with no secrets inside")
    func config() throws {
        try withRepository { repository, _, _ in
            let host = repository.host
            try repository.setConfig("remote.backup.url", "https://user:secret@example.com/")
            try repository.setConfig("annex.secret", "hidden")
            let uuid = try repository.uuid()
            let spellings = [
                "/team/data.git/config", "/team/data/config", "/team/data.git//config", "//team//data///config",
                "/team/data.git/config/", "/te%61m/data/config", "/team/data%2Egit/config",
            ]
            for target in spellings {
                let reply = try host.http.get(target)
                #expect(reply.status == 200, "\(target)")
                let file = host.scratch.child("fetched")
                try write(file, reply.text)
                let values = try Command(["git", "config", "-f", file, "--list"]).check().lines.sorted()
                let url = "annex.url=annex+http://127.0.0.1:\(host.port)/team/data"
                let known = ["annex.uuid=\(uuid)", url, "annex.version=10", "core.bare=true"]
                #expect(values == known.sorted() || values == known.map { $0 == url ? url + ".git" : $0 }.sorted())
                #expect(!reply.text.contains("secret") && !reply.text.contains("hidden"))
            }
            #expect(try host.http.head("/team/data/config").status == 200)
        }
    }

    @Test(
        "the address in /config is the one the client used", arguments: ["example.org:8080", "example.org", "[::1]:99"])
    func hostHeader(name: String) throws {
        try withRepository { repository, _, _ in
            let reply = try repository.host.http.get("/team/data/config", headers: [(name: "Host", value: name)])
            // Port 80 must be spelled out, since annex+http means 9417 without one (spec 01 §7.3).
            let address = name == "example.org" ? "example.org:80" : name
            #expect(reply.text.contains("annex+http://\(address)/team/data"), "\(reply.text)")
        }
    }

    @Test("--public-url wins over the Host header")
    func publicURL() throws {
        let options = AnnexdHost.Options(anonymous: "write", flags: ["--public-url", "https://annex.example.org/base"])
        try withRepository(options) { repository, _, _ in
            let reply = try repository.host.http.get("/team/data/config")
            let accepted = [
                "annex+https://annex.example.org:443/base/team/data", "annex+https://annex.example.org/base/team/data",
            ]
            #expect(accepted.contains { reply.text.contains($0) }, "\(reply.text)")
        }
    }

    @Test("a Host header that could break out of the configuration is refused or tamed")
    func hostileHost() throws {
        try withRepository { repository, _, _ in
            let reply = try repository.host.http.get(
                "/team/data/config", headers: [(name: "Host", value: "x\"]\\n[core] sshCommand = evil #")])
            #expect(reply.status == 400 || !reply.text.contains("evil"), "\(reply.status) \(reply.text)")
        }
    }

    @Test(
        "spec 01 #107: clone and init with .git, without, and with trailing and doubled slashes",
        arguments: ["team/data.git", "team/data", "team/data.git/", "team//data/"])
    func spellings(path: String) throws {
        try withRepository { repository, p2p, alice in
            let bytes = Array("found\n".utf8)
            let first = try alice.annexClone(repository.url, as: "first")
            try first.write("a", bytes)
            try first.add("a")
            try first.annex("push")
            let clone = try alice.annexClone("\(repository.host.baseURL)/\(path)", as: "clone")
            #expect(try clone.config("remote.origin.annex-uuid") == p2p.uuid)
            #expect(try clone.config("remote.origin.annexurl") != nil)
            try clone.annex("get", "a")
            #expect(clone.read("a") == bytes)
        }
    }

    @Test("spec 01 #108: a hosted repository that is no annex yet becomes one with its first git-annex branch")
    func notYetAnAnnex() throws {
        try withHost { host, alice in
            try Command(["git", "init", "-q", "--bare", "\(host.root)/bare.git"]).check()
            let served = host.hosted("bare")
            let tree = try alice.newRepository("tree")
            try tree.write("a", "hello\n")
            try tree.add("a")
            try tree.git("remote", "add", "origin", served.url)
            let before = try host.http.get("/bare/config")
            #expect(before.status == 200 && !before.text.contains("uuid"), "\(before.status) \(before.text)")
            try tree.annex("push")
            #expect(try tree.config("remote.origin.annex-ignore") == nil)
            #expect(try !served.uuid().isEmpty)
            try tree.annex("push")
            #expect(try tree.config("remote.origin.annex-uuid") == served.uuid())
            #expect(try served.p2p().checkPresent(tree.key("a")) == true)
        }
    }

    @Test("spec 01 #109: every address form that maps to our routes works")
    func addressForms() throws {
        try withRepository { repository, p2p, _ in
            let key = try p2p.store(Array("routes".utf8))
            let prefixes = [
                "", "/team/data", "/team/data.git", "/team/data/git-annex", "/git-annex", "/team//data", "/team/data//",
            ]
            for prefix in prefixes {
                var calls = p2p
                calls.prefix = prefix
                #expect(try calls.checkPresent(key) == true, "prefix \(prefix)")
                #expect(try calls.get(key).text == "routes", "prefix \(prefix)")
            }
        }
    }

    @Test("spec 01 #110: a foreign UUID below a repository's path is 404")
    func foreignUUID() throws {
        try withRepository { repository, p2p, _ in
            let other = try repository.host.create("other/repo")
            var calls = p2p
            calls.uuid = try other.uuid()
            #expect(try calls.call("checkpresent", [("key", "SHA256-s1--x")]).status == 404)
            calls.uuid = "00000000-0000-4000-8000-000000000000"
            #expect(try calls.call("checkpresent", [("key", "SHA256-s1--x")]).status == 404)
            calls.prefix = ""
            #expect(try calls.call("checkpresent", [("key", "SHA256-s1--x")]).status == 404)
        }
    }

    @Test("two repositories with one UUID: reachable by path, 404 by the bare UUID")
    func ambiguousUUID() throws {
        try withRepository { repository, p2p, _ in
            let key = try p2p.store(Array("twin".utf8))
            try Command(["cp", "-a", repository.directory, "\(repository.host.root)/team/copy.git"]).check()
            var calls = p2p
            calls.prefix = "/team/copy"
            #expect(try eventually { try calls.checkPresent(key) == true })
            #expect(try p2p.checkPresent(key) == true)
            calls.prefix = ""
            #expect(try eventually { try calls.call("checkpresent", [("key", key)]).status == 404 })
        }
    }

    @Test("spec 01 #111: a stale annexurl heals within one command")
    func staleAddress() throws {
        try withRepository { repository, _, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("a", "hello\n")
            try tree.add("a")
            try tree.annex("push")
            try tree.annex("drop", "a")
            // A get asks again after an answer that is an error, a presence check also where nobody answers.
            let port = repository.host.port
            try tree.git("config", "remote.origin.annexurl", "annex+http://127.0.0.1:\(port)/gone")
            try tree.annex("get", "a")
            #expect(try tree.config("remote.origin.annexurl")?.contains("/gone") == false)
            try tree.git("config", "remote.origin.annexurl", "annex+http://127.0.0.1:1/gone")
            try tree.annex("fsck", "--fast", "--from", "origin", "a")
            #expect(try tree.config("remote.origin.annexurl")?.contains(":\(repository.host.port)/") == true)
        }
    }

    @Test("a repository that appears in the root folder is served at once, one that disappears is 404")
    func appearing() throws {
        try withHost { host, alice in
            let made = try alice.newRepository("made")
            try made.write("a", "hello\n")
            try made.add("a")
            let uuid = try made.config("annex.uuid") ?? ""
            try Command(["cp", "-a", made.path, "\(host.root)/worktree"]).check()
            #expect(try eventually { try host.http.get("/worktree/config").text.contains(uuid) })
            var calls = P2PCalls(port: host.port, prefix: "/worktree", uuid: uuid)
            #expect(try calls.checkPresent(made.key("a")) == true)
            calls.prefix = ""
            #expect(try calls.checkPresent(made.key("a")) == true)
            try Command(["sh", "-c", "chmod -R u+w worktree; rm -rf worktree"], directory: host.root).check()
            #expect(try eventually { try host.http.get("/worktree/config").status == 404 })
            #expect(try calls.call("checkpresent", [("key", made.key("a"))]).status == 404)
        }
    }
}
