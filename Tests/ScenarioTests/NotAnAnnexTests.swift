// A plain git repository lies below the root. Nobody's API call makes it an annex, and some must never become one.

import TestKit
import Testing

@Suite struct NotAnAnnexTests {
    @Test("spec 01 #28: a repository without annex.uuid has no P2P, and API calls do not give it one")
    func plainRepository() throws {
        try withHost { host, _ in
            let served = host.hosted("plain")
            try Command(["git", "init", "-q", "--bare", served.directory]).check()
            let uuid = "11111111-2222-4333-8444-555555555555"
            for prefix in ["/plain", ""] {
                let p2p = P2PCalls(port: host.port, prefix: prefix, uuid: uuid)
                #expect(try p2p.call("checkpresent", [("key", "FOO-s1--x")]).status == 404)
                #expect(try p2p.put("FOO-s1--x", [1]).status == 404)
            }
            #expect(try host.http.get("/plain/config").text == "[core]\n\tbare = true\n")
            #expect(try served.uuid().isEmpty)
            #expect(!exists("\(served.directory)/annex"))
        }
    }

    @Test("spec 01 #29: a .noannex file in the work tree keeps a pushed git-annex branch from making an annex")
    func noAnnex() throws {
        try withHost { host, alice in
            let folder = "\(host.root)/work"
            try Command(["git", "init", "-q", folder]).check()
            try write("\(folder)/.noannex", "not here\n")
            let tree = try alice.newRepository("tree")
            try tree.annex("init", "tree")
            try tree.write("a", Array("a".utf8))
            try tree.add("a")
            try tree.git("remote", "add", "origin", "\(host.baseURL)/work")
            try tree.git("push", "-q", "origin", "git-annex")
            let uuid = try Command(["git", "config", "-f", "\(folder)/.git/config", "annex.uuid"]).run()
            #expect(uuid.status == 1 && uuid.trimmed.isEmpty)
        }
    }

    @Test("spec 01 §3.2: a repository with objects but no UUID has lost its configuration, and gets no new UUID")
    func lostConfiguration() throws {
        try withHost { host, alice in
            let served = host.hosted("lost")
            try Command(["git", "init", "-q", "--bare", served.directory]).check()
            try Command(["mkdir", "-p", "\(served.directory)/annex/objects/123"]).check()
            let tree = try alice.newRepository("tree")
            try tree.annex("init", "tree")
            try tree.git("remote", "add", "origin", served.url)
            try tree.git("push", "-q", "origin", "git-annex")
            #expect(try served.uuid().isEmpty)
        }
    }
}
