// Several clients at once at one remote behind a gateway.

import Foundation
import TestKit
import Testing

@Suite struct ProxyContentionTests {
    private static let kinds: [ProxySetup.Kind] = [.hosted, .annexd, .stock]

    @Test("8 uploads of one key all succeed, with one object", .timeLimit(.minutes(10)), arguments: kinds)
    func oneKey(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let bytes = seededBytes(3_000_000, seed: 1)
            let key = try Tools.sha256Key(bytes)
            let file = setup.host.scratch.child("content")
            try Data(bytes).write(to: URL(fileURLWithPath: file))
            let uploads = try (0..<8).map { _ in
                try Command([
                    "curl", "-sS", "-H", "X-git-annex-data-length: \(bytes.count)", "-H", "Expect:", "-X", "POST", "-T",
                    file, "\(setup.host.baseURL)\(setup.p2p.target("put", [("key", key)]))",
                ]).start()
            }
            for upload in uploads {
                let answer = upload.finish(within: 120)
                #expect(answer.text.contains("\"stored\":true"), "\(answer.transcript)")
            }
            #expect(try setup.p2p.get(key).body == bytes)
            #expect(try setup.partialSize(key) == 0)
        }
    }

    @Test(
        "an upload that crawls or has stopped gives way to another one of its key", .timeLimit(.minutes(10)),
        arguments: kinds, ["crawls", "has stopped"])
    func givesWay(_ kind: ProxySetup.Kind, how: String) throws {
        try withProxy(kind) { setup in
            let bytes = seededBytes(2_000_000, seed: 3)
            let key = try Tools.sha256Key(bytes)
            let first = try setup.p2p.beginPut(key, part: Array(bytes[..<200_000]), declared: bytes.count)
            #expect(try eventually { try setup.partialSize(key) > 0 })
            let file = setup.host.scratch.child("content")
            try Data(bytes).write(to: URL(fileURLWithPath: file))
            let second = try Command([
                "curl", "-sS", "-H", "X-git-annex-data-length: \(bytes.count)", "-H", "Expect:", "-X", "POST", "-T",
                file, "\(setup.host.baseURL)\(setup.p2p.target("put", [("key", key)]))",
            ]).start()
            var sent = 200_000
            #expect(
                try eventually(within: 60) {
                    if how == "crawls" {
                        try first.sendChunk([bytes[sent]])
                        sent += 1
                    }
                    return try setup.p2p.checkPresent(key) == true
                })
            let answer = second.finish(within: 60)
            #expect(answer.text.contains("\"stored\":true"), "\(answer.transcript)")
            // The slow one is heard out, and told that the content is there.
            try first.sendChunk(Array(bytes[sent...]))
            try first.sendLastChunk()
            #expect(try first.readReply().bool("stored") == true)
            #expect(try setup.p2p.get(key).body == bytes)
        }
    }

    @Test(
        "a slow upload that gave way goes on where it was when the quicker one breaks off", .timeLimit(.minutes(10)),
        arguments: kinds + [.bare])
    func goesOn(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let bytes = seededBytes(1_000_000, seed: 4)
            let key = try Tools.sha256Key(bytes)
            let slow = try setup.p2p.beginPut(key, part: Array(bytes[..<50_000]), declared: bytes.count)
            #expect(try eventually { try setup.partialSize(key) > 0 })
            let quick = try setup.p2p.beginPut(key, part: Array(bytes[..<400_000]), declared: bytes.count)
            #expect(
                try eventually {
                    try setup.host.http.get("/-/metrics").text.contains("annexd_uploads_waiting 1")
                })
            var sent = 50_000
            #expect(
                try eventually(within: 60) {
                    if try setup.partialSize(key) >= 300_000 { return true }
                    try slow.sendChunk([bytes[sent]])
                    sent += 1
                    return false
                })
            quick.reset()
            try slow.sendChunk(Array(bytes[sent...]))
            try slow.sendLastChunk()
            #expect(try slow.readReply().bool("stored") == true)
            #expect(try setup.p2p.get(key).body == bytes)
        }
    }

    @Test("20 clients get one key", .timeLimit(.minutes(10)), arguments: kinds)
    func manyReaders(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let bytes = seededBytes(2_000_000, seed: 2)
            let key = try setup.p2p.store(bytes)
            let url = "\(setup.host.baseURL)\(setup.p2p.target("key/\(key)"))"
            let readers = try (0..<20).map { _ in try Command(["sh", "-c", "curl -sS \"$0\" | sha256sum", url]).start()
            }
            for reader in readers {
                let answer = reader.finish(within: 120)
                #expect(key.hasSuffix(String(answer.text.prefix(64))), "\(answer.transcript)")
            }
        }
    }

    @Test("where the gateway may open few files, readers wait for a connection", .timeLimit(.minutes(10)))
    func fewDescriptors() throws {
        var options = AnnexdHost.Options()
        options.limits = ["-n 96"]
        try withProxy(.annexd, options) { setup in
            let bytes = seededBytes(2_000_000, seed: 6)
            let key = try setup.p2p.store(bytes)
            let url = "\(setup.host.baseURL)\(setup.p2p.target("key/\(key)"))"
            let readers = try (0..<24).map { _ in
                try Command(["curl", "-sS", "-w", "%{http_code}", "-o", "/dev/null", url]).start()
            }
            for reader in readers {
                let answer = reader.finish(within: 120)
                #expect(answer.text == "200", "\(answer.transcript)")
            }
        }
    }
}
