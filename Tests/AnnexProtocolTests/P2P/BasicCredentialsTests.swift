import AnnexProtocol
import Testing

@Suite struct BasicCredentialsTests {
    @Test(
        "spec 01 #100: both alphabets, with and without padding",
        arguments: [
            "Basic YWxpY2U6cDp3Pz5-w7w=", "Basic YWxpY2U6cDp3Pz5+w7w=", "basic YWxpY2U6cDp3Pz5-w7w",
            "BASIC   YWxpY2U6cDp3Pz5+w7w ",
        ])
    func alphabets(header: String) {
        let expected = BasicCredentials(user: Array("alice".utf8), password: Array("p:w?>~ü".utf8))
        #expect(BasicCredentials(authorization: header.utf8) == expected)
    }

    @Test("either part may be empty")
    func emptyParts() {
        #expect(BasicCredentials(authorization: "Basic Og==".utf8) == BasicCredentials(user: [], password: []))
        #expect(BasicCredentials(authorization: "Basic YTo=".utf8)?.user == [UInt8(ascii: "a")])
    }

    @Test(
        "spec 01 §6.3: malformed headers give nothing, which is answered with 401",
        arguments: [
            "", "Basic", "Basic ", "Bearer YTpi", "BasicYTpi", "Basic YTpi YTpi", "Basic YWJj", "Basic !!!!",
            "Basic YTpiY", "Basic Y",
            "YTpi", "Basic YTpi=", "Basic =",
        ])
    func malformed(header: String) { #expect(BasicCredentials(authorization: header.utf8) == nil) }

    @Test("credentials do not print")
    func redacted() {
        let credentials = BasicCredentials(user: Array("alice".utf8), password: Array("secret".utf8))
        #expect("\(credentials)" == "<redacted>")
        #expect(String(reflecting: credentials) == "<redacted>")
        var dumped = ""
        dump(credentials, to: &dumped)
        #expect(!dumped.contains("115"))
    }
}
