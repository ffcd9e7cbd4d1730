import NIOCore
import NIOHTTP1
import SystemPackage
import Testing

@testable import HTTPTransport

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:9417", ListenAddress.tcp(host: "127.0.0.1", port: 9417)),
        ("[::]:9417", .tcp(host: "::", port: 9417)),
        ("localhost:0", .tcp(host: "localhost", port: 0)),
        ("unix:/run/annexd.sock", .unix("/run/annexd.sock")),
        ("fd:3", .inherited(3)),
    ])
    func parsesAndPrints(text: String, address: ListenAddress) throws {
        #expect(try ListenAddress(parsing: text) == address)
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", "9417", ":9417", "host:", "host:x", "host:65536", "host:-1", "::1:80", "[::1]80", "[]:80", "unix:relative",
        "unix:", "fd:x", "host:+1",
    ])
    func refuses(text: String) {
        #expect(throws: TransportError.self) { try ListenAddress(parsing: text) }
    }

    @Test func refusesLongSocketPaths() {
        #expect(throws: TransportError.self) {
            try ListenAddress(parsing: "unix:/" + String(repeating: "a", count: 108))
        }
    }
}

@Suite struct HeadParserTests {
    private func parse(_ text: String) throws(HTTPSyntaxError) -> RequestHead? {
        var parser = HeadParser()
        var buffer = ByteBuffer(string: text)
        return try parser.next(&buffer)
    }

    @Test func readsHeadAndLeavesTheRest() throws {
        var parser = HeadParser()
        var buffer = ByteBuffer(string: "\r\nGET /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX:  a b \t\r\n\r\nrest")
        let head = try #require(try parser.next(&buffer))
        #expect(head.method == .GET)
        #expect(head.target == "/a%20b?x=1")
        #expect(head.version == .http1_1)
        #expect(head.headers["x"] == ["a b"])
        #expect(head.headers["x-empty"] == [""])
        #expect(head.framing == .none)
        #expect(head.keepAlive)
        #expect(String(buffer: buffer) == "rest")
    }

    @Test func anySplitGivesTheSameHead() throws {
        let text = Array("\r\n\r\nPUT /k HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc".utf8)
        for split in 0...text.count {
            var parser = HeadParser()
            var buffer = ByteBuffer(bytes: text[..<split])
            var head = try parser.next(&buffer)
            #expect((head != nil) == (split >= text.count - 3))
            buffer.writeBytes(text[split...])
            if head == nil { head = try parser.next(&buffer) }
            #expect(head?.framing == .length(3))
            #expect(String(buffer: buffer) == "abc")
        }
    }

    @Test(arguments: [
        ("HTTP/1.1\r\nHost: h", true), ("HTTP/1.1\r\nHost: h\r\nConnection: Close", false),
        ("HTTP/1.1\r\nHost: h\r\nConnection: TE , close", false), ("HTTP/1.0", false),
        ("HTTP/1.0\r\nConnection: Keep-Alive", true), ("HTTP/1.0\r\nConnection: \u{212A}eep-Alive", false),
        ("HTTP/1.1\r\nHost: h\r\nConnection: c lose", true), ("HTTP/1.0\r\nConnection: x,\tKEEP-ALIVE ,y", true),
    ])
    func knowsKeepAlive(rest: String, keepAlive: Bool) throws {
        #expect(try parse("GET / \(rest)\r\n\r\n")?.keepAlive == keepAlive)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
        ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", 501),
        // The Kelvin sign, which is K to whoever folds case by Unicode or compares characters.
        ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chun\u{212A}ed\r\n\r\n", 501),
        ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 501),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\u{0}b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: h\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\n: v\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET  HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET /\u{7F} HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET / http/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET / HTTP/1.10\r\nHost: h\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        ("GET /\r\nHost: h\r\n\r\n", 400),
    ])
    func refuses(text: String, status: Int) throws {
        let error = try #require(throws: HTTPSyntaxError.self) { try parse(text) }
        #expect(error.status == UInt(status))
    }

    @Test func limitsAreKept() throws {
        func status(_ text: String) -> UInt? {
            do {
                _ = try parse(text)
                return nil
            } catch {
                return error.status
            }
        }
        let longest = String(repeating: "a", count: 16 * 1024 - 1)
        #expect(status("GET /\(longest) HTTP/1.1\r\nHost: h\r\n\r\n") == nil)
        #expect(status("GET /\(longest)a HTTP/1.1\r\nHost: h\r\n\r\n") == 414)
        #expect(status("GET /" + String(repeating: "a", count: 40 * 1024)) == 414)
        #expect(
            status("GET / HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "a", count: 40 * 1024) + "\r\n\r\n") == nil)
        #expect(status("GET / HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "a", count: 70 * 1024)) == 431)
        #expect(status("GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "a: b\r\n", count: 300) + "\r\n") == 431)
    }
}

@Suite struct BodyDecoderTests {
    private func decode(
        _ text: String, splitAt split: Int = 0
    ) throws -> (content: String, rest: String, ended: Bool) {
        let text = Array(text.utf8)
        var decoder = BodyDecoder(.chunked)
        var content = ""
        var buffer = ByteBuffer()
        for part in [text[..<split], text[split...]] {
            buffer.writeBytes(part)
            while case .content(let piece) = try decoder.next(&buffer) { content += String(buffer: piece) }
        }
        return (content, String(buffer: buffer), decoder.isEnded)
    }

