import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPTransport

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
