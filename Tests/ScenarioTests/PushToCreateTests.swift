// Push to create: whoever may write makes a repository by pushing to a new name. Reading makes nothing. The stock
// client asks for /config first; only when that is refused does `git annex push` go on to find the UUID and send the
// content in the same command, after it has pushed the git-annex branch.

import TestKit
import Testing

@Suite struct PushToCreateTests {
    @Test("one `git annex push` to a new name creates it, finds its UUID and sends the content")
    func annexPush() throws {
        try withHost { host, alice in
            let tree = try alice.newRepository("work")
            try tree.write("a", "hello\n")
            try tree.write("b", seededBytes(50_000, seed: 1))
            try tree.add("a", "b")
            try tree.git("remote", "add", "origin", "\(host.baseURL)/lab/x/new")
            try tree.annex("push")

            let served = host.hosted("lab/x/new")
            #expect(served.exists)
            #expect(try tree.config("remote.origin.annex-uuid") == served.uuid())
            #expect(try tree.config("remote.origin.annex-ignore") == nil)
            for name in ["a", "b"] {
                #expect(try served.p2p().checkPresent(tree.key(name)) == true, "content of \(name)")
            }
            let other = try alice.annexClone(served.url, as: "other")
            try other.annex("get", ".")
            #expect(other.read("b") == tree.read("b"))
        }
    }

    @Test("a plain first `git push origin main git-annex` is accepted, and the branch is then merged with the server's")
    func plainPushOfBothBranches() throws {
        try withHost { host, alice in
            let tree = try alice.newRepository("work")
            try tree.write("a", "hello\n")
            try tree.add("a")
            try tree.git("remote", "add", "origin", "\(host.baseURL)/plain.git")
            try tree.git("push", "-q", "origin", "main", "git-annex")
            let served = host.hosted("plain")
            #expect(served.exists)
            try tree.annex("copy", "--to", "origin", "a")
            #expect(try served.p2p().checkPresent(tree.key("a")) == true)
            try tree.annex("sync")
            let bare = served.tree(alice)
            #expect(try bare.git("show", "git-annex:uuid.log").text.contains(served.uuid()))
        }
    }

    @Test("a plain `git push` of one branch creates an annex with a UUID")
    func gitPush() throws {
        try withHost { host, alice in
            let tree = try alice.newRepository("work", annex: false)
            try tree.write("a", "hello\n")
            try tree.git("add", "a")
            try tree.git("commit", "-qm", "a")
            try tree.git("push", "-q", "\(host.baseURL)/team/made", "main")
            let served = host.hosted("team/made")
            #expect(served.exists)
            #expect(try !served.uuid().isEmpty)
            #expect(try served.config("annex.version") == "10")
            let again = try alice.clone(served.url, as: "again")
            #expect(again.read("a") == Array("hello\n".utf8))
        }
    }

    @Test("HEAD follows the first pushed branch that is neither git-annex nor synced/*")
    func headFollows() throws {
        try withHost { host, alice in
            let tree = try alice.newRepository("work")
            try tree.write("a", "hello\n")
            try tree.add("a")
            try tree.git("branch", "-m", "trunk")
            let url = "\(host.baseURL)/team/head"
            try tree.git("push", "-q", url, "git-annex", "git-annex:synced/git-annex", "trunk:synced/trunk")
            try tree.git("push", "-q", url, "trunk")
            #expect(text("\(host.hosted("team/head").directory)/HEAD") == "ref: refs/heads/trunk\n")
            try tree.git("push", "-q", url, "trunk:later")
            #expect(text("\(host.hosted("team/head").directory)/HEAD") == "ref: refs/heads/trunk\n")
            #expect(try alice.clone(url, as: "again").git("branch", "--show-current").trimmed == "trunk")
        }
    }

    @Test("reading a name that does not exist creates nothing and answers 404")
    func readingCreatesNothing() throws {
        try withHost { host, alice in
            let targets = [
                "/team/none/config", "/team/none.git/info/refs?service=git-upload-pack", "/team/none/info/refs",
                "/team/none/HEAD",
            ]
            for target in targets {
                let reply = try host.http.get(target)
                #expect(reply.status == 404, "\(target)")
            }
            #expect(try host.http.request("POST", "/team/none/git-upload-pack", body: Array("0000".utf8)).status == 404)
            let clone = alice.command(["git", "clone", "\(host.baseURL)/team/none.git", "c"], in: alice.scratch.path)
            #expect(try clone.run().status != 0)
            #expect(!exists("\(host.root)/team"))
        }
    }

    @Test("who may only read does not create, and is told so", arguments: ["read", "none"])
    func readersDoNotCreate(anonymous: String) throws {
        try withHost(.init(anonymous: anonymous)) { host, alice in
            let tree = try alice.newRepository("work", annex: false)
            try tree.git("commit", "-qm", "empty", "--allow-empty")
            let push = try tree.attempt("git", "push", "\(host.baseURL)/team/no", "main")
            #expect(push.status != 0)
            #expect(!exists("\(host.root)/team"))
        }
    }

