// A prepared repository: somebody hands an operator a folder in which links lead to other people's files, and FIFOs
// wait where files belong. Readers must get nothing of what is outside, the clean-up and the doctor must not touch it,
// and a FIFO must cost one request at most, never a thread, let alone the host.

import TestKit
import Testing

@Suite struct AttacksByFoldersTests {
    private func shell(_ script: String, in directory: String) throws {
        try Command(["sh", "-ec", script], directory: directory).check()
    }

    /// Other people's files, old enough to be taken for debris.
    private func makeHome(_ host: AnnexdHost) throws -> String {
        let home = try host.scratch.makeDirectory("home")
        try shell(
            """
            mkdir -p docs/photos proj/sub objects/pack othertmp
            echo thesis >docs/thesis.txt; echo sea >docs/photos/sea.jpg; echo secret >secret
            echo lock >proj/Cargo.lock; echo lock >proj/sub/yarn.lock; echo x >objects/pack/tmp_pack_x
            chmod 500 docs/photos
            find . -exec touch -h -d '5 days ago' {} +
            """, in: home)
        return home
    }

    private func state(of folder: String) throws -> String {
        try Command(["sh", "-ec", "find . -printf '%p %m %T@ %y ' -type f -exec cat {} \\; | sort"], directory: folder)
            .check().text
    }

