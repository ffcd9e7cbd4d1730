// What RFC 9110 asks of any server, and who may see the metrics.

import Foundation
import TestKit
import Testing

@Suite struct HTTPDetailTests {
    @Test("RFC 9110 §14.2: a range counts for GET only; to HEAD the whole size is told")
    func headIgnoresRange() throws {
        try withRepository { _, p2p, _ in
            let key = try p2p.store(seededBytes(10_000, seed: 1))
            for target in [p2p.target("key/\(key)"), "/team/data/git-annex/\(p2p.uuid)/key/\(key)"] {
                for range in ["bytes=0-9", "bytes=20000-"] {
                    let head = try p2p.http.request("HEAD", target, headers: [(name: "Range", value: range)])
                    #expect(head.status == 200 && head["content-length"] == "10000", "\(range): \(head.status)")
                    #expect(head["content-range"] == nil && head["x-git-annex-data-length"] == "10000")
                }
                #expect(try p2p.http.get(target, headers: [(name: "Range", value: "bytes=0-9")]).status == 206)
            }
        }
    }

    /// nginx would write them into a temporary file first, and more of it than the client takes.
    @Test("large answers ask a proxy in front to pass them on at once, small ones do not")
    func unbuffered() throws {
        try withRepository { _, p2p, _ in
            let (large, small) = (
                try p2p.store(seededBytes(2 << 20, seed: 1)), try p2p.store(seededBytes(10_000, seed: 2))
            )
            #expect(try p2p.get(large)["x-accel-buffering"] == "no")
            #expect(try p2p.get(small)["x-accel-buffering"] == nil)
            let advertisement = try p2p.http.get("/team/data/info/refs?service=git-upload-pack")
            #expect(advertisement["x-accel-buffering"] == "no")
        }
    }

    @Test("RFC 9110 §13: If-Match is heeded, before If-None-Match and ranges")
    func conditions() throws {
        try withRepository { _, p2p, _ in
            let key = try p2p.store(seededBytes(1000, seed: 1))
            let target = p2p.target("key/\(key)")
            let tag = try #require(try p2p.http.head(target)["etag"])
            func status(_ headers: (name: String, value: String)...) throws -> Int {
                try p2p.http.get(target, headers: headers).status
            }
            for (value, expected) in [
                ("\"nope\"", 412), (tag, 200), ("*", 200), ("\"nope\", \(tag)", 200), ("W/\(tag)", 412), ("", 412),
            ] {
                #expect(try status(("If-Match", value)) == expected, "\(value)")
            }
            #expect(try status(("If-Match", "\"nope\""), ("If-None-Match", tag)) == 412)
            #expect(try status(("If-Match", tag), ("If-None-Match", tag)) == 304)
            #expect(try status(("If-Match", "\"nope\""), ("Range", "bytes=0-9")) == 412)
            #expect(try status(("If-Match", tag), ("Range", "bytes=0-9")) == 206)
            let head = try p2p.http.request("HEAD", target, headers: [(name: "If-Match", value: "\"nope\"")])
            #expect(head.status == 412)
        }
    }

    @Test("RFC 9110 §15.5.6: a 405 names the methods that are right")
    func allow() throws {
        try withRepository { _, p2p, _ in
            for (method, target, allowed) in [
                ("GET", p2p.target("checkpresent", [("key", "SHA256-s1--x")]), "POST"),
                ("DELETE", p2p.target("key/SHA256-s1--x"), "GET, HEAD"), ("PUT", "/team/data/config", "GET, HEAD"),
                ("POST", "/-/health", "GET, HEAD"), ("GET", "/team/data/git-upload-pack", "POST"),
                ("POST", "/team/data.git/info/refs", "GET, HEAD"),
            ] {
                let reply = try p2p.http.request(method, target)
                #expect(reply.status == 405 && reply["allow"] == allowed, "\(method) \(target): \(reply.status)")
            }
        }
    }

    /// Attack: a stranger reads how much a closed server holds, and when it is busy.
    @Test(
        "who may not read may not see the metrics, unless he asks from the machine itself; a setting says otherwise",
        arguments: [
            ("none", "readers", 403), ("read", "readers", 200), ("none", "public", 200), ("read", "local", 403),
        ])
    func metrics(anonymous: String, setting: String, expected: Int) throws {
        var options = AnnexdHost.Options(anonymous: anonymous)
        options.environment["ANNEXD_SERVER_METRICS"] = setting
        options.environment["ANNEXD_SERVER_TRUSTED_PROXIES"] = "127.0.0.3"
        try withHost(options) { host, _ in
            #expect(try host.http.get("/-/metrics").status == 200, "a scraper on this machine")
            for header in ["X-Forwarded-For", "Forwarded"] {
                let headers = [(name: header, value: "127.0.0.1")]
                #expect(try host.http.get("/-/metrics", headers: headers).status == expected, "a proxy on this machine")
            }
            let proxied = try Command([
                "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--interface", "127.0.0.3", "-H",
                "X-Forwarded-For: 198.51.100.7", "\(host.baseURL)/-/metrics",
            ]).check().trimmed
            #expect(proxied == "\(expected)", "a stranger, through a proxy that is trusted")
            #expect(try host.http.get("/-/health").status == 200)
        }
    }
}
