// The P2P protocol over HTTP, endpoint by endpoint and version by version: the exact fields of each answer, and what
// happens to requests that are wrong.

import Foundation
import TestKit
import Testing

@Suite struct P2PEndpointTests {
    private let plus = ["plusuuids"]

    @Test("spec 01 #74, #96, #97: every endpoint in every version answers exactly the listed fields", arguments: 0...4)
    func fields(version: Int) throws {
        try withRepository { _, v4, _ in
            let p2p = v4.speaking(version)
            let bytes = seededBytes(5_000, seed: UInt64(version))
            let key = try Tools.sha256Key(bytes)
            var replies: [(HTTPReply, [String])] = []
            let extra = version >= 2 ? plus : []

            replies.append((try p2p.call("checkpresent", [("key", key)]), ["present"]))
            if version >= 1 { replies.append((try p2p.call("putoffset", [("key", key)]), ["offset"])) }
            replies.append((try p2p.put(key, bytes, offset: 0), extra + ["stored"]))
            if version >= 1 {
                replies.append((try p2p.call("putoffset", [("key", key)]), ["alreadyhave"] + extra))
            }
            let lock = try p2p.call("lockcontent", [("key", key)])
            replies.append((lock, ["locked", "lockid"]))
            replies.append((try p2p.unlock(lock.string("lockid") ?? ""), ["locked"]))
            replies.append((try p2p.call("lockcontent", [("key", "SHA256-s1--absent")]), ["locked"]))
            if version >= 3 {
                replies.append((try p2p.call("gettimestamp"), ["timestamp"]))
                let before = [("key", key), ("timestamp", "0")]
                replies.append((try p2p.call("remove-before", before), extra + ["removed"]))
            }
            let content = try p2p.get(key)
            #expect(content.body == bytes && content["x-git-annex-data-length"] == "5000")
            #expect(content["content-encoding"] == nil)
            replies.append((try p2p.call("remove", [("key", key)]), extra + ["removed"]))

            for (reply, fields) in replies {
                #expect(reply.status == 200)
                #expect(reply["content-type"]?.hasPrefix("application/json") == true)
                #expect(reply["content-encoding"] == nil)
                #expect(reply.fields == fields.sorted(), "\(reply.text)")
            }
        }
    }

    @Test("spec 01 #97: nothing is compressed, whatever the client accepts")
    func neverCompressed() throws {
        try withRepository { _, p2p, _ in
            let key = try p2p.store([UInt8](repeating: 65, count: 100_000))
            let gzip = [(name: "Accept-Encoding", value: "gzip")]
            let reply = try p2p.http.get(p2p.target("key/\(key)"), headers: gzip)
            #expect(reply["content-encoding"] == nil && reply.body.count == 100_000)
            let present = try p2p.http.request("POST", p2p.target("checkpresent", [("key", key)]), headers: gzip)
            #expect(present["content-encoding"] == nil && present.bool("present") == true)
        }
    }

    @Test(
        "spec 01 #75: versions and actions that do not exist are 404, so that newer clients fall back",
        arguments: [
            "v5/checkpresent", "v2/gettimestamp", "v0/putoffset", "v2/remove-before", "v4/nothing", "w4/remove",
        ])
    func unknownActions(action: String) throws {
        try withRepository { _, p2p, _ in
            let query = "key=SHA256-s1--x&clientuuid=\(p2p.client)&timestamp=1"
            let reply = try p2p.http.request("POST", "/team/data/git-annex/\(p2p.uuid)/\(action)?\(query)")
            #expect(reply.status == 404)
        }
    }

    @Test("a wrong method is 405")
    func wrongMethod() throws {
        try withRepository { _, p2p, _ in
            let reply = try p2p.http.get(p2p.target("checkpresent", [("key", "SHA256-s1--x")]))
            #expect(reply.status == 405)
        }
    }

    @Test("spec 01 #76: clientuuid is required, except for the unversioned key URL and keeplocked")
    func clientUUID() throws {
        try withRepository { _, p2p, _ in
            let key = try p2p.store(Array("x".utf8))
            let actions = ["checkpresent", "lockcontent", "remove", "putoffset", "gettimestamp"]
            for action in actions {
                let target = p2p.target(action, [("key", key)], withClient: false)
                #expect(try p2p.http.request("POST", target).status == 400, "\(action)")
                #expect(try p2p.http.request("POST", target + "&clientuuid=").status == 400, "\(action)")
            }
            #expect(try p2p.http.get(p2p.target("key/\(key)", withClient: false)).status == 400)
            #expect(try p2p.http.get("/team/data/git-annex/\(p2p.uuid)/key/\(key)").text == "x")
            let kept = try p2p.http.request(
                "POST", p2p.target("keeplocked", [("lockid", "none")], withClient: false),
                body: Array("{\"unlock\":true}\n".utf8))
            #expect(kept.status == 200 && kept.bool("locked") == false)
            #expect(try p2p.checkPresent(key) == true)
        }
    }

