// Getting content: declared lengths, offsets, HEAD, single ranges, and clients that leave in the middle.

import TestKit
import Testing

@Suite struct KeyURLTests {
    @Test(
        "spec 01 #80: the data length is size minus offset in every version; beyond the end it is 0", arguments: 0...4)
    func offsets(version: Int) throws {
        try withRepository { _, v4, _ in
            let bytes = seededBytes(10_000, seed: 7)
            let key = try v4.store(bytes)
            let p2p = v4.speaking(version)
            for (offset, left) in [
                ("0", 10_000), ("1", 9_999), ("9999", 1), ("10000", 0), ("10001", 0), ("99999999999", 0),
            ] {
                let reply = try p2p.get(key, offset: offset)
                #expect(reply.status == 200 && reply.isComplete)
                #expect(reply["x-git-annex-data-length"] == "\(left)", "offset \(offset)")
                #expect(reply.body == Array(bytes.suffix(left)))
            }
        }
    }

    @Test("spec 01 #81: missing keys are 404 for GET and HEAD, with and without version")
    func missing() throws {
        try withRepository { _, p2p, _ in
            let plain = "/team/data/git-annex/\(p2p.uuid)/key/SHA256-s1--absent"
            for target in [p2p.target("key/SHA256-s1--absent"), plain] {
                let reply = try p2p.http.get(target)
                #expect(reply.status == 404)
                #expect(try p2p.http.head(target).status == 404)
            }
        }
    }

    @Test("HEAD says the length; the unversioned URL takes single ranges and has a stable entity tag")
    func headAndRanges() throws {
        try withRepository { _, p2p, _ in
            let bytes = seededBytes(10_000, seed: 8)
            let key = try p2p.store(bytes)
            let target = "/team/data/git-annex/\(p2p.uuid)/key/\(key)"
            let head = try p2p.http.head(target)
            #expect(
                head.status == 200 && head["content-length"] == "10000" && head["x-git-annex-data-length"] == "10000")
            #expect(try p2p.http.head(p2p.target("key/\(key)")).status == 200)

            func range(_ value: String) throws -> HTTPReply {
                try p2p.http.get(target, headers: [(name: "Range", value: value)])
            }
            for (value, expected) in [
                ("bytes=0-99", bytes[0..<100]), ("bytes=9990-", bytes[9_990...]), ("bytes=-5", bytes[9_995...]),
                ("bytes=100-20000", bytes[100...]),
            ] {
                let reply = try range(value)
                // Ignoring ranges is allowed; a wrong part is not.
                if reply.status == 206 {
                    #expect(reply.body == Array(expected), "\(value)")
                    #expect(reply["content-range"]?.hasSuffix("/10000") == true)
                } else {
                    #expect(reply.status == 200 && reply.body == bytes)
                }
            }
            let beyond = try range("bytes=10000-")
            #expect(beyond.status == 416 || (beyond.status == 200 && beyond.body == bytes))
            if let tag = head["etag"] {
                let again = try p2p.http.get(target, headers: [(name: "If-None-Match", value: tag)])
                #expect(again.status == 304 || again.body == bytes)
                #expect(try p2p.http.get(target)["etag"] == tag)
            }
        }
    }

    @Test(
        "spec 01 #83: ten HEADs in a row and 100 GETs that are aborted leave the server responsive and free of litter")
    func aborted() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(20_000_000, seed: 9)
            let key = try p2p.store(bytes)
            for _ in 0..<10 { #expect(try p2p.http.head(p2p.target("key/\(key)")).status == 200) }
            let before = try repository.host.readings
            for number in 0..<100 {
                let connection = try RawConnection(port: repository.host.port, receiveBuffer: 16_384)
                try connection.send("GET \(p2p.target("key/\(key)")) HTTP/1.1\r\nHost: h\r\n\r\n")
                if number % 2 == 0 { _ = try connection.readReply(bodyLimit: 1_000) }
                if number % 3 == 0 { connection.close() } else { connection.reset() }
            }
            #expect(try eventually { try repository.host.readings.descriptors <= before.descriptors + 4 })
            #expect(try p2p.get(key).body == bytes)
            #expect(try p2p.remove(key) == true)
        }
    }

    @Test("a connection serves many requests, also pipelined behind a HEAD")
    func keepAlive() throws {
        try withRepository { repository, p2p, _ in
            let key = try p2p.store(Array("again".utf8))
            let connection = try RawConnection(port: repository.host.port)
            for _ in 0..<20 {
                try connection.sendRequest("GET", p2p.target("key/\(key)"), port: repository.host.port)
                #expect(try connection.readReply().text == "again")
                try connection.sendRequest("HEAD", p2p.target("key/\(key)"), port: repository.host.port)
                #expect(try connection.readReply(method: "HEAD").status == 200)
                try connection.sendRequest(
                    "POST", p2p.target("checkpresent", [("key", key)]), port: repository.host.port)
                #expect(try connection.readReply().bool("present") == true)
            }
        }
    }

    @Test("spec 01 #59: an object of the wrong size is not present, not served, not lockable, and a put replaces it")
    func truncatedObject() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(10_000, seed: 10)
            let key = try p2p.store(bytes)
            let object = "\(repository.directory)/\(try repository.object(key) ?? "")"
            try Command(["sh", "-c", "chmod u+w \"$0\" && truncate -s 10 \"$0\" && chmod a-w \"$0\"", object]).check()
            #expect(try p2p.checkPresent(key) == false)
            #expect(try p2p.get(key).status == 404)
            #expect(try p2p.lock(key) == nil)
            #expect(try p2p.put(key, bytes).bool("stored") == true)
            #expect(try p2p.get(key).body == bytes)
        }
    }

    @Test("spec 01 #82: the stock client makes no file of a URL key that the server does not have")
    func missingURLKey() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            let key = "URL--http://example.com/x y"
            try tree.annex("fromkey", "--force", key, "file")
            try tree.git("commit", "-qm", "file")
            try tree.annex("setpresentkey", key, p2p.uuid, "1")
            let get = try tree.attempt("git", "annex", "get", "--from", "origin", "file")
            #expect(get.status != 0)
            #expect(get.allText.contains("404"), "\(get.allText)")
            #expect(!tree.has("file"))
        }
    }
}
