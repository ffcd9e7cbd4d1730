// What people without a login may do, for each value of --anonymous: the same rights for git, for the annex and for
// discovery.

import TestKit
import Testing

@Suite struct AnonymousRightsTests {
    /// The statuses of one caller: reading, locking, writing, removing, fetching, pushing.
    private struct Outcome: Equatable, CustomStringConvertible {
        var read = 0
        var lock = 0
        var write = 0
        var remove = 0
        var fetch = 0
        var push = 0
        var config = 0
        var description: String {
            "read \(read) lock \(lock) write \(write) remove \(remove) fetch \(fetch) push \(push) config \(config)"
        }
    }

    @Test(
        "spec 01 #103 and the matrix of §6.8, without accounts",
        arguments: [("none", 401), ("read", 200), ("append", 200), ("write", 200)])
    func matrix(anonymous: String, reading: Int) throws {
        try withHost(.init(anonymous: anonymous)) { host, _ in
            let repository = try host.create()
            let p2p = try repository.p2p()
            // Content to read, placed as an administrator would.
            let key = "FOO-s3--k"
            let script = """
                d=annex/objects/$(printf %s "$0" | md5sum | sed 's,^\\(...\\)\\(...\\).*,\\1/\\2,')/$0
                mkdir -p "$d" && printf abc > "$d/$0" && chmod 0444 "$d/$0" && chmod 0555 "$d"
                """
            try Command(["sh", "-c", script, key], directory: repository.directory).check()
            var seen = Outcome()
            seen.read = try p2p.call("checkpresent", [("key", key)]).status
            #expect(try p2p.get(key).status == seen.read)
            #expect(try p2p.call("gettimestamp").status == seen.read)
            let lock = try p2p.call("lockcontent", [("key", key)])
            seen.lock = lock.status
            if let id = lock.string("lockid") { _ = try p2p.unlock(id) }
            seen.write = try p2p.put("FOO-s1--new", [1]).status
            #expect(try p2p.call("putoffset", [("key", "FOO-s1--other")]).status == seen.write, "spec 01 §6.5")
            seen.remove = try p2p.call("remove", [("key", key)]).status
            seen.fetch = try host.http.get("/team/data/info/refs?service=git-upload-pack").status
            seen.push = try host.http.get("/team/data/info/refs?service=git-receive-pack").status
            seen.config = try host.http.get("/team/data/config").status

            let refused = anonymous == "none" ? [401] : [401, 403]
            func right(_ status: Int, _ allowed: Bool) -> Bool { allowed ? status == 200 : refused.contains(status) }
            let canWrite = anonymous == "append" || anonymous == "write"
            #expect(
                seen.read == reading && seen.lock == reading && seen.fetch == reading && seen.config == reading,
                "\(seen)")
            #expect(right(seen.write, canWrite) && right(seen.push, canWrite), "\(seen)")
            #expect(right(seen.remove, anonymous == "write"), "\(seen)")
        }
    }

    @Test("spec 01 #99: a 401 says how to log in")
    func challenge() throws {
        try withHost(.init(anonymous: "none")) { host, _ in
            let repository = try host.create()
            let reply = try repository.p2p().call("checkpresent", [("key", "FOO-s1--x")])
            #expect(reply.status == 401)
            #expect(reply["www-authenticate"] == "Basic realm=\"git-annex\", charset=\"UTF-8\"")
            let git = try host.http.get("/team/data/info/refs?service=git-upload-pack")
            #expect(git.status == 401 && git["www-authenticate"]?.hasPrefix("Basic ") == true)
        }
    }

    @Test("the default is to read")
    func byDefault() throws {
        try withHost(.init(anonymous: nil)) { host, _ in
            let p2p = try host.create().p2p()
            #expect(try p2p.call("checkpresent", [("key", "FOO-s1--x")]).status == 200)
            #expect([401, 403].contains(try p2p.put("FOO-s1--x", [1]).status))
        }
    }

    @Test("append: content and commits may come, nothing may go, and history is not rewritten")
    func append() throws {
        try withHost(.init(anonymous: "append")) { host, alice in
            let repository = try host.create()
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("a", "appended\n")
            try tree.add("a")
            try tree.annex("push")
            #expect(try repository.p2p().checkPresent(tree.key("a")) == true)
            let drop = try tree.attempt("git", "annex", "drop", "--from", "origin", "a")
            #expect(drop.status != 0)
            #expect(try repository.p2p().checkPresent(tree.key("a")) == true)
        }
    }
}
