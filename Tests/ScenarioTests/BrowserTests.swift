// Browsers: web pages that are listed may use the host (CORS), and a clone URL that somebody opens says what it is.

import TestKit
import Testing

@Suite struct BrowserTests {
    private static let origin = "http://app.example"
    private static let preflight = [
        (name: "Origin", value: origin), (name: "Access-Control-Request-Method", value: "POST"),
        (
            name: "Access-Control-Request-Headers",
            value: "authorization,content-type,git-protocol,x-git-annex-data-length"
        ),
    ]

    @Test("preflights and answers for a page that is listed, refusals included")
    func allowed() throws {
        var options = AnnexdHost.Options()
        options.environment["ANNEXD_CORS_ORIGINS"] = "https://other.example,\(Self.origin)"
        try withRepository(options) { repository, p2p, _ in
            let http = repository.host.http
            let key = try p2p.store(Array("cross".utf8))
            for target in ["/team/data.git/git-upload-pack", p2p.target("put", [("key", key)])] {
                let reply = try http.request("OPTIONS", target, headers: Self.preflight)
                #expect(reply.status == 204, "\(target)")
                #expect(reply["access-control-allow-origin"] == Self.origin)
                let allowed = (reply["access-control-allow-headers"] ?? "").lowercased()
                    .split(separator: ",").map { $0.filter { $0 != " " } }
                for name in ["authorization", "content-type", "git-protocol", "x-git-annex-data-length", "range"] {
                    #expect(allowed.contains(name))
                }
                #expect(reply["access-control-allow-methods"]?.contains("POST") == true)
                #expect(reply["access-control-allow-credentials"] == nil)
                #expect(reply["vary"]?.contains("Origin") == true)
            }
            // What the request itself would not be answered, its preflight is not either.
            #expect(try http.request("OPTIONS", "/team/data/config", headers: Self.preflight).status == 405)
            #expect(try http.request("OPTIONS", "/-/nothing", headers: Self.preflight).status == 404)

            let page = [(name: "Origin", value: Self.origin)]
            for target in [
                "/team/data.git/info/refs?service=git-upload-pack", p2p.target("key/\(key)"), "/team/no/config",
            ] {
                let reply = try http.get(target, headers: page)
                #expect(reply["access-control-allow-origin"] == Self.origin, "\(target)")
                #expect(reply["access-control-expose-headers"]?.contains("X-git-annex-data-length") == true)
            }
            let stranger = [(name: "Origin", value: "http://evil.example")]
            let reply = try http.get("/team/data/config", headers: stranger)
            #expect(reply.status == 200 && reply["access-control-allow-origin"] == nil)
            #expect(reply["vary"] == "Origin")
            let headers = stranger + Self.preflight.dropFirst()
            #expect(try http.request("OPTIONS", "/team/data/git-upload-pack", headers: headers).status == 405)
        }
    }

    @Test("without cors.origins nothing is allowed, and nothing is said")
    func notAllowed() throws {
        try withRepository { repository, _, _ in
            let http = repository.host.http
            #expect(try http.request("OPTIONS", "/team/data/git-upload-pack", headers: Self.preflight).status == 405)
            let reply = try http.get("/team/data/config", headers: [(name: "Origin", value: Self.origin)])
            #expect(reply["access-control-allow-origin"] == nil && reply["vary"] == nil)
        }
    }

    @Test("a clone URL in a browser says how to clone it; to programs it is what it was")
    func page() throws {
        try withRepository { repository, _, alice in
            let http = repository.host.http
            let html = [(name: "Accept", value: "text/html,application/xhtml+xml,*/*;q=0.8")]
            for target in ["/team/data", "/team/data.git", "/team/data.git/"] {
                let reply = try http.get(target, headers: html)
                #expect(reply.status == 200, "\(target)")
                #expect(reply["content-type"] == "text/html; charset=utf-8")
                #expect(reply["content-security-policy"]?.contains("default-src 'none'") == true)
                #expect(reply.text.contains("git clone \(repository.url)\n"), "\(reply.text)")
                #expect(!reply.text.contains("<script"))
                #expect(try http.get(target).status == 404)
            }
            #expect(try http.get("/team/none", headers: html).status == 404)
            // The text of the Host header is shown only where it is a host.
            let evil = html + [(name: "Host", value: "a<script>b")]
            #expect(try !http.get("/team/data", headers: evil).text.contains("<script"))
            let line = try http.get("/team/data", headers: html).text.split(separator: "\n")
                .first { $0.contains("git clone ") }?.replacing("<pre>", with: "")
            try alice.command(["sh", "-c", "\(try #require(line)) clone"], in: alice.scratch.path).check()
        }
    }

    @Test("people without the right to read see no page, and not whether there is one")
    func pageRights() throws {
        try withHost(.init(anonymous: "none")) { host, _ in
            _ = try host.create("team/data")
            let html = [(name: "Accept", value: "text/html")]
            for name in ["team/data", "team/none"] {
                #expect(try host.http.get("/\(name)", headers: html).status == 401)
            }
        }
    }

    @Test("a proxy in front does not store large answers before it passes them on")
    func buffering() throws {
        try withRepository { repository, p2p, _ in
            let large = try p2p.store(seededBytes(2_000_000, seed: 1))
            let small = try p2p.store(Array("small".utf8))
            let http = repository.host.http
            #expect(try http.get(p2p.target("key/\(large)"))["x-accel-buffering"] == "no")
            #expect(try http.get(p2p.target("key/\(small)"))["x-accel-buffering"] == nil)
            let refs = try http.get("/team/data/info/refs?service=git-upload-pack")
            #expect(refs["x-accel-buffering"] == "no")
        }
    }
}
