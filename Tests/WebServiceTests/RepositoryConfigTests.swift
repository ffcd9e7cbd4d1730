import AnnexProtocol
import Hosting
import Testing

@testable import WebService

@Suite struct RepositoryConfigTests {
    private func config(_ name: String, host: String, scheme: String = "http") throws -> String {
        RepositoryConfig(
            name: try #require(RepositoryName(name)), uuid: RepositoryUUID("u-1"),
            authority: try #require(PublicAddress(scheme: scheme, hostHeader: host))
        ).text
    }

    @Test("only bare, uuid, version and url; the address is the one the client used")
    func text() throws {
        #expect(
            try config("team/data", host: "annex.example.org:9417") == """
                [core]
                \tbare = true
                [annex]
                \tuuid = u-1
                \tversion = 10
                \turl = annex+http://annex.example.org:9417/team/data

                """)
    }

    @Test(
        "the port is always written, since annex+http has another default than http",
        arguments: [
            ("h", "http", "annex+http://h:80/a"), ("h", "https", "annex+https://h:443/a"),
            ("[::1]", "http", "annex+http://[::1]:80/a"),
            ("[::1]:9417", "http", "annex+http://[::1]:9417/a"),
            ("127.0.0.1:1", "https", "annex+https://127.0.0.1:1/a"),
        ])
    func ports(host: String, scheme: String, url: String) throws {
        #expect(try config("a", host: host, scheme: scheme).contains("\turl = \(url)\n"))
    }

    @Test("names are percent-encoded")
    func encoded() throws {
        #expect(try config("my lab/ü", host: "h:1").contains("annex+http://h:1/my%20lab/%C3%BC\n"))
    }

    @Test("a repository that is not an annex has no annex section (spec 01 #108)")
    func plain() throws {
        let text = RepositoryConfig(
            name: try #require(RepositoryName("a")), uuid: nil,
            authority: try #require(PublicAddress(scheme: "http", hostHeader: "h"))
        ).text
        #expect(text == "[core]\n\tbare = true\n")
    }

    /// Whoever controls the Host header must not write into the client's configuration.
    @Test(
        "hosts that are none are refused",
        arguments: [
            "", "h:+80", "h:", "h:8_0", "h\u{212A}", "h\n[core]", "h h", "h/x", "user@h", "h:0", "h:70000", "h:x",
            "\"h\"", "[::1", "h#", "h;rm",
        ])
    func hostileHosts(host: String) {
        #expect(PublicAddress(scheme: "http", hostHeader: host) == nil)
    }

    @Test(
        "a UUID that means something to git's configuration is written so that git reads it back",
        arguments: [
            ("u;v", "\"u;v\""), ("u#", "\"u#\""), ("u\\", "\"u\\\\\""), ("\"u", "\"\\\"u\""),
            ("\\\u{6D7}", "\"\\\\\u{6D7}\""), ("u-1", "u-1"),
        ])
    func strangeUUID(uuid: String, written: String) throws {
        let text = RepositoryConfig(
            name: try #require(RepositoryName("a")), uuid: RepositoryUUID(uuid),
            authority: try #require(PublicAddress(scheme: "http", hostHeader: "h"))
        ).text
        #expect(text.contains("\tuuid = \(written)\n\tversion = 10\n"))
    }

    @Test("a public URL may have a path")
    func publicURL() throws {
        let address = try #require(PublicAddress(url: "https://annex.example.org/store/"))
        let text = RepositoryConfig(
            name: try #require(RepositoryName("a/b")), uuid: RepositoryUUID("u"), authority: address
        ).text
        #expect(text.contains("annex+https://annex.example.org:443/store/a/b\n"))
        #expect(PublicAddress(url: "ftp://x") == nil)
        #expect(PublicAddress(url: "nonsense") == nil)
    }
}