    @Test(
        "names that cannot be repositories are refused",
        arguments: ["-/x", "a/../../b", ".annexd/x", "a/.git/b", "..", "a%2F..%2F..%2Fb"])
    func badNames(name: String) throws {
        try withHost { host, _ in
            let reply = try host.http.get("/\(name)/info/refs?service=git-receive-pack")
            #expect((400..<500).contains(reply.status), "\(reply.status)")
            let push = try host.http.request("POST", "/\(name)/git-receive-pack", body: Array("0000".utf8))
            #expect((400..<500).contains(push.status), "\(push.status)")
            let made = try Command(["find", host.scratch.path, "-name", "HEAD"]).run().text
            #expect(made.isEmpty, "\(made)")
        }
    }

    @Test("a first push that ends before its pack, or that is refused, leaves nothing behind") func failedFirstPush()
        throws
    {
        try withHost { host, alice in
            let (zero, id) = (String(repeating: "0", count: 40), String(repeating: "1", count: 40))
            let line = "\(zero) \(id) refs/heads/main\0report-status\n"
            let command = "00" + String(line.utf8.count + 4, radix: 16) + line + "0000"
            func head(_ length: Int) -> String {
                "POST /team/new/git-receive-pack HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                    + "Content-Type: application/x-git-receive-pack-request\r\nContent-Length: \(length)\r\n\r\n"
            }
            func busy() throws -> Int {
                let metrics = try host.metrics()
                return (metrics["annexd_git_working"] ?? 0) + (metrics["annexd_git_slow"] ?? 0)
            }
            // All commands are there, more than is read ahead, and then nothing more.
            let start = command + "PACK" + String(repeating: "x", count: 70_000)
            let silent = try RawConnection(port: host.port, timeout: 30)
            try silent.send(head(1_000_000) + start)
            #expect(try eventually { try busy() == 1 })
            #expect(!exists("\(host.root)/team"))
            #expect(try host.readings.children.isEmpty, "no git has been started")
            silent.reset()
            #expect(try eventually { try busy() == 0 })

            let broken = try answers(head(start.utf8.count) + start, port: host.port)
            #expect(broken.first?.text.contains("ng refs/heads/main") == true, "\(broken)")
            let none = try answers(head(command.utf8.count) + command, port: host.port)
            #expect(none.first?.text.contains("ng refs/heads/main") == true, "\(none)")
            let tree = try alice.newRepository("tree", annex: false)
            try tree.git("commit", "-q", "--allow-empty", "-m", "x")
            let refused = try tree.attempt("git", "push", "\(host.baseURL)/team/new", "main:refs/strange/x")
            #expect(refused.status != 0)
            #expect(!exists("\(host.root)/team"))
            #expect(try Command(["ls", "-A", "\(host.root)/.annexd/tmp"]).run().lines.isEmpty)
        }
    }

    @Test("first pushes to one name at the same time all arrive") func racingFirstPushes() throws {
        try withHost { host, alice in
            let trees = try (0..<4).map { number in
                let tree = try alice.newRepository("tree\(number)")
                try tree.write("f\(number)", "content \(number)\n")
                try tree.add("f\(number)")
                return tree
            }
            let pushes = try trees.enumerated().map { number, tree in
                try tree.begin(
                    "git", "push", "-q", "\(host.baseURL)/team/race", "main:topic\(number)",
                    "+git-annex:refs/synced/c\(number)/git-annex")
            }
            for push in pushes {
                let result = push.finish(within: 120)
                #expect(result.status == 0, "\(result.transcript)")
            }
            let served = host.hosted("team/race")
            let refs = try served.tree(alice).git("for-each-ref", "--format=%(refname)", "refs/heads/topic*").lines
            #expect(refs.count == 4)
            let log = try served.tree(alice).git("show", "git-annex:uuid.log").text
            for tree in trees { #expect(try log.contains(tree.uuid())) }
            #expect(log.contains(try served.uuid()))
        }
    }

    /// Git then sends the pack in chunks, and asks with an empty request before.
    @Test("a first push that is larger than git's buffer creates a repository, too")
    func largePush() throws {
        try withHost { host, alice in
            let tree = try alice.newRepository("tree", annex: false)
            try tree.write("large", seededBytes(300_000, seed: 1))
            try tree.git("add", ".")
            try tree.git("commit", "-qm", "large")
            try tree.git("-c", "http.postBuffer=65536", "push", "-q", "\(host.baseURL)/team/large", "main")
            let pushed = try tree.git("rev-parse", "main").trimmed
            let served = try Command(["git", "--git-dir", host.hosted("team/large").directory, "rev-parse", "main"])
                .run()
            #expect(served.trimmed == pushed)
        }
    }
}
