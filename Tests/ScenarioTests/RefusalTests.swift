// Refusals speak: the stock client prints the reason phrase, and the answer comes before the body is read.

import TestKit
import Testing

@Suite struct RefusalTests {
    @Test("spec 01 #49: not enough space is 507 with the amount, at putoffset or put, and nothing is left")
    func noSpace() throws {
        try withRepository { repository, p2p, alice in
            try repository.setConfig("annex.diskreserve", "1000TB")
            let key = "FOO-s1000000--full"
            for reply in [try p2p.put(key, seededBytes(1_000_000, seed: 1)), try p2p.call("putoffset", [("key", key)])]
            {
                if reply.status == 200 {
                    #expect(reply.bool("stored") != true)
                } else {
                    #expect(
                        reply.status == 507 && reply.reason.lowercased().contains("space"),
                        "\(reply.status) \(reply.reason)")
                }
            }
            #expect(!exists(repository.partial(key)))
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("a", seededBytes(100_000, seed: 2))
            try tree.add("a")
            let copy = try tree.attempt("git", "annex", "copy", "--to", "origin", "a")
            #expect(copy.status != 0)
            #expect(copy.allText.lowercased().contains("space"), "\(copy.allText)")
        }
    }

    @Test("507 is sent before the body: a client that has sent nothing yet has the answer")
    func beforeTheBody() throws {
        try withRepository { repository, p2p, _ in
            try repository.setConfig("annex.diskreserve", "1000TB")
            let upload = try p2p.beginPut("FOO-s1000000--full", part: [], declared: 1_000_000)
            let reply = try upload.readReply()
            #expect(reply.status == 507, "\(reply.status) \(reply.reason)")
        }
    }

    @Test("spec 01 #90: 403 for a large put arrives at the stock client in words")
    func readOnly() throws {
        try withHost(.init(anonymous: "read")) { host, alice in
            let repository = try host.create()
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("a", seededBytes(20_000_000, seed: 3))
            try tree.add("a")
            let copy = try tree.attempt("git", "annex", "copy", "--to", "origin", "a")
            #expect(copy.status != 0 && copy.allText.contains("403"), "\(copy.allText)")
            let put = try repository.p2p().beginPut("FOO-s100000000--x", part: [], declared: 100_000_000)
            let reply = try put.readReply()
            #expect(reply.status == 403 && reply.reason.lowercased() != "forbidden", "\(reply.status) \(reply.reason)")
        }
    }

    @Test("404 names the repository, 400 the key; neither repeats raw control characters")
    func words() throws {
        try withRepository { repository, p2p, _ in
            let missing = try p2p.http.get("/no/such/config")
            #expect(missing.status == 404 && !missing.reason.isEmpty)
            let bad = try p2p.call("checkpresent", [("key", "no\u{1}key")])
            #expect(bad.status == 400 && !bad.reason.isEmpty)
            #expect(bad.reason.utf8.allSatisfy { $0 >= 32 && $0 < 127 }, "\(bad.reason)")
            let split = try p2p.http.get("/x%0d%0aSet-Cookie:%20a=b/config")
            #expect(split["set-cookie"] == nil)
            #expect(repository.host.isRunning)
        }
    }

    @Test(
        "requests that are no HTTP, too large, or out of place leave the server serving",
        arguments: [
            "nonsense\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
            "POST /team/data/git-upload-pack HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            "POST /team/data/git-upload-pack HTTP/1.1\r\nContent-Length: 5\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST /team/data/git-upload-pack HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "BREW /team/data HTTP/1.1\r\nHost: h\r\n\r\n",
        ])
    func malformed(request: String) throws {
        try withRepository { _, p2p, _ in
            let connection = try RawConnection(port: p2p.http.port)
            try connection.send(request)
            connection.shutdownWrite()
            if let reply = try? connection.readReply() { #expect((400..<600).contains(reply.status)) }
            #expect(try p2p.http.get("/team/data/config").status == 200)
        }
    }
}