    @Test(
        "spec 01 #2, #4: what is not a key is 400 and makes no file",
        arguments: [
            "SHA256-s-5--x", "SHA256-m5-s3--x", "SHA256-s3-x5--x", "--x", "abc", "", "SHA256-s3--a\nb",
            "SHA256-s3--a\u{0}b",
            "SHA256-s3--a\rb", "SHA256-s3--" + String(repeating: "a", count: 250),
            "SHA256E-s3--abc." + String(repeating: "a", count: 64),
        ])
    func badKeys(key: String) throws {
        try withRepository { repository, p2p, _ in
            for action in ["checkpresent", "putoffset", "remove", "lockcontent"] {
                #expect(try p2p.call(action, [("key", key)]).status == 400, "\(action)")
            }
            let put = try p2p.put(key, Array("abc".utf8))
            #expect(put.status == 400 && !put.reason.isEmpty)
            if !key.isEmpty { #expect(try p2p.get(key).status == 400) }
            #expect(
                try Command(["find", "annex/objects", "annex/tmp", "-type", "f"], directory: repository.directory)
                    .run().text.isEmpty)
        }
    }

    @Test("spec 01 #1, #6: equal keys are equal, and keys with spaces make the round trip")
    func oddKeys() throws {
        try withRepository { _, p2p, _ in
            let same = try p2p.put("FOO-s007--x", Array("1234567".utf8))
            #expect(same.bool("stored") == true)
            #expect(try p2p.checkPresent("FOO-s7--x") == true)
            let spaced = "WORM-s3-m1--a b  c&d%e"
            #expect(try p2p.put(spaced, Array("abc".utf8)).bool("stored") == true)
            #expect(try p2p.get(spaced).text == "abc")
            #expect(try p2p.remove(spaced) == true)
            #expect(try p2p.checkPresent(spaced) == false)
        }
    }

    @Test("spec 01 #77: bracketed base64url is understood wherever a UUID, key or file name may stand")
    func brackets() throws {
        try withRepository { _, p2p, _ in
            let key = try p2p.store(Array("bracket".utf8))
            func coded(_ text: String, padded: Bool = true, escaped: Bool = false) -> String {
                var base = Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
                if !padded { base = base.replacing("=", with: "") }
                return escaped ? percentEncoded("[\(base)]") : "[\(base)]"
            }
            for (padded, escaped) in [(true, false), (true, true), (false, false), (false, true)] {
                func code(_ text: String) -> String { coded(text, padded: padded, escaped: escaped) }
                let base = "/team/data/git-annex/\(code(p2p.uuid))/v4"
                let client = "clientuuid=\(code(p2p.client))"
                let present = try p2p.http.request("POST", "\(base)/checkpresent?key=\(code(key))&\(client)")
                #expect(present.bool("present") == true, "\(present.status)")
                #expect(try p2p.http.get("\(base)/key/\(code(key))?\(client)").text == "bracket")
            }
            let broken = "/team/data/git-annex/\(p2p.uuid)/v4/checkpresent?key=[!!]&clientuuid=x"
            #expect(try p2p.http.request("POST", broken).status == 400)
        }
    }

    @Test("spec 01 #78: file names in brackets and names that are no UTF-8 do not break put")
    func oddFileNames() throws {
        try withRepository { _, p2p, _ in
            for (number, file) in ["%5BW2Zvb10%3D%5D", "%FFx", "%5B_w%3D%3D%5D", "a%20b%25c", ""].enumerated() {
                let bytes = Array("content \(number)".utf8)
                let key = try Tools.sha256Key(bytes)
                let target = p2p.target("put", [("key", key)]) + "&associatedfile=\(file)"
                let length = [(name: "X-git-annex-data-length", value: "\(bytes.count)")]
                #expect(try p2p.http.request("POST", target, headers: length, body: bytes).bool("stored") == true)
            }
        }
    }

    @Test("spec 01 #79: offsets that are no plain numbers are 400", arguments: ["abc", "-5", "0x3", " 9", "1.5", ""])
    func badOffsets(offset: String) throws {
        try withRepository { _, p2p, _ in
            let key = try p2p.store(Array("some content".utf8))
            #expect(try p2p.get(key, offset: offset).status == 400)
            let put = try p2p.http.request(
                "POST", p2p.target("put", [("key", "SHA256-s1--x"), ("offset", offset)]),
                headers: [(name: "X-git-annex-data-length", value: "1")], body: [1])
            #expect(put.status == 400)
            #expect(try p2p.remove(key) == true, "nothing is left locked")
        }
    }

    @Test("spec 01 #92: keeplocked with an unknown id answers that nothing is locked")
    func unknownLock() throws {
        try withRepository { _, p2p, _ in
            let reply = try p2p.unlock("11111111-2222-4333-8444-555555555555")
            #expect(reply.status == 200 && reply.bool("locked") == false)
        }
    }

    @Test("the log and the answers never show a lock id of someone else; ids differ")
    func lockIdentifiers() throws {
        try withRepository { repository, p2p, _ in
            let key = try p2p.store(Array("lock me".utf8))
            let first = try #require(try p2p.lock(key))
            let second = try #require(try p2p.lock(key))
            #expect(first != second && first.count >= 22)
            #expect(!repository.host.log.contains(first))
            _ = try p2p.unlock(first)
            _ = try p2p.unlock(second)
        }
    }
}
