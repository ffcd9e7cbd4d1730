import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPTransport

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
