// Dumb HTTP: the fallback of clients without smart HTTP, read-only, and never a window into anything but git objects.

import TestKit
import Testing

@Suite struct DumbHTTPTests {
    @Test("a client without smart HTTP clones")
    func dumbClone() throws {
        try withHost { host, alice in
            let served = try host.create()
            let tree = try alice.annexClone(served.url, as: "tree")
            try tree.write("a", "hello\n")
            try tree.add("a")
            try tree.annex("push")
            var dumb = alice.command(["git", "clone", "-q", served.url, "dumb"], in: alice.scratch.path)
            dumb.environment["GIT_SMART_HTTP"] = "0"
            try dumb.check()
            let clone = WorkTree(client: alice, path: alice.scratch.child("dumb"))
            #expect(try clone.git("rev-parse", "HEAD").trimmed == tree.git("rev-parse", "HEAD").trimmed)

            // After packing, too.
            try served.tree(alice).git("repack", "-adq")
            dumb.arguments[4] = "packed"
            try dumb.check()
        }
    }

    @Test("HEAD, info/refs and loose objects are served; private files are not")
    func files() throws {
        try withHost { host, alice in
            let served = try host.create()
            let tree = try alice.newRepository("tree", annex: false)
            try tree.git("commit", "-qm", "empty", "--allow-empty")
            try tree.git("push", "-q", served.url, "main")
            #expect(try host.http.get("/team/data.git/HEAD").text == "ref: refs/heads/main\n")
            let commit = try tree.git("rev-parse", "main").trimmed
            #expect(try host.http.get("/team/data/info/refs").text.contains("\(commit)\trefs/heads/main"))
            let loose = "/team/data/objects/\(commit.prefix(2))/\(commit.dropFirst(2))"
            #expect(try host.http.get(loose).status == 200)
            #expect(try host.http.head(loose).status == 200)
            let hidden = [
                "hooks/update", "annex/journal.lck", "description", "logs/HEAD", "annex/index", "packed-refs",
                "refs/heads/main", "objects/../config", "objects/%2e%2e/config", "annex/creds/x",
            ]
            for name in hidden {
                let reply = try host.http.get("/team/data.git/\(name)")
                #expect(
                    reply.status != 200 || !reply.text.contains("repositoryformatversion"), "\(name): \(reply.status)")
                if !name.contains("config") { #expect(reply.status == 404, "\(name)") }
            }
        }
    }
}
