import AnnexProtocol
import Testing

@Suite struct EncodingTests {
    @Test(
        "spec 01 §6.1: percent-decoding",
        arguments: [
            ("URL--http:%2F%2Fexample.com%2Fx%20y", false, Array("URL--http://example.com/x y".utf8)),
            ("a+b", false, Array("a+b".utf8)), ("a+b", true, Array("a b".utf8)), ("a%2bb", true, Array("a+b".utf8)),
            ("%FF%fe", false, [0xff, 0xfe]), ("", true, []), ("%2525", false, Array("%25".utf8)),
        ])
    func decodes(text: String, isQuery: Bool, expected: [UInt8]) throws {
        #expect(try PercentEncoding.decode(text.utf8, plusIsSpace: isQuery) == expected)
    }

    @Test("bad escapes are errors", arguments: ["%", "%4", "a%", "%zz", "%4g", "%%41", "%+1", "% 41"])
    func badEscapes(text: String) {
        #expect(throws: PercentEncoding.BadEscape.self) { try PercentEncoding.decode(text.utf8) }
        #expect(throws: PercentEncoding.BadEscape.self) { try QueryParameters(parsing: "a=\(text)".utf8) }
    }

    @Test("any bytes survive being encoded, in paths, queries and brackets")
    func roundTrips() throws {
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...20)).map { _ in UInt8.random(in: 0...255) }
            let encoded = PercentEncoding.encode(bytes)
            #expect(try PercentEncoding.decode(encoded) == bytes)
            #expect(try QueryParameters(parsing: Array("k=".utf8) + encoded)["k"] == bytes)
            #expect(try BracketedText.decode(BracketedText.encode(bytes)) == bytes)
        }
    }

    @Test("random text never does harm to a decoder")
    func randomText() {
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...30)).map { _ in Array("%[]=&+-_AZaz09 \u{e9}".utf8).randomElement() ?? 0
            }
            _ = try? PercentEncoding.decode(bytes)
            _ = try? QueryParameters(parsing: bytes)
            _ = try? BracketedText.decode(bytes)
            _ = BasicCredentials(authorization: Array("Basic ".utf8) + bytes)
        }
    }

    @Test("a query keeps order, repetitions and empty values")
    func queries() throws {
        let query = try QueryParameters(parsing: "b=2&a=1&&a=%26%3d=x&c&=y&bypass=".utf8)
        #expect(
            query.parameters.map { String(decoding: $0.name, as: UTF8.self) } == ["b", "a", "a", "c", "", "bypass"])
        #expect(query["a"] == Array("1".utf8))
        #expect(query.all("a") == [Array("1".utf8), Array("&==x".utf8)])
        #expect(query["c"] == [])
        #expect(query["d"] == nil)
    }

    @Test(
        "spec 01 #77: bracketed base64url",
        arguments: [
            ("[Zm9v]", "foo"), ("[Zm8=]", "fo"), ("[Zm8]", "fo"), ("[Zg==]", "f"), ("[Zg]", "f"), ("[]", ""),
            ("[", "["),
            ("]", "]"), ("x[Zm9v]", "x[Zm9v]"), ("[Zm9v]x", "[Zm9v]x"), ("plain", "plain"), ("[W2Zvb10=]", "[foo]"),
            ("[w7w_Pg]", "ü?>"),
        ])
    func brackets(text: String, expected: String) throws {
        #expect(try BracketedText.decode(Array(text.utf8)) == Array(expected.utf8))
    }

    @Test(
        "spec 01 #77: brackets that hold no base64url",
        arguments: [
            "[!!]", "[Z]", "[Zm9vZ]", "[Zg=]", "[Zg===]", "[Zm9v=]", "[=]", "[Zh]", "[Zm9=v]", "[w7w/Pg]", "[Zm 9v]",
            "[foo bar]",
        ])
    func badBrackets(text: String) {
        #expect(throws: BracketedText.Undecodable.self) { try BracketedText.decode(Array(text.utf8)) }
    }

    @Test(
        "spec 01 #78: only what must be is written in brackets",
        arguments: [
            (Array("foo".utf8), "foo"), (Array("[foo]".utf8), "[W2Zvb10=]"), ([0xff], "[_w==]"),
            (Array("ü[".utf8), "ü["),
        ])
    func writesBrackets(bytes: [UInt8], expected: String) {
        #expect(BracketedText.encode(bytes) == Array(expected.utf8))
    }
}
