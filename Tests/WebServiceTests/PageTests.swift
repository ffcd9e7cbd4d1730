import AnnexProtocol
import Hosting
import Testing

@testable import WebService

@Suite struct PageTests {
    /// Attack: a repository's name, which a pusher may choose, is shown to people in their browsers.
    @Test("names and addresses cannot become HTML")
    func escaping() throws {
        let name = try #require(RepositoryName("a<script>&\"'\u{338}x/b>\u{338}"))
        let address = try #require(PublicAddress(scheme: "http", hostHeader: "h:9417"))
        let html = RepositoryPageText(name: name, isAnnex: true, cloneURL: address.cloneURL(of: name)).html
        #expect(html.contains("<h1>a&lt;script&gt;&amp;&quot;&#39;\u{338}x/b&gt;\u{338}</h1>"))
        let signs = html.utf8.filter { $0 == UInt8(ascii: "<") }.count
        let plain = RepositoryPageText(name: try #require(RepositoryName("a/b")), isAnnex: true, cloneURL: "u").html
        #expect(signs == plain.utf8.filter { $0 == UInt8(ascii: "<") }.count)
    }

    @Test("the clone URL is what a shell takes for one word, without a port that goes without saying")
    func cloneURL() throws {
        let name = try #require(RepositoryName("team/a b'c"))
        let https = try #require(PublicAddress(url: "https://example.org/data/"))
        #expect(https.cloneURL(of: name) == "https://example.org/data/team/a%20b%27c.git")
        let local = try #require(PublicAddress(scheme: "http", hostHeader: "[::1]:9417"))
        #expect(local.cloneURL(of: name) == "http://[::1]:9417/team/a%20b%27c.git")
    }

    @Test("only pages that are listed may use the host, and caches are told that it depends")
    func crossOrigin() {
        let some = CrossOrigin(["https://App.example"])
        #expect(some.headers(for: "https://app.example")?.first?.1 == "https://app.example")
        for origin in [nil, "null", "https://app.example.evil", "http://app.example", "https://app.example:1"] {
            #expect(some.headers(for: origin) == nil)
        }
        #expect(some.variation.first?.1 == "Origin")
        #expect(CrossOrigin(["*"]).headers(for: "https://any")?.first?.1 == "*")
        #expect(CrossOrigin().headers(for: "https://any") == nil)
        #expect(CrossOrigin().variation.isEmpty)
    }
}
