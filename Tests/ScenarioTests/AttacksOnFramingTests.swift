// Request smuggling: somebody sends one request that a proxy in front of the server and the server itself delimit
// differently, so that the rest of it, which the proxy took for content, becomes a request of its own: one that the
// proxy has never checked, or that is answered to the next person on the same connection. Whatever has two readings is
// therefore refused, once, and nothing behind it on the connection is read as a request.

import TestKit
import Testing

@Suite struct AttacksOnFramingTests {
    /// What the attacker hides in the content: it would be answered 200.
    private static let hidden = "GET /-/health HTTP/1.1\r\nHost: h\r\n\r\n"
    private static let post = "POST /team/data/git-upload-pack HTTP/1.1\r\nHost: h\r\n"

    private static let ambiguous: [(String, Int)] = [
        // Two lengths: the first proxy to read believes one of them.
        ("Content-Length: 0\r\nContent-Length: \(hidden.utf8.count)\r\n\r\n", 400),
        ("Content-Length: \(hidden.utf8.count)\r\nContent-Length: 0\r\n\r\n", 400),
        ("Content-Length: 0\r\ncontent-length: 0\r\n\r\n", 400),
        ("Content-Length: 0, \(hidden.utf8.count)\r\n\r\n", 400),
        ("Content-Length: +0\r\n\r\n", 400), ("Content-Length: 0x0\r\n\r\n", 400), ("Content-Length: 0 0\r\n\r\n", 400),
        ("Content-Length: 0;\r\n\r\n", 400), ("Content-Length: -0\r\n\r\n", 400),
        ("Content-Length: \u{0660}\r\n\r\n", 400),
        ("Content-Length: 18446744073709551616\r\n\r\n", 400),
        // A length and chunks (CL.TE and TE.CL).
        ("Content-Length: \(hidden.utf8.count + 5)\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        // Spellings of a coding that one side knows and the other does not (TE.TE).
        ("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501),
        ("Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", 501),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        ("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501), ("Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501),
        ("Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 501), ("Transfer-Encoding:\r\n\r\n0\r\n\r\n", 501),
        // The Kelvin sign is K to everything that folds case by Unicode.
        ("Transfer-Encoding: chun\u{212A}ed\r\n\r\n0\r\n\r\n", 501),
        ("Transfer-Encoding: \u{0B}chunked\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\u{0}\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400), (" Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("Transfer\u{2010}Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding\u{0}: chunked\r\n\r\n0\r\n\r\n", 400),
    ]

    private static let badChunks = [
        "0\n\n", "0\r\n\n", "0\n\r\n", "00000000000000000\r\n\r\n", "10000000000000000\r\n", "FFFFFFFFFFFFFFFF\r\n",
        "-0\r\n\r\n", "+0\r\n\r\n", "0x0\r\n\r\n", " 0\r\n\r\n", "0 \r\n\r\n", "0_0\r\n\r\n", "\r\n0\r\n\r\n", "g\r\n",
        "1\r\na0\r\n\r\n", "1\r\nab\r\n0\r\n\r\n", "1\r\na\n0\r\n\r\n", "0;a\nb\r\n\r\n", "0;\rb\r\n\r\n",
        "0\r\n folded\r\n\r\n",
        "0\r\nA: b\n\r\n", "0\r\n: b\r\n\r\n", "\u{FF10}\r\n\r\n",
    ]

    @Test("a request with two readings is refused once, and what it hides is never answered")
    func ambiguousHeads() throws {
        try withRepository { repository, _, _ in
            for (fields, status) in Self.ambiguous {
                let replies = try answers(Self.post + fields + Self.hidden, port: repository.host.port)
                #expect(replies.map(\.status) == [status], "\(fields.debugDescription)")
                #expect(replies.first?["connection"] == "close", "\(fields.debugDescription)")
            }
            #expect(!repository.host.log.contains("operation=health"))
        }
    }

    @Test("a chunked body with two readings is refused, and what follows it is never answered")
    func ambiguousChunks() throws {
        try withRepository { repository, p2p, _ in
            // An upload reads its body, so the framing decides; the others would be refused before it is looked at.
            let head = """
                POST \(p2p.target("put", [("key", "FOO--x")])) HTTP/1.1\r
                Host: h\r
                Content-Type: application/octet-stream\r
                X-git-annex-data-length: 5\r
                Transfer-Encoding: chunked\r
                \r

                """
            for chunks in Self.badChunks {
                let replies = try answers(head + chunks + Self.hidden, port: repository.host.port)
                #expect(replies.count <= 1, "\(chunks.debugDescription)")
                #expect(replies.first?.bool("stored") != true, "\(chunks.debugDescription)")
            }
            #expect(!repository.host.log.contains("operation=health"))
            #expect(try repository.object("FOO--x") == nil)
        }
    }

    @Test("content that looks like a request is content, whether the answer waited for it or not")
    func unreadBodies() throws {
        try withHost(.init(anonymous: "read")) { host, _ in
            let repository = try host.create()
            let p2p = try repository.p2p()
            let content = Self.hidden
            let length = "Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
            let chunked =
                "Transfer-Encoding: chunked\r\n\r\n\(String(content.utf8.count, radix: 16))\r\n\(content)\r\n0\r\n\r\n"
            let last = "GET /team/data/config HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            for body in [length, chunked] {
                for (request, status) in [
                    ("GET /team/data/config HTTP/1.1\r\nHost: h\r\n", 200),
                    ("GET /no/such/config HTTP/1.1\r\nHost: h\r\n", 404),
                    ("DELETE /team/data/config HTTP/1.1\r\nHost: h\r\n", 405),
                    ("POST \(p2p.target("put", [("key", "FOO--x")])) HTTP/1.1\r\nHost: h\r\n", 403),
                ] {
                    let statuses = try answers(request + body + last, port: host.port).map(\.status)
                    // A refusal may close the connection instead of reading on.
                    #expect(statuses == [status, 200] || statuses == [status], "\(request) \(statuses)")
                    if status == 200 { #expect(statuses.count == 2) }
                }
            }
            #expect(!host.log.contains("operation=health"))
        }
    }

    @Test("other forms of targets and other versions name nothing that the host has not")
    func targetsAndVersions() throws {
        try withRepository { repository, _, _ in
            let port = repository.host.port
            for (request, statuses) in [
                // Absolute: the repository is served, under the name that the Host header has.
                ("GET http://other.example/team/data/config HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\n\r\n", [200]),
                ("GET http://other.example HTTP/1.1\r\nHost: h\r\n\r\n", [404]),
                ("GET ftp://other.example/team/data/config HTTP/1.1\r\nHost: h\r\n\r\n", [404]),
                ("GET //other.example/team/data/config HTTP/1.1\r\nHost: h\r\n\r\n", [404]),
                // Authority and asterisk: this is no proxy.
                ("CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: h\r\n\r\nSSH-2.0-x\r\n", [404]),
                ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", [404]), ("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", [404]),
                ("GET team/data/config HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", [200]),
                // HTTP/0.9, the preface of HTTP/2, and versions that nobody has.
                ("GET /team/data/config\r\n\r\n", [400]), ("GET /team/data/config\n", [400]),
                ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505]), ("GET /team/data/config HTTP/3\r\nHost: h\r\n\r\n", [400]),
                ("GET /team/data/config HTTP/1.1 HTTP/1.1\r\nHost: h\r\n\r\n", [400]),
                ("GET /team/data/config HTTP/01.1\r\nHost: h\r\n\r\n", [400]),
                ("GET /team/data/config HTTP/1.0\r\n\r\n", [200]),
            ] {
                let replies = try answers(request, port: port)
                #expect(replies.map(\.status) == statuses, "\(request.debugDescription)")
                #expect(
                    replies.allSatisfy { $0.status != 200 || !$0.text.contains("other.example") },
                    "\(request.debugDescription)")
            }
        }
    }
}
