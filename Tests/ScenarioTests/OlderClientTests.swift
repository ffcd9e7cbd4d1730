// Clients from before 2024-08 (Debian 12 has 10.20230126) know no P2P protocol over HTTP. They ask for content at the
// place where its file would be, first in the lower-case directories, then in the mixed ones, with HEAD and GET. These
// are the requests that such a client was seen to send; where Debian's can be had, it runs as well.

import Foundation
import TestKit
import Testing

@Suite struct OlderClientTests {
    @Test("HEAD, GET and ranges below annex/objects, in both layouts")
    func requests() throws {
        try withRepository { repository, p2p, alice in
            let bytes = seededBytes(100_000, seed: 1)
            let key = try p2p.store(bytes)
            let tree = repository.tree(alice)
            let places = try tree.annex("examinekey", "--format=${hashdirlower} ${hashdirmixed}", key).trimmed
                .split(separator: " ")
            let http = repository.host.http
            for place in places {
                for base in ["/team/data", "/team/data.git"] {
                    let target = "\(base)/annex/objects/\(place)\(key)/\(key)"
                    let head = try http.head(target)
                    #expect(head.status == 200)
                    #expect(head["content-length"] == "100000")
                    #expect(try http.get(target).body == bytes)
                    let part = try http.get(target, headers: [(name: "Range", value: "bytes=50000-")])
                    #expect(part.status == 206)
                    #expect(part.body == Array(bytes[50_000...]))
                    for method in ["PUT", "POST", "DELETE"] {
                        #expect(try http.request(method, target).status == 405, "\(method)")
                    }
                }
            }
            #expect(try p2p.checkPresent(key) == true)
            let absent = try Tools.sha256Key(Array("absent".utf8))
            let place = try tree.annex("examinekey", "--format=${hashdirlower}", absent).trimmed
            #expect(try http.head("/team/data/annex/objects/\(place)\(absent)/\(absent)").status == 404)
        }
    }

    @Test("names of files with signs that URLs and files spell in another way")
    func names() throws {
        try withRepository { repository, p2p, alice in
            let bytes = Array("odd".utf8)
            for key in ["URL-s3--http://example.org/a%b&c", "WORM-s3-m1--a+b=c"] {
                #expect(try p2p.put(key, bytes).bool("stored") == true)
                let tree = repository.tree(alice)
                let places = try tree.annex("examinekey", "--format=${hashdirlower} ${hashdirmixed}", key).trimmed
                    .split(separator: " ")
                let file = key.replacing("&", with: "&a").replacing("%", with: "&s").replacing(":", with: "&c")
                    .replacing("/", with: "%")
                for spelled in [percentEncoded(file), percentEncoded(key)] {
                    for place in places {
                        let target = "/team/data.git/annex/objects/\(place)\(spelled)/\(spelled)"
                        #expect(try repository.host.http.get(target).body == bytes, "\(target)")
                    }
                }
            }
        }
    }

    @Test("who may not read gets nothing, and is not told whether it is there")
    func rights() throws {
        try withHost(.init(anonymous: "none")) { host, _ in
            _ = try host.create("team/data")
            for name in ["team/data", "team/none"] {
                let reply = try host.http.get("/\(name)/annex/objects/f87/4d5/SHA256--x/SHA256--x")
                // The hash directories are not those of the key: such a path means nothing, whoever asks.
                #expect(reply.status == 404)
            }
            let key = "SHA256-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            let hash = try Tools.md5(Array(key.utf8))
            let place = "\(hash.prefix(3))/\(hash.dropFirst(3).prefix(3))"
            for name in ["team/data", "team/none"] {
                #expect(try host.http.get("/\(name)/annex/objects/\(place)/\(key)/\(key)").status == 401)
            }
        }
    }

    @Test(
        "docs/clients.md: Debian's older client gets content, and syncs what it cannot send",
        .enabled(if: Tools.client("older/git-annex") != nil))
    func realClient() throws {
        try withHost { host, alice in
            let served = try host.create()
            let tree = try alice.newRepository("work")
            try tree.write("a b&c", seededBytes(50_000, seed: 1))
            try tree.write("worm", "from the web\n")
            try tree.add("a b&c")
            try tree.git("config", "annex.backend", "WORM")
            try tree.add("worm")
            try tree.git("remote", "add", "origin", served.url)
            try tree.annex("push")

            let bob = try StockClient(in: host.scratch, name: "bob")
            let older = try #require(Tools.client("older/git-annex"))
            bob.environment["PATH"] = "\((older as NSString).deletingLastPathComponent):/usr/local/bin:/usr/bin:/bin"
            let clone = try bob.clone(served.url, as: "older")
            #expect(try clone.annex("version").text.contains("10.2023"))
            try clone.annex("init", "older")
            try clone.annex("get", ".")
            #expect(clone.read("a b&c") == tree.read("a b&c"))
            #expect(clone.read("worm") == tree.read("worm"))
            try clone.annex("fsck", "--from", "origin", "--fast")
            try clone.write("new", "from the older one\n")
            try clone.add("new")
            _ = try clone.attempt("git", "annex", "sync")
            #expect(try served.tree(alice).git("show", "main:new").text.contains(clone.key("new")))
            let copy = try clone.attempt("git", "annex", "copy", "--to", "origin", "new")
            #expect(copy.status != 0, "\(copy.transcript)")
            #expect(try served.p2p().checkPresent(clone.key("new")) == false)
        }
    }
}