    @Test("dumb HTTP sends no file that a link leads to, and waits for no FIFO")
    func dumbHTTP() throws {
        try withHost { host, _ in
            let evil = try host.create("t/evil")
            _ = try host.create("t/other")
            let (one, two) = (String(repeating: "1", count: 40), String(repeating: "2", count: 40))
            let name = String(repeating: "3", count: 38)
            try shell(
                """
                mkdir -p objects/pack objects/ab
                ln -s /etc/passwd objects/pack/pack-\(two).pack
                ln -s /etc objects/cd
                mkfifo objects/pack/pack-\(one).pack objects/ab/\(name)
                ln -s /etc/passwd objects/ab/\(String(repeating: "4", count: 38))
                """, in: evil.directory)
            for path in [
                "objects/pack/pack-\(two).pack", "objects/ab/\(String(repeating: "4", count: 38))",
                "objects/cd/\(name)",
            ] {
                let reply = try host.http.get("/t/evil/\(path)")
                #expect(reply.status != 200 && !reply.text.contains("root:"), "\(path): \(reply.status)")
            }
            // More than there are threads.
            for path in ["objects/pack/pack-\(one).pack", "objects/ab/\(name)"] {
                for _ in 0..<20 { #expect(try host.http.get("/t/evil/\(path)").status == 404) }
            }
            #expect(try host.http.get("/t/other/config").status == 200)
            #expect(try host.http.get("/-/ready").text == "ok\n")
            #expect(try host.metrics()["annexd_blocking_stuck"] == 0)
        }
    }

    @Test(
        "a repository whose own folders are links is not served; nothing outside is touched, the doctor names the link",
        arguments: [
            "refs", "objects", "annex/tmp", "annex/othertmp", "annex/objects", "annex", "annexd", "objects/pack",
        ])
    func links(folder: String) throws {
        try withHost { host, _ in
            let home = try makeHome(host)
            let evil = try host.create("t/evil")
            let p2p = try evil.p2p()
            let key = try p2p.store([1, 2, 3])
            // What was open is closed: the server has to open it anew.
            try host.stop()
            try shell(
                "mkdir -p \(folder); rm -rf \(folder); ln -s \(home)\(folder == "refs" ? "" : "/docs") \(folder)",
                in: evil.directory)
            let before = try state(of: home)
            try host.restart()
            for path in ["/t/evil/config", "/t/evil/info/refs?service=git-upload-pack", "/t/evil/HEAD"] {
                let reply = try host.http.get(path)
                #expect(reply.status >= 400, "\(path): \(reply.status)")
                #expect(!reply.reason.contains(home), "\(reply.reason)")
            }
            let reply = try p2p.call("checkpresent", [("key", key)])
            #expect(reply.status == 500 && reply.reason.contains("annexd doctor"), "\(reply.status) \(reply.reason)")
            #expect(host.log.contains("symbolic link"), "\(host.log.suffix(2000))")
            for flags in [[], ["--repair"]] {
                let doctor = try Command([try Tools.annexd(), "doctor", "--root", host.root] + flags + ["t/evil"]).run()
                #expect(doctor.status == 1, "\(doctor.transcript)")
                #expect(doctor.allText.contains("strange-file"), "\(doctor.transcript)")
                #expect(doctor.allText.contains(folder) && doctor.allText.contains("symbolic link to"))
            }
            #expect(try state(of: home) == before)
            // It can be deleted, which removes the link, and not what it leads to.
            #expect(try host.repo("delete", "t/evil").status == 0)
            #expect(try state(of: home) == before)
        }
    }

    @Test("deeper links are not followed by the clean-up either, and the rest goes on")
    func deeperLinks() throws {
        try withHost { host, _ in
            let home = try makeHome(host)
            let evil = try host.create("t/evil")
            let p2p = try evil.p2p()
            let key = try p2p.store([1, 2, 3])
            try host.stop()
            try shell(
                """
                ln -s \(home)/proj refs/heads/proj; ln -s \(home)/docs annex/tmp/work.x; ln -s \(home)/objects/pack objects/ab
                ln -s \(home) annex/transfer; ln -s \(home)/secret annex/journal.lck-x
                touch -h -d '5 days ago' annex/tmp/work.x refs/heads/proj
                """, in: evil.directory)
            let before = try state(of: home)
            try host.restart()
            #expect(try p2p.checkPresent(key) == true)
            #expect(try p2p.get(key).body == [1, 2, 3])
            let doctor = try Command([try Tools.annexd(), "doctor", "--root", host.root, "--repair", "t/evil"]).run()
            #expect(doctor.allText.contains("refs/heads/proj"), "\(doctor.transcript)")
            #expect(try state(of: home) == before)
        }
    }

    @Test("a FIFO in the journal costs the one key, and no other upload waits")
    func journal() throws {
        try withHost { host, _ in
            let evil = try host.create("fifo")
            let p2p = try evil.p2p()
            _ = try p2p.store([1, 2, 3])
            let name = "861_2e3_URL--y.log"
            try shell("mkdir -p annex/journal; mkfifo annex/journal/\(name)", in: evil.directory)
            let reply = try p2p.put("URL--y", Array("abc".utf8))
            #expect(reply.status == 500, "\(reply.status) \(reply.reason)")
            #expect(try p2p.put("URL--z", Array("abc".utf8)).bool("stored") == true)
            #expect(try host.http.get("/-/ready").text == "ok\n")
        }
    }

    @Test(
        "FIFOs where git's and annexd's own files belong: the repository is refused, at once, and others are served",
        arguments: ["config", "HEAD", "packed-refs", "annex/journal.lck"])
    func specialFiles(file: String) throws {
        try withHost { host, _ in
            let evil = try host.create("t/evil")
            let other = try host.create("t/other")
            let (p2p, good) = (try evil.p2p(), try other.p2p())
            try host.stop()
            try shell("rm -f \(file); mkfifo \(file)", in: evil.directory)
            try host.restart()
            for _ in 0..<20 {
                #expect(try p2p.call("checkpresent", [("key", "URL--a")]).status == 500)
                #expect(try host.http.get("/t/evil/info/refs?service=git-upload-pack").status == 500)
            }
            _ = try good.store([1, 2, 3])
            let doctor = try Command([try Tools.annexd(), "doctor", "--root", host.root, "t/evil"]).run()
            #expect(doctor.status == 1 && doctor.allText.contains("FIFO"), "\(doctor.transcript)")
        }
    }

    @Test(
        "a FIFO or a link in the place of a partial upload, an object or a lock file is no content, and blocks nobody")
    func contentFiles() throws {
        try withRepository { repository, p2p, _ in
            let home = try makeHome(repository.host)
            let bytes: [UInt8] = [4, 5, 6]
            let key = try Tools.sha256Key(bytes)
            try shell(
                "mkdir -p annex/tmp annex/transfer/download/lck; mkfifo annex/tmp/\(key); ln -s \(home)/secret annex/tmp/URL--l",
                in: repository.directory)
            let before = try state(of: home)
            #expect(try p2p.putOffset(key) == 0)
            #expect(try p2p.putOffset("URL--l") == 0)
            // The partial file that is none is taken away.
            #expect(try p2p.put(key, bytes).bool("stored") == true)
            #expect(try p2p.put("URL--l", bytes).bool("stored") == true)
            let object = try #require(try repository.object(key))
            try shell(
                "chmod u+w \"$(dirname \(object))\"; rm -f \(object); mkfifo \(object)", in: repository.directory)
            #expect(try p2p.checkPresent(key) == false)
            #expect(try p2p.get(key).status == 404)
            let lock = try #require(try p2p.lock("URL--l"))
            #expect(try p2p.unlock(lock).status == 200)
            #expect(try state(of: home) == before)
            #expect(try repository.host.http.get("/-/ready").text == "ok\n")
        }
    }

    @Test("import refuses links that lead out and special files, and names them; what is in order is taken")
    func importing() throws {
        try withHost { host, alice in
            let home = try makeHome(host)
            let before = try state(of: home)
            for (script, named) in [
                ("ln -s \(home) annex/tmp", "annex/tmp"), ("mkfifo refs/heads/x", "refs/heads/x"),
                ("ln -s \(home)/docs refs/heads/docs", "refs/heads/docs"), ("echo \(home) >commondir", "commondir"),
            ] {
                let source = host.scratch.child("gift")
                try Command(["git", "init", "-q", "--bare", source]).check()
                try shell("git config annex.uuid 11111111-1111-4111-8111-111111111111; mkdir annex", in: source)
                try shell(script, in: source)
                for flags in [[], ["--copy"]] {
                    let arguments = [try Tools.annexd(), "repo", "import", "--root", host.root] + flags
                    let result = try Command(arguments + [source, "gift"]).run()
                    #expect(result.status != 0 && result.errorText.contains(named), "\(result.transcript)")
                }
                #expect(!exists("\(host.root)/gift.git"))
                try Command(["rm", "-rf", source]).check()
            }
            // Links within the repository, hooks, and whatever a work tree holds are no reason to refuse one.
            let tree = try alice.newRepository("tree")
            try tree.write("a", "imported\n")
            try tree.add("a")
            try shell(
                "ln -s /etc/hosts hosts; ln -sf /bin/true .git/hooks/pre-push; ln -s main .git/refs/heads/other",
                in: tree.path)
            let key = try tree.key("a")
            let uuid = try tree.config("annex.uuid") ?? ""
            let result = try host.repo("import", tree.path, "good")
            #expect(result.status == 0, "\(result.transcript)")
            let p2p = P2PCalls(port: host.port, prefix: "/good", uuid: uuid)
            #expect(try eventually { try p2p.get(key).text == "imported\n" })
            #expect(try state(of: home) == before)
        }
    }

    @Test("import of something that is hosted already names the rename, and moves nothing")
    func importOfHosted() throws {
        try withHost { host, _ in
            let hosted = try host.create("m/b")
            for source in [hosted.directory, "\(host.root)/m/../m/b.git"] {
                let result = try host.repo("import", "--move", source, "m/c")
                #expect(result.status != 0 && result.errorText.contains("repo rename m/b m/c"), "\(result.transcript)")
            }
            #expect(try host.http.get("/m/b/config").status == 200)
            #expect(try host.repo("rename", "m/b", "m/c").status == 0)
            #expect(try host.http.get("/m/b/config").status == 200)
            #expect(try host.http.get("/m/c/config").status == 200)
        }
    }

    @Test("a root that links lead to, and a repository that is a link itself, are served as ever")
    func linkedRoot() throws {
        try withHost { host, alice in
            let elsewhere = host.scratch.child("elsewhere.git")
            let made = try host.create("t/linked")
            let p2p = try made.p2p()
            let key = try p2p.store([7, 8, 9])
            try host.stop()
            try shell("mv \(made.directory) \(elsewhere); ln -s \(elsewhere) \(made.directory)", in: host.root)
            try host.restart()
            #expect(try p2p.get(key).body == [7, 8, 9])
            let other = try p2p.store([1, 2])
            #expect(try p2p.remove(key) == true)
            #expect(try p2p.checkPresent(other) == true)
            let clone = try alice.annexClone(made.url, as: "clone")
            try clone.write("a", "from a client\n")
            try clone.add("a")
            try clone.annex("sync", "--content")
            let doctor = try Command([try Tools.annexd(), "doctor", "--root", host.root, "t/linked"]).run()
            #expect(doctor.status == 0, "\(doctor.transcript)")
        }
    }
}

@Suite(.enabled(if: SmallDisk.isAvailable, "needs a tmpfs of its own, which only root can mount"))
struct AttacksOnReserveTests {
    /// The reserve that the host wants and the largest number there is, added up, once ended the process at the first
    /// request, and again after each restart.
    @Test(
        "annex.diskreserve at the end of 64 bits on a nearly full disk kills nothing",
        arguments: ["9223372036854775807", "9eb"])
    func overflow(reserve: String) throws {
        try ScratchDirectory.with("reserve") { scratch in
            let disk = try SmallDisk(in: scratch, as: "root", mebibytes: 24)
            var options = AnnexdHost.Options()
            options.environment["ANNEXD_LIMITS_DISK_RESERVE_MEBIBYTES"] = "16"
            let host = try AnnexdHost(in: scratch, options)
            let repository = try host.create("a")
            try repository.setConfig("annex.diskreserve", reserve)
            let p2p = try repository.p2p()
            // Somebody else takes the room of the host's reserve.
            try host.stop()
            try Command(["rm", "\(host.root)/.annexd/reserve"]).check()
            try disk.fill(leaving: 1 << 20)
            try host.restart()
            #expect(try p2p.checkPresent("URL--a") == false)
            let reply = try p2p.put("URL--a", [1, 2, 3])
            #expect(reply.status == 507, "\(reply.status) \(reply.reason)")
            #expect(host.isRunning)
            try host.stop()
        }
    }
}
