// Exhaustion: somebody sends little and makes the server do or keep much: a compressed body that inflates to gigabytes,
// heads without an end, thousands of fields, lines that come a byte at a time, ranges by the thousand. Each is bounded
// where it comes in, and others are served meanwhile.

import TestKit
import Testing

@Suite(.serialized) struct AttacksOnLimitsTests {
    @Test("a compressed body that inflates a thousandfold is given up early, in little memory")
    func bombs() throws {
        try withRepository { repository, p2p, alice in
            let host = repository.host
            _ = try p2p.store(Array("warm".utf8))
            // 1.5 GB of lines that git would read one after the other.
            let want = "0032want 0123456789012345678901234567890123456789\n"
            let lines = host.scratch.child("bomb.gz")
            try Command([
                "sh", "-c", "yes '\(want.dropLast())' | head -c 1500000000 | gzip -1 > \"$0\"", lines,
            ]).check()
            let zeros = host.scratch.child("zeros.gz")
            try Command(["sh", "-c", "{ printf 0000; head -c 1500000000 /dev/zero; } | gzip -1 > \"$0\"", zeros])
                .check()
            ProcessReadings.resetPeak(of: host.pid)
            let before = try host.readings.peakResidentBytes
            for (service, file) in [("upload", lines), ("upload", zeros), ("receive", lines), ("receive", zeros)] {
                let answer = try Command(
                    [
                        "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H",
                        "Content-Type: application/x-git-\(service)-pack-request", "-H", "Content-Encoding: gzip", "-H",
                        "Expect:", "--data-binary", "@\(file)", "\(host.baseURL)/team/data/git-\(service)-pack",
                    ], timeout: 120
                ).run()
                // Git may have had enough of it first, and said so in an answer of its own.
                #expect(["200", "400", "413", "500"].contains(answer.text), "\(service) \(file): \(answer.transcript)")
            }
            let peak = try host.readings.peakResidentBytes
            #expect(peak - before < 64 << 20, "\(before) \(peak)")
            #expect(try eventually { try host.readings.children.isEmpty })
            #expect(try host.http.get("/team/data/config").status == 200)
        }
    }

    @Test("a coding within a coding, and codings that git does not use, are not undone")
    func nestedCodings() throws {
        try withRepository { repository, _, _ in
            for coding in ["gzip, gzip", "deflate", "br", "zstd"] {
                let reply = try repository.host.http.request(
                    "POST", "/team/data/git-receive-pack",
                    headers: [
                        (name: "Content-Type", value: "application/x-git-receive-pack-request"),
                        (name: "Content-Encoding", value: coding),
                    ], body: [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0])
                #expect((400..<500).contains(reply.status), "\(coding) \(reply.status)")
            }
        }
    }

    @Test("heads that are too long or have too many fields are refused as soon as that is known")
    func heads() throws {
        try withRepository { repository, _, _ in
            let port = repository.host.port
            let start = "GET /team/data/config HTTP/1.1\r\nHost: h\r\n"
            let long = String(repeating: "a", count: 100_000)
            for (request, status) in [
                (start + String(repeating: "A: b\r\n", count: 10_000) + "\r\n", 431),
                (start + String(repeating: ":\r\n", count: 300) + "\r\n", 400),
                (start + "X: \(long)\r\n\r\n", 431), (start + "\(long): x\r\n\r\n", 431), (start + long, 431),
                ("GET /\(long) HTTP/1.1\r\nHost: h\r\n\r\n", 414), ("GET /\(long)", 414),
                ("\(long) / HTTP/1.1\r\nHost: h\r\n\r\n", 414), (long, 414),
                ("GET /?\(String(repeating: "a=b&", count: 4000)) HTTP/1.1\r\nHost: h\r\n\r\n", 404),
                ("GET \(String(repeating: "/", count: 16_000)) HTTP/1.1\r\nHost: h\r\n\r\n", 404),
                (String(repeating: "\r\n", count: 100_000) + start + "Connection: close\r\n\r\n", 200),
            ] {
                let statuses = try answers(request, port: port).map(\.status)
                #expect(statuses == [status], "\(request.prefix(60).debugDescription)")
            }
        }
    }

    @Test("two hundred clients that never finish their requests hold up nobody")
    func slowHeads() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            let parts = [
                "GET /team", "POST /team/data/git-receive-pack HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n0",
                "\r",
                "POST \(p2p.target("put", [("key", "FOO--slow")])) HTTP/1.1\r\nHost: h\r\n"
                    + "X-git-annex-data-length: 9\r\nTransfer-Encoding: chunked\r\n\r\n9\r\na",
            ]
            let slow = try (0..<200).map { number in
                let connection = try RawConnection(port: host.port)
                try connection.send(parts[number % parts.count])
                return connection
            }
            for _ in 0..<20 { #expect(try host.http.get("/team/data/config").status == 200) }
            _ = try p2p.store(Array("meanwhile".utf8))
            #expect(try host.readings.threads < 100)
            for connection in slow { connection.reset() }
            _ = try p2p.store(Array("afterwards".utf8))
        }
    }

    @Test("thousands of ranges, or nonsense for one, cost one answer")
    func ranges() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(1000, seed: 4)
            let key = try p2p.store(bytes)
            let many = (0..<2000).map { "\($0)-\($0 + 1)" }.joined(separator: ",")
            for value in [
                "bytes=\(many)", "bytes=0-0,0-0", "bytes=5-1", "bytes=-", "bytes=--1", "bytes=0-1-2", "bytes= 0 - 1",
                "bytes=18446744073709551616-", "bytes=0-18446744073709551616", "bytes=-18446744073709551616",
                "bytes=-0", "bytes=1000-", "items=0-1", "bytes=\u{0661}-",
            ] {
                let reply = try p2p.http.get(
                    "/team/data/git-annex/\(p2p.uuid)/key/\(key)", headers: [(name: "Range", value: value)])
                switch reply.status {
                case 200: #expect(reply.body == bytes, "\(value)")
                case 206: #expect(bytes.firstRange(of: reply.body) != nil && reply.isComplete, "\(value)")
                default: #expect(reply.status == 416, "\(value) \(reply.status)")
                }
            }
        }
    }
}
