// The command line: repositories are created, listed, shown, renamed, deleted, restored and imported with and without a
// running server, which notices at once; `--json` is for scripts; mistakes in settings stop the start with their place.

import Foundation
import TestKit
import Testing

@Suite struct CommandLineTests {
    private func json(_ result: CommandResult) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(result.output), options: .fragmentsAllowed)
    }

    @Test("create, list, show and --json, beside a running server")
    func createListShow() throws {
        try withHost { host, _ in
            let created = try host.repo("create", "--json", "team/data")
            #expect(created.status == 0, "\(created.transcript)")
            let served = host.hosted("team/data")
            let object = try #require(json(created) as? [String: Any])
            #expect(object["path"] as? String == "team/data")
            #expect(object["uuid"] as? String == (try served.uuid()))
            #expect(try served.config("core.bare") == "true")
            #expect(try served.config("annex.version") == "10")
            #expect(try host.http.get("/team/data/config").text.contains(served.uuid()))

            _ = try host.create("lab/a/b")
            let list = try #require(json(host.repo("list", "--json")) as? [[String: Any]])
            #expect(list.compactMap { $0["path"] as? String }.sorted() == ["lab/a/b", "team/data"])
            #expect(try host.repo("list").text.contains("team/data"))

            _ = try served.p2p().store(Array("shown".utf8))
            let show = try #require(json(host.repo("show", "--json", "team/data")) as? [String: Any])
            #expect(show["uuid"] as? String == (try served.uuid()))
            #expect(try host.repo("show", "no/such").status != 0)
            let again = try host.repo("create", "team/data")
            #expect(again.status != 0 && !again.errorText.isEmpty && again.output.isEmpty)
        }
    }

    @Test(
        "names that cannot be repositories are refused",
        arguments: ["-", "../x", "/abs/../x", "a//../b", ".annexd/x", "a/.git/b", "", "x/-/y"])
    func badNames(name: String) throws {
        try withHost { host, _ in
            let result = try host.repo("create", "--", name)
            #expect(result.status != 0, "\(result.transcript)")
            let made = try Command(["find", host.scratch.path, "-name", "HEAD"]).run()
            #expect(made.text.isEmpty)
        }
    }

    @Test("rename keeps the old URL alive")
    func rename() throws {
        try withHost { host, alice in
            let served = try host.create("old/name")
            let tree = try alice.annexClone(served.url, as: "tree")
            try tree.write("a", "content\n")
            try tree.add("a")
            try tree.annex("push")
            let result = try host.repo("rename", "old/name", "new/place")
            #expect(result.status == 0, "\(result.transcript)")
            #expect(host.hosted("new/place").exists && !served.exists)
            // The client knows only the old URL, for git and for the annex.
            try tree.annex("drop", "a")
            try tree.annex("get", "a")
            try tree.git("commit", "-qm", "more", "--allow-empty")
            try tree.git("push", "-q", "origin", "main")
            #expect(try host.http.get("/new/place/config").text.contains(host.hosted("new/place").uuid()))
            let fresh = try alice.annexClone(host.hosted("new/place").url, as: "fresh")
            try fresh.annex("get", "a")
            // A new repository may take the old name, and is then itself.
            _ = try host.create("old/name")
            #expect(try host.http.get("/old/name/config").text.contains(host.hosted("old/name").uuid()))
        }
    }

    @Test("delete moves to a trash, restore brings everything back")
    func deleteAndRestore() throws {
        try withHost { host, _ in
            let served = try host.create()
            let p2p = try served.p2p()
            let key = try p2p.store(Array("precious".utf8))
            #expect(try host.repo("delete", "team/data").status == 0)
            #expect(try eventually { try host.http.get("/team/data/config").status == 404 })
            #expect(try p2p.call("checkpresent", [("key", key)]).status == 404)
            #expect(try !host.repo("list").text.contains("team/data"))
            #expect(try host.repo("delete", "team/data").status != 0)
            #expect(try host.repo("restore", "team/data").status == 0)
            #expect(try eventually { try p2p.checkPresent(key) == true })
            #expect(try p2p.get(key).text == "precious")
            #expect(try host.repo("restore", "team/data").status != 0)
        }
    }

    @Test("deleting a repository while a client uploads to it harms neither the server nor the trash")
    func deleteDuringUpload() throws {
        try withHost { host, _ in
            let p2p = try host.create().p2p()
            let upload = try p2p.beginPut("FOO-s1000--x", part: seededBytes(10, seed: 1), declared: 1_000)
            #expect(try eventually { try p2p.putOffset("FOO-s1000--x") == 10 })
            #expect(try host.repo("delete", "team/data").status == 0)
            try? upload.sendChunk(seededBytes(990, seed: 2))
            try? upload.sendLastChunk()
            _ = try? upload.readReply()
            #expect(!exists("\(host.root)/team/data.git/annex/objects"))
            #expect(try host.http.get("/-/health").status == 200)
        }
    }

    @Test("import takes a repository with its UUID and content")
    func importing() throws {
        try withHost { host, alice in
            let source = try alice.newRepository("source")
            try source.write("a", "imported\n")
            try source.add("a")
            let uuid = try source.config("annex.uuid")
            let key = try source.key("a")
            let result = try host.repo("import", source.path, "from/elsewhere")
            #expect(result.status == 0, "\(result.transcript)")
            #expect(try eventually { try host.http.get("/from/elsewhere/config").text.contains(uuid ?? "?") })
            let p2p = P2PCalls(port: host.port, prefix: "/from/elsewhere", uuid: uuid ?? "")
            #expect(try p2p.get(key).text == "imported\n")
            let clone = try alice.annexClone("\(host.baseURL)/from/elsewhere", as: "clone")
            try clone.annex("get", "a")
        }
    }

    @Test("repo commands work without a server")
    func withoutServer() throws {
        try ScratchDirectory.with { scratch in
            let root = try scratch.makeDirectory("root")
            func repo(_ arguments: String...) throws -> CommandResult {
                try Command([try Tools.annexd(), "repo"] + arguments, directory: root).run()
            }
            #expect(try repo("create", "--root", root, "a", "b/c").status == 0)
            #expect(try repo("list", "--root", root).lines.count == 2)
            #expect(try repo("rename", "--root", root, "a", "d").status == 0)
            #expect(try repo("delete", "--root", root, "d").status == 0)
            #expect(try repo("restore", "--root", root, "d").status == 0)
            #expect(exists("\(root)/d.git/HEAD") && exists("\(root)/b/c.git/HEAD"))
        }
    }

    @Test(
        "an unknown or impossible setting stops the start, with file, line and the nearest key",
        arguments: [
            ("[server]\nanonimous = \"read\"\n", "anonymous"), ("[server]\nanonymous = \"maybe\"\n", "maybe"),
            ("[servr]\nanonymous = \"read\"\n", "server"), ("[server\n", "1"),
        ])
    func badSettings(text: String, hint: String) throws {
        try ScratchDirectory.with { scratch in
            let file = scratch.child("annexd.toml")
            try write(file, text)
            let root = try scratch.makeDirectory("root")
            let result = try Command(
                [
                    try Tools.annexd(), "serve", "--root", root, "--listen", "127.0.0.1:0", "--config", file,
                    "--ready-json",
                ],
                directory: scratch.path, timeout: 20
            ).run()
            #expect(result.status != 0 && !result.timedOut)
            #expect(result.errorText.contains("annexd.toml") && result.errorText.contains(hint), "\(result.errorText)")
            #expect(result.output.isEmpty)
        }
    }

    @Test("settings come from the file; the command line wins")
    func settingsFile() throws {
        try ScratchDirectory.with { scratch in
            let file = scratch.child("annexd.toml")
            try write(file, "[server]\nanonymous = \"none\"\n")
            let fromFile = try AnnexdHost(in: scratch, .init(anonymous: nil, flags: ["--config", file]))
            _ = try fromFile.create()
            #expect(try fromFile.http.get("/team/data/config").status == 401)
            try fromFile.stop()
            let overridden = try AnnexdHost(in: scratch, .init(anonymous: "read", flags: ["--config", file]))
            #expect(try overridden.http.get("/team/data/config").status == 200)
            try overridden.stop()
        }
    }

    @Test("--ephemeral serves a fresh root and removes it at exit; unix sockets are served")
    func ephemeralAndUnix() throws {
        try ScratchDirectory.with { scratch in
            let socket = scratch.child("socket")
            let parent = try scratch.makeDirectory("tmp")
            var command = Command([
                try Tools.annexd(), "serve", "--ephemeral", "--listen", "127.0.0.1:0", "--listen", "unix:\(socket)",
                "--ready-json",
            ])
            command.environment["TMPDIR"] = parent
            let child = try command.start()
            #expect(eventually { child.output.contains(10) })
            #expect(exists(socket))
            let curl = Command([
                "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", socket, "http://h/-/health",
            ])
            #expect(try curl.run().text == "200")
            child.signal(SIGTERM)
            #expect(child.finish(within: 20).status == 0)
            #expect(try Command(["ls", "-A", parent]).run().text.isEmpty)
            #expect(!exists(socket))
        }
    }

    @Test("a port in use, a missing value and an unknown option end with a message and a status of their own")
    func badStarts() throws {
        try withHost { host, _ in
            let attempts = [
                ["serve", "--root", host.root, "--listen", "127.0.0.1:\(host.port)"],
                ["serve", "--root", host.root, "--listen", "nonsense"],
                ["serve", "--root", host.root, "--anonymous", "maybe"], ["serve", "--no-such-option"], ["nonsense"],
            ]
            for arguments in attempts {
                let result = try Command([try Tools.annexd()] + arguments, directory: host.scratch.path, timeout: 20)
                    .run()
                #expect(result.status != 0 && !result.timedOut, "\(arguments)")
                #expect(!result.errorText.isEmpty, "\(arguments)")
            }
        }
    }

    @Test(
        "SIGTERM and SIGINT end the server cleanly, also with open locks and idle connections",
        arguments: [SIGTERM, SIGINT])
    func shutdown(signal: Int32) throws {
        try ScratchDirectory.with { scratch in
            let host = try AnnexdHost(in: scratch)
            let p2p = try host.create().p2p()
            let key = try p2p.store(Array("x".utf8))
            let lock = try #require(try p2p.lock(key))
            let kept = try p2p.keepLocked(lock)
            let idle = try RawConnection(port: host.port)
            kill(host.pid, signal)
            #expect(eventually { !host.isRunning })
            try host.stop()
            kept.close()
            idle.close()
        }
    }
}
