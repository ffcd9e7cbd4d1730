import Testing

@testable import annexd

@Suite struct JSONParsingTests {
    @Test(arguments: [
        "null", "true", "false", "0", "-7", "9223372036854775807", "\"\"", "[]", "{}", "[1,[2,{\"a\":[]}],\"x\"]",
        "{\"a\":{\"b\":[true,null]},\"c\":\"d\"}", "\"a \\\"quoted\\\" back\\\\slash\\nline \\u0001 ü 😀\"",
    ])
    func whatWeWriteIsRead(text: String) throws {
        #expect(try JSONValue(parsing: text.utf8).text == text)
    }

    @Test(arguments: [
        (" { \"a\" : [ 1 , 2 ] }\r\n\t", "{\"a\":[1,2]}"), ("\"\\u00fc\\/\\ud83d\\ude00\\b\"", "\"ü/😀\\u0008\""),
        ("{\"a\":1,\"a\":2}", "{\"a\":2}"),
    ])
    func othersMayWriteItDifferently(text: String, ours: String) throws {
        #expect(try JSONValue(parsing: text.utf8).text == ours)
    }

    @Test(arguments: [
        "", " ", "tru", "nul", "01", "-", "1.5", "1e3", "9223372036854775808", "\"", "\"\\x\"", "\"\\u12\"",
        "\"\\ud83d\"",
        "\"\\ud83d\\u0041\"", "\"\\udc00\"", "\"a\nb\"", "[", "[1", "[1,]", "[1 2]", "{", "{\"a\"}", "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}", "1 2", "{} x", "'a'",
    ])
    func nothingElseIsRead(text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text.utf8) }
    }

    @Test func depthIsBounded() throws {
        let deep = { (count: Int) in String(repeating: "[", count: count) + String(repeating: "]", count: count) }
        _ = try JSONValue(parsing: deep(64).utf8)
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: deep(65).utf8) }
    }

    @Test func invalidUTF8IsRefused() {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [34, 0xff, 34]) }
    }
}
