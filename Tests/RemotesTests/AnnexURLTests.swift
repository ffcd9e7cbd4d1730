import Testing

@testable import Remotes

@Suite struct AnnexURLTests {
    @Test(
        "where requests go (spec 01 §7.3)",
        arguments: [
            ("annex+http://h", "http://h:9417"), ("annex+http://h/", "http://h:9417"),
            ("annex+http://h/git-annex", "http://h:9417"), ("annex+http://h/git-annex//", "http://h:9417"),
            ("annex+http://h/git-annex/?q=1", "http://h:9417"), ("annex+https://h:1/foo/", "https://h:1/foo"),
            ("annex+http://h/foo/git-annex/", "http://h:9417/foo/git-annex"),
            ("annex+http://h:80/foo%20bar/x", "http://h:80/foo%20bar/x"),
            ("annex+http://h/a/../b/", "http://h:9417/a/../b"),
            ("annex+http://u:p@[::1]:9/x", "http://[::1]:9/x"), ("annex+http://h:/x", "http://h:9417/x"),
        ])
    func base(_ text: String, _ base: String) { #expect(AnnexURL(text)?.base == base) }

    @Test(
        "what is no annex URL",
        arguments: [
            "ANNEX+HTTP://h/", "http://h/", "annex+http://", "annex+http:///x", "annex+http://h:0/",
            "annex+http://h:70000/", "annex+http://h:x/", "annex+http://h h/", "annex+http://h/\r\nX: y",
            "annex+http://a:b:c/", "annex+http://[::1/",
        ])
    func refused(_ text: String) { #expect(AnnexURL(text) == nil) }

    @Test("credentials are kept apart from what is shown")
    func userInfo() {
        #expect(AnnexURL("annex+http://bob:se%40cret@h/x")?.userInfo == "bob:se%40cret")
        #expect(AnnexURL("annex+http://h/x@y")?.userInfo == nil)
    }
}
