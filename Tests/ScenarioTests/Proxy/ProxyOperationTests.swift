// Every operation of the P2P protocol on a remote behind a hosted repository, for every kind of remote: the answers are
// those of the repository itself, and content is at the remote and nowhere else.

import Foundation
import TestKit
import Testing

@Suite struct ProxyOperationTests {
    @Test(
        "spec 03 #11, #22, #23: put, checkpresent, get and remove in every version", arguments: ProxySetup.Kind.allCases
    )
    func everyVersion(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            for version in 0...4 {
                let p2p = setup.p2p.speaking(version)
                let bytes = seededBytes(50_000 + version, seed: UInt64(version))
                let key = try Tools.sha256Key(bytes)
                #expect(try p2p.checkPresent(key) == false)
                #expect(try p2p.get(key).status == 404, "v\(version)")
                let stored = try p2p.put(key, bytes)
                #expect(stored.bool("stored") == true, "v\(version) \(stored.status) \(stored.reason) \(stored.text)")
                #expect(stored.fields.contains("plusuuids") == (version >= 2))
                #expect(try p2p.checkPresent(key) == true)
                #expect(try setup.targetObject(key) != nil)
                #expect(try setup.gateway.object(key) == nil, "nothing stays at the gateway")
                #expect(try p2p.get(key).body == bytes)
                let removed = try p2p.call("remove", [("key", key)])
                #expect(removed.bool("removed") == true)
                #expect(removed.fields.contains("plusuuids") == (version >= 2))
                #expect(try p2p.checkPresent(key) == false)
                #expect(try setup.targetObject(key) == nil)
            }
        }
    }

    @Test("spec 03 #20: get with an offset, HEAD and ranges", arguments: ProxySetup.Kind.allCases)
    func parts(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let size = 300_001
            let bytes = seededBytes(size, seed: 1)
            let key = try setup.p2p.store(bytes)
            for offset in [0, 1, size / 2, size - 1, size, size + 7] {
                let reply = try setup.p2p.get(key, offset: "\(offset)")
                #expect(reply.status == 200 && reply.body == Array(bytes.dropFirst(offset)), "offset \(offset)")
                #expect(reply["x-git-annex-data-length"] == "\(max(0, size - offset))")
            }
            let plain = "/team/gateway/git-annex/\(setup.targetUUID)/key/\(key)"
            let head = try setup.host.http.request("HEAD", plain)
            #expect(head.status == 200 && head["content-length"] == "\(size)" && head.body.isEmpty)
            for (range, expected) in [
                ("bytes=0-9", bytes[..<10]), ("bytes=299990-", bytes[299_990...]), ("bytes=-5", bytes[(size - 5)...]),
                ("bytes=100000-199999", bytes[100_000..<200_000]),
            ] {
                let reply = try setup.host.http.request("GET", plain, headers: [("Range", range)])
                #expect(reply.status == 206 && reply.body == Array(expected), "\(range) \(reply.status)")
            }
            let beyond = try setup.host.http.request("GET", plain, headers: [("Range", "bytes=\(size)-")])
            #expect(beyond.status == 416)
        }
    }

    @Test("a range is asked of the remote in one request, from where it begins")
    func rangesOnce() throws {
        try withProxy(.annexd) { setup in
            let other = try #require(setup.otherHost)
            let size = 300_001
            let key = try setup.p2p.store(seededBytes(size, seed: 5))
            let plain = "/team/gateway/git-annex/\(setup.targetUUID)/key/\(key)"
            var (requests, sent) = (0, 0)
            for (range, first) in [
                ("bytes=299990-", 299_990), ("bytes=-5", size - 5), ("bytes=100000-199999", 100_000), ("bytes=0-9", 0),
            ] {
                let reply = try setup.host.http.request("GET", plain, headers: [("Range", range)])
                #expect(reply.status == 206)
                requests += 1
                sent += size - first
                let isCounted = try eventually {
                    try other.sum(of: "annexd_requests_total{operation=\"get\"") >= requests
                }
                #expect(isCounted)
                #expect(try other.sum(of: "annexd_requests_total{operation=\"get\"") == requests)
                #expect(try other.sum(of: "annexd_object_bytes_sent_total") == sent, "\(range)")
            }
        }
    }

    @Test("empty content, and keys without a size or a digest", arguments: ProxySetup.Kind.allCases)
    func unusualKeys(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let empty = try setup.p2p.store([])
            #expect(try setup.p2p.checkPresent(empty) == true)
            let reply = try setup.p2p.get(empty)
            #expect(reply.status == 200 && reply.body.isEmpty)
            let url = "URL--http://example.com/a%20b&c"
            #expect(try setup.p2p.get(url).status == 404, "spec 03 #19: absent is never an empty success")
            #expect(try setup.p2p.put(url, Array("some text".utf8)).bool("stored") == true)
            #expect(try setup.p2p.get(url).text == "some text")
            #expect(try setup.p2p.remove(url) == true)
        }
    }

    @Test("spec 03 #21, #35: wrong, short and long content is not stored", arguments: ProxySetup.Kind.allCases)
    func badContent(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let bytes = seededBytes(100_000, seed: 3)
            let key = try Tools.sha256Key(bytes)
            var wrong = bytes
            wrong[77] ^= 1
            #expect(try setup.p2p.put(key, wrong).bool("stored") == false)
            #expect(try setup.p2p.put(key, Array(bytes.dropLast(10)), declared: bytes.count).bool("stored") == false)
            #expect(try setup.p2p.put(key, bytes + [1, 2, 3], declared: bytes.count).bool("stored") == false)
            #expect(try setup.p2p.put(key, Array(bytes.dropLast()), declared: bytes.count - 1).bool("stored") == false)
            #expect(try setup.p2p.checkPresent(key) == false)
            #expect(try setup.gatewayLists(key) == false)
            // p2phttp keeps what came of a body that it was told to distrust, and throws it away at the next try.
            if kind == .stock { _ = try setup.p2p.put(key, bytes) }
            #expect(try setup.p2p.put(key, bytes).bool("stored") == true, "and the right content is, afterwards")
            #expect(try setup.p2p.get(key).body == bytes)
        }
    }

    @Test("spec 03 #25: data-present logs what is there by other means", arguments: ProxySetup.Kind.allCases)
    func dataPresent(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let key = try setup.p2p.store(seededBytes(1000, seed: 5))
            let absent = try Tools.sha256Key(seededBytes(1000, seed: 6))
            func confirm(_ key: String) throws -> Bool? {
                let query = [("key", key), ("data-present", "true")]
                let headers = [(name: "X-git-annex-data-length", value: "0")]
                return try setup.host.http.request("POST", setup.p2p.target("put", query), headers: headers)
                    .bool("stored")
            }
            #expect(try confirm(key) == true)
            #expect(try confirm(absent) == false)
            #expect(try setup.gatewayLists(key))
            #expect(try setup.gatewayLists(absent) == false)
        }
    }

    @Test(
        "spec 03 #30, spec 03 §1.8: both location logs have the remote, and lose it again",
        arguments: ProxySetup.Kind.allCases)
    func locationLogs(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let key = try setup.p2p.store(seededBytes(1000, seed: 7))
            #expect(try setup.gatewayLists(key) && setup.targetLists(key))
            // Committed without being asked, so that clients fetch it.
            let isCommitted = try eventually {
                try setup.gateway.tree(setup.client).committedLog(key)?.contains("1 \(setup.targetUUID)") == true
            }
            #expect(isCommitted)
            let gatewayUUID = try setup.gateway.uuid()
            #expect(try setup.gateway.tree(setup.client).committedLog(key)?.contains(gatewayUUID) == false)
            #expect(try setup.p2p.remove(key) == true)
            #expect(try setup.gatewayLists(key) == false && setup.targetLists(key) == false)
        }
    }

    @Test(
        "spec 03 #16, #17: remove-before keeps to the gateway's clock", arguments: ProxySetup.Kind.allCases)
    func removeBefore(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let key = try setup.p2p.store(seededBytes(1000, seed: 8))
            let now = try #require(try setup.p2p.timestamp())
            #expect(abs(now - bootSeconds()) <= 2)
            #expect(try setup.p2p.removeBefore(key, timestamp: now - 1) == false)
            #expect(try setup.p2p.removeBefore(key, timestamp: 0) == false)
            #expect(try setup.p2p.checkPresent(key) == true)
            #expect(try setup.p2p.removeBefore(key, timestamp: now + 100) == true)
            #expect(try setup.p2p.checkPresent(key) == false)
        }
    }

    @Test(
        "spec 03 #32, #33: a cut upload is resumed from the remote's own partial data, at once",
        arguments: ProxySetup.Kind.allCases)
    func resume(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let bytes = seededBytes(3_000_000, seed: 9)
            let key = try Tools.sha256Key(bytes)
            let cut = try setup.p2p.beginPut(key, part: Array(bytes[..<1_000_000]), declared: bytes.count)
            // p2phttp answers putoffset with 500 while an upload runs, so the partial file itself is asked.
            #expect(try eventually { try setup.partialSize(key) > 0 })
            cut.close()
            let offset = try settledOffset(setup, key)
            #expect(offset > 0 && offset <= 1_000_000)
            #expect(try setup.partial(key) == Array(bytes[..<offset]), "spec 03 #32: putoffset tells the truth")
            let rest = Array(bytes[offset...])
            let reply = try setup.p2p.put(key, rest, offset: offset)
            #expect(reply.bool("stored") == true, "\(reply.status) \(reply.reason) \(reply.text)")
            #expect(try setup.p2p.get(key).body == bytes)
            #expect(try setup.p2p.call("putoffset", [("key", key)]).bool("alreadyhave") == true)
        }
    }

    /// What putoffset says when nothing is on its way any more; -1 where that is not what the remote has.
    private func settledOffset(_ setup: ProxySetup, _ key: String) throws -> Int {
        var offset = -1
        let isTrue = try eventually {
            let size = try setup.partialSize(key)
            // While p2phttp still has the upload it does not answer.
            offset = try setup.p2p.putOffset(key) ?? -1
            return try offset == size && setup.partialSize(key) == size
        }
        return isTrue ? offset : -1
    }

    @Test("spec 03 #13: a lock at the gateway is a lock at the remote", arguments: ProxySetup.Kind.allCases)
    func locks(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let key = try setup.p2p.store(seededBytes(1000, seed: 10))
            let lock = try #require(try setup.p2p.lock(key))
            #expect(try setup.p2p.remove(key) != true)
            // Straight at the remote, past the gateway.
            let dropped = try setup.target.attempt("git", "annex", "drop", "--force", "--key", key)
            #expect(dropped.status != 0, "\(dropped.transcript)")
            #expect(try setup.p2p.unlock(lock).bool("locked") == false)
            #expect(try setup.p2p.remove(key) == true)
            #expect(try setup.p2p.lock(key) == nil, "spec 01 §6.7: what is not there cannot be locked")
        }
    }

    @Test(
        "spec 03 #14: a lock outlives its client's connection and the gateway's process",
        arguments: ProxySetup.Kind.allCases)
    func lockSurvives(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            let key = try setup.p2p.store(seededBytes(1000, seed: 11))
            let lock = try #require(try setup.p2p.lock(key))
            let kept = try setup.p2p.keepLocked(lock)
            try kept.sendChunk(Array("{\"unlock\":false}\n".utf8))
            kept.close()
            setup.host.kill9()
            try setup.host.restart()
            #expect(try setup.p2p.remove(key) != true)
            #expect(try setup.p2p.checkPresent(key) == true)
            #expect(try setup.target.attempt("git", "annex", "drop", "--force", "--key", key).status != 0)
        }
    }
}

extension AnnexdHost {
    /// The sum of all metrics whose lines begin so.
    fileprivate func sum(of name: String) throws -> Int {
        try http.get("/-/metrics").text.split(separator: "\n").filter { $0.hasPrefix(name) }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0) { $0 + Int($1) }
    }
}
