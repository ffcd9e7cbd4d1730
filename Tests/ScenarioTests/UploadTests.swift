// Receiving content: only what verifies is stored, whatever the client does; an upload that breaks off can go on later.

import Foundation
import TestKit
import Testing

@Suite struct UploadTests {
    @Test("spec 01 #43: wrong content of the right length is not stored and leaves nothing to resume")
    func wrongContent() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(100_000, seed: 1)
            let key = try Tools.sha256Key(bytes)
            let reply = try p2p.put(key, seededBytes(100_000, seed: 2), offset: 0)
            #expect(reply.status == 200 && reply.bool("stored") == false)
            #expect(!exists(repository.partial(key)))
            #expect(try p2p.putOffset(key) == 0)
            #expect(try p2p.checkPresent(key) == false)
            #expect(try p2p.put(key, bytes).bool("stored") == true)
        }
    }

    @Test("spec 01 #20: the object is read-only in a read-only directory")
    func modes() throws {
        try withRepository { repository, p2p, _ in
            let key = try p2p.store(seededBytes(10, seed: 3))
            let object = "\(repository.directory)/\(try repository.object(key) ?? "")"
            #expect(try mode(object) == "444")
            #expect(try mode((object as NSString).deletingLastPathComponent) == "555")
        }
    }

    @Test(
        "spec 01 #21, #22: modes follow core.sharedRepository",
        arguments: [
            ("group", "444", "2775"), ("all", "444", "2775"), ("0660", "440", "2570"), ("0640", "440", "2550"),
            ("0600", "400", "500"),
        ])
    func sharedModes(setting: String, file: String, folder: String) throws {
        try withHost { host, alice in
            // The setgid bit comes from the folders above, so git itself makes the repository as shared.
            let repository = host.hosted("shared")
            try Command(["git", "init", "-q", "--bare", "--shared=\(setting)", repository.directory]).check()
            try repository.tree(alice).annex("init", "shared")
            let p2p = try repository.p2p()
            #expect(try eventually { try p2p.call("checkpresent", [("key", "FOO-s1--x")]).status == 200 })
            let key = try p2p.store(seededBytes(10, seed: 3))
            let object = "\(repository.directory)/\(try repository.object(key) ?? "")"
            #expect(try mode(object) == file)
            #expect(try mode((object as NSString).deletingLastPathComponent) == folder)
            let upload = try p2p.beginPut("SHA256-s100--x", part: [1, 2, 3], declared: 100)
            let partial = repository.partial("SHA256-s100--x")
            #expect(eventually { exists(partial) })
            if setting == "0600" { #expect(try mode(partial) == "600") }
            upload.close()
        }
    }

    @Test("spec 01 #44: a connection that breaks after n bytes leaves n bytes, and the upload goes on from there")
    func brokenConnection() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(300_000, seed: 4)
            let key = try Tools.sha256Key(bytes)
            let upload = try p2p.beginPut(key, part: Array(bytes[..<100_000]), declared: 300_000)
            #expect(try eventually { try p2p.putOffset(key) == 100_000 }, "spec 01 #88: the live size")
            upload.reset()
            // A new upload may only begin once the server has noticed; it waits for the one before.
            #expect(try p2p.putOffset(key) == 100_000)
            let resumed = try p2p.put(key, Array(bytes[100_000...]), offset: 100_000)
            #expect(resumed.bool("stored") == true, "\(resumed.status) \(resumed.reason) \(resumed.text)")
            #expect(try p2p.get(key).body == bytes)
            #expect(!exists(repository.partial(key)))
        }
    }

    @Test(
        "spec 01 #45, #46: bodies that end cleanly but too early or too late change nothing",
        arguments: [50_000, 150_000, 0])
    func wrongLength(sent: Int) throws {
        try withRepository { _, p2p, _ in
            let bytes = seededBytes(200_000, seed: 5)
            let key = try Tools.sha256Key(bytes)
            let upload = try p2p.beginPut(key, part: Array(bytes[..<80_000]), declared: 200_000)
            #expect(try eventually { try p2p.putOffset(key) == 80_000 })
            upload.reset()
            // What the silent retry of the client's HTTP library looks like: the same head, the middle of the file.
            let reply = try p2p.put(key, Array(bytes.suffix(sent)), offset: 80_000, declared: 120_000)
            #expect(reply.status == 200 && reply.bool("stored") == false)
            #expect(try p2p.putOffset(key) == 80_000)
            let rest = try p2p.put(key, Array(bytes[80_000...]), offset: 80_000)
            #expect(rest.bool("stored") == true)
        }
    }

    @Test("spec 01 #45, #46 with Content-Length framing")
    func wrongContentLength() throws {
        try withRepository { _, p2p, _ in
            let bytes = seededBytes(20_000, seed: 6)
            let key = try Tools.sha256Key(bytes)
            for count in [19_999, 10] {
                let short = try p2p.put(key, Array(bytes[..<count]), declared: 20_000, framing: .length)
                #expect(short.bool("stored") == false)
            }
            #expect(try p2p.put(key, bytes + [1], declared: 20_000, framing: .length).bool("stored") == false)
            #expect(try p2p.putOffset(key) == 0)
            #expect(try p2p.put(key, bytes, framing: .length).bool("stored") == true)
        }
    }

    @Test("spec 01 #47: a partial file with a wrong beginning is discovered, removed, and the next upload succeeds")
    func corruptedPrefix() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(100_000, seed: 7)
            let key = try Tools.sha256Key(bytes)
            try Command(
                ["sh", "-c", "mkdir -p annex/tmp; head -c 40000 /dev/zero > \"annex/tmp/$0\"", key],
                directory: repository.directory
            ).check()
            #expect(try p2p.putOffset(key) == 40_000)
            #expect(try p2p.put(key, Array(bytes[40_000...]), offset: 40_000).bool("stored") == false)
            #expect(!exists(repository.partial(key)))
            #expect(try p2p.put(key, bytes).bool("stored") == true)
        }
    }

    @Test("spec 01 #86: offsets before the end of the partial file work, those beyond it do not")
    func overlappingOffsets() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(100_000, seed: 8)
            let key = try Tools.sha256Key(bytes)
            let upload = try p2p.beginPut(key, part: Array(bytes[..<60_000]), declared: 100_000)
            #expect(try eventually { try p2p.putOffset(key) == 60_000 })
            upload.reset()
            #expect(try p2p.put(key, Array(bytes[70_000...]), offset: 70_000).bool("stored") == false)
            #expect(try p2p.put(key, Array(bytes[50_000...]), offset: 50_000).bool("stored") == true)
            #expect(try p2p.get(key).body == bytes)
            #expect(!exists(repository.partial(key)))
        }
    }

    @Test("spec 01 #48: annex.securehashesonly refuses insecure keys at once, and takes secure ones")
    func secureOnly() throws {
        try withRepository { repository, p2p, _ in
            try Command(["git", "config", "annex.securehashesonly", "true"], directory: repository.directory).check()
            for key in ["MD5-s3--acbd18db4cc2f85cedef654fccc4a4d8", "SHA1-s3--x", "WORM-s3-m1--x", "URL-s3--x"] {
                let reply = try p2p.put(key, Array("foo".utf8))
                #expect(reply.bool("stored") == false || reply.status == 403, "\(key): \(reply.status) \(reply.text)")
                #expect(try p2p.checkPresent(key) == false)
                // Asked before, it says the same, rather than how many bytes are here of what it will not take.
                let asked = try p2p.call("putoffset", [("key", key)])
                #expect(
                    asked.status == 403 && asked.reason.contains("securehashesonly"), "\(asked.status) \(asked.text)")
            }
            let key = try p2p.store(Array("foo".utf8))
            #expect(try p2p.call("putoffset", [("key", key)]).bool("alreadyhave") == true)
        }
    }

    @Test("spec 01 #50: annex.verify=false changes nothing")
    func verifyAlways() throws {
        try withRepository { repository, p2p, _ in
            try Command(["git", "config", "annex.verify", "false"], directory: repository.directory).check()
            let key = try Tools.sha256Key(seededBytes(1_000, seed: 9))
            #expect(try p2p.put(key, seededBytes(1_000, seed: 10)).bool("stored") == false)
            #expect(try p2p.put(key, seededBytes(999, seed: 9)).bool("stored") == false)
        }
    }

    @Test("spec 01 #51: simultaneous uploads of one key end well and the content is intact")
    func simultaneous() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(2_000_000, seed: 11)
            let key = try Tools.sha256Key(bytes)
            let file = repository.host.scratch.child("body")
            try Data(bytes).write(to: URL(fileURLWithPath: file))
            let uploads = try (0..<4).map { _ in
                try Command([
                    "curl", "-s", "-H", "X-git-annex-data-length: 2000000", "-H", "Expect:", "--data-binary",
                    "@\(file)",
                    "\(repository.host.baseURL)\(p2p.target("put", [("key", key)]))",
                ]).start()
            }
            let answers = uploads.map { $0.finish(within: 60).text }
            #expect(answers.contains { $0.contains("\"stored\":true") }, "\(answers)")
            #expect(answers.allSatisfy { $0.contains("\"stored\":") }, "\(answers)")
            #expect(try p2p.get(key).body == bytes)
        }
    }

    @Test("spec 01 #53, #87: putting what is present, and data-present")
    func present() throws {
        try withRepository { _, p2p, _ in
            let bytes = Array("present".utf8)
            let key = try Tools.sha256Key(bytes)
            func claim(_ calls: P2PCalls, _ value: String) throws -> HTTPReply {
                try calls.http.request(
                    "POST", calls.target("put", [("key", key), ("data-present", value)]),
                    headers: [(name: "X-git-annex-data-length", value: "0")], body: [])
            }
            #expect(try claim(p2p, "true").bool("stored") == false)
            #expect(try claim(p2p, "1").status == 400)
            #expect(try claim(p2p.speaking(3), "true").bool("stored") == false)
            _ = try p2p.store(bytes)
            #expect(try claim(p2p, "true").bool("stored") == true)
            #expect(try claim(p2p, "TRUE").bool("stored") == true)
            #expect(try p2p.put(key, Array("rubbish".utf8)).bool("stored") == true)
            #expect(try p2p.get(key).body == bytes)
        }
    }

    @Test("spec 01 #85: a put without a declared length is 400, with a negative one it is not stored")
    func declaredLength() throws {
        try withRepository { _, p2p, _ in
            let key = "SHA256-s3--x"
            let target = p2p.target("put", [("key", key)])
            #expect(try p2p.http.request("POST", target, body: [1, 2, 3]).status == 400)
            #expect(try p2p.put(key, [], declared: -4_000).bool("stored") == false)
            let reply = try p2p.http.request(
                "POST", target, headers: [(name: "X-git-annex-data-length", value: "many")], body: [1])
            #expect(reply.status == 400)
        }
    }

    @Test("spec 01 #14, #88: an empty key, and putoffset that creates nothing")
    func emptyKey() throws {
        try withRepository { repository, p2p, _ in
            let key = try Tools.sha256Key([])
            #expect(try p2p.putOffset(key) == 0)
            #expect(!exists(repository.partial(key)))
            let folders = ["-e", "\(repository.directory)/annex/transfer/failed"]
            #expect(try Command(["test"] + folders).run().status == 1)
            _ = try p2p.store([])
            #expect(try p2p.get(key)["x-git-annex-data-length"] == "0")
        }
    }

    @Test("spec 01 #89: Content-Length, chunks of any size, and Expect: 100-continue all work")
    func framings() throws {
        try withRepository { repository, p2p, _ in
            for (number, framing) in [BodyFraming.length, .chunked(1), .chunked(1_000), .chunked(65_536)].enumerated() {
                let bytes = seededBytes(3_000, seed: UInt64(20 + number))
                #expect(try p2p.put(Tools.sha256Key(bytes), bytes, framing: framing).bool("stored") == true)
            }
            let bytes = seededBytes(5_000, seed: 30)
            let key = try Tools.sha256Key(bytes)
            let connection = try RawConnection(port: repository.host.port)
            try connection.send(
                "POST \(p2p.target("put", [("key", key)])) HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n"
                    + "X-git-annex-data-length: 5000\r\nExpect: 100-continue\r\n\r\n")
            #expect(try connection.readInterim().status == 100)
            try connection.send(bytes)
            #expect(try connection.readReply().bool("stored") == true)
        }
    }

    @Test(
        "spec 01 #42: a client UUID cannot lead out of the transfer folder", arguments: ["../../x", "..", "a/b", "."])
    func hostileClient(name: String) throws {
        try withRepository { repository, p2p, _ in
            var calls = p2p
            calls.client = name
            let upload = try calls.beginPut("SHA256-s100--x", part: [1, 2, 3], declared: 100)
            #expect(try eventually { try calls.putOffset("SHA256-s100--x") == 3 })
            upload.reset()
            #expect(try calls.put("SHA256-s1--x", [1]).bool("stored") == false)
            let found = try Command(
                ["find", ".", "-path", "*annex*", "-newer", "config", "-type", "f"],
                directory: repository.directory
            ).run().lines
            for file in found where file.contains("SHA256") {
                let allowed = [
                    "./annex/tmp/", "./annex/transfer/download/", "./annex/transfer/upload/",
                    "./annexd/partial/SHA256-s100--x/.shared",
                ]
                #expect(
                    allowed.contains { file.hasPrefix($0) } || file.contains("/transfer/failed/download/"), "\(file)")
            }
            #expect(!exists("\(repository.directory)/x") && !exists("\(repository.directory)/annex/x"))
        }
    }

    @Test("spec 01 #27: a work folder beside the partial file is gone after the put")
    func workFolder() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(1_000, seed: 40)
            let key = try Tools.sha256Key(bytes)
            let folder = "\(repository.directory)/annex/tmp/work.\(key)"
            try Command(["sh", "-c", "mkdir -p \"$0\" && echo x > \"$0/f\"", folder]).check()
            _ = try p2p.store(bytes)
            #expect(!exists(folder))
        }
    }

    @Test("spec 01 #30: annex.pidlock refuses put, lock and remove; reading works")
    func pidLock() throws {
        try withRepository { repository, p2p, _ in
            let key = try p2p.store(Array("kept".utf8))
            try Command(["git", "config", "annex.pidlock", "true"], directory: repository.directory).check()
            #expect(try p2p.get(key).text == "kept")
            #expect(try p2p.lock(key) == nil)
            #expect(try p2p.remove(key) != true)
            let other = Array("other".utf8)
            #expect(try p2p.put(Tools.sha256Key(other), other).bool("stored") != true)
            #expect(try p2p.checkPresent(key) == true)
        }
    }
}