    @Test func anySplitGivesTheSameContent() throws {
        let text = "10\r\n{\"unlock\":false}\r\n1;ext=\"x\"\r\n\n\r\n0003 ;e\r\nabc\r\n0\r\nTrailer: x\r\n\r\nGET"
        let expected = "{\"unlock\":false}\nabc"
        for split in 0...text.utf8.count {
            let result = try decode(text, splitAt: split)
            #expect(result.content == expected)
            #expect(result.rest == "GET")
            #expect(result.ended)
        }
    }

    @Test(arguments: [
        "x\r\n", "\r\n", "-1\r\n", "+1\r\n", "0x1\r\na\r\n", "1\na\n", "1\r\nab\r\n", "1\r\na\n", "1 \r\na\r\n",
        " 1\r\na\r\n",
        "FFFFFFFFFFFFFFFF\r\n", "00000000000000001\r\n", "7FFFFFFFFFFFFFFFF\r\n", "1;a\nb\r\n", "0\r\n bad\r\n",
        "0\r\nA: b\n\r\n",
        "0\r\n\rx",
    ])
    func refuses(text: String) {
        #expect(throws: HTTPSyntaxError.self) { try decode(text) }
    }

    @Test func endlessExtensionsAndTrailersAreRefused() {
        #expect(throws: HTTPSyntaxError.self) { try decode("1;" + String(repeating: "a", count: 5000)) }
        #expect(throws: HTTPSyntaxError.self) { try decode("0\r\n" + String(repeating: "a: b\r\n", count: 5000)) }
    }
}

@Suite struct ConnectionDeadlinesTests {
    private func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

    private func fresh() -> ConnectionDeadlines {
        var limits = ConnectionDeadlines.Limits()
        limits.idle = .seconds(180)
        limits.head = .seconds(30)
        limits.body = .seconds(300)
        limits.write = .seconds(400)
        limits.linger = .seconds(2)
        return ConnectionDeadlines(limits: limits)
    }

    @Test func idleConnectionLivesItsTime() {
        var deadlines = fresh()
        deadlines.waitForRequest(at: at(10))
        #expect(deadlines.next == at(190))
        #expect(deadlines.expired(at: at(189)) == nil)
        #expect(deadlines.expired(at: at(190)) == .idle)
    }

    @Test func drippingHeadDoesNotProlongItsTime() {
        var deadlines = fresh()
        deadlines.waitForRequest(at: at(0))
        deadlines.headBegan(at: at(5))
        deadlines.headBegan(at: at(20))
        #expect(deadlines.expired(at: at(34)) == nil)
        #expect(deadlines.expired(at: at(35)) == .head)
        deadlines.requestBegan()
        #expect(deadlines.next == nil)
        #expect(deadlines.expired(at: at(10_000)) == nil)
    }

    @Test func bodyTimeCountsPerWait() {
        var deadlines = fresh()
        deadlines.requestBegan()
        deadlines.waitForBody(at: at(0))
        deadlines.bodyArrived()
        #expect(deadlines.expired(at: at(1000)) == nil)
        deadlines.waitForBody(at: at(1000))
        #expect(deadlines.next == at(1300))
        #expect(deadlines.expired(at: at(1300)) == .body)
    }

    @Test func writesExpireOnlyWithoutProgress() {
        var deadlines = fresh()
        deadlines.observe(unsent: 100, at: at(0))
        #expect(deadlines.next == at(100))
        deadlines.observe(unsent: 100, at: at(100))
        deadlines.observe(unsent: 99, at: at(200))
        deadlines.observe(unsent: 99, at: at(599))
        #expect(deadlines.expired(at: at(599)) == nil)
        #expect(deadlines.next == at(600))
        deadlines.observe(unsent: 99, at: at(600))
        #expect(deadlines.expired(at: at(600)) == .write)
        deadlines.observe(unsent: 0, at: at(601))
        #expect(deadlines.next == nil)
    }

    @Test func lingeringEnds() {
        var deadlines = fresh()
        deadlines.waitForBody(at: at(0))
        deadlines.beginLinger(at: at(1))
        #expect(deadlines.next == at(3))
        #expect(deadlines.expired(at: at(3)) == .linger)
        deadlines.waitForRequest(at: at(3))
        #expect(deadlines.next == at(183))
    }
}

@Suite struct ResponseHeadTests {
    @Test func dateIsInternetDate() {
        #expect(
            String(decoding: DateText.format(784_111_777), as: UTF8.self) == "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
    }

    @Test(arguments: [
        (
            HTTPResponseStatus.custom(code: 507, reasonPhrase: "Not enough space: need 18.6 MB more"),
            "507 Not enough space: need 18.6 MB more"
        ),
        (.custom(code: 403, reasonPhrase: "a\r\nSet-Cookie: x\nb"), "403 a  Set-Cookie: x b"),
        (.custom(code: 403, reasonPhrase: "J\u{FC}rgen may only read"), "403 J?rgen may only read"),
        (.custom(code: 403, reasonPhrase: ""), "403 "),
    ])
    func reasonPhrasesStayOnTheirLine(status: HTTPResponseStatus, line: String) throws {
        var buffer = ByteBuffer()
        ResponseHead.write(
            status, headers: ["X-A": "1\r\nX-B: 2", "bad name": "x", "Content-Length": "9"], framing: .length(0),
            contentLength: 0, connection: nil, server: "annexd", date: DateText(), into: &buffer)
        let lines = String(buffer: buffer).components(separatedBy: "\r\n")
        #expect(lines[0] == "HTTP/1.1 " + line)
        #expect(lines[1] == "X-A: 1  X-B: 2")
        #expect(lines[2] == "Content-Length: 0")
        #expect(lines[3].hasPrefix("Date: "))
        #expect(lines[4] == "Server: annexd")
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map { String($0) }
    }
}
