import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPTransport

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
