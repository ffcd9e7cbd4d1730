import AnnexProtocol
import Hosting
import Testing

@testable import WebService

@Suite struct RouteTests {
    private static let uuid = "b779130f-af5e-43d6-8fa8-b968301c665e"

    private func route(_ method: String, _ target: String) throws(RouteError) -> Route {
        try Route(method: method, target: RequestTarget(target.utf8))
    }

    private func status(_ method: String, _ target: String) -> Int? {
        do {
            _ = try route(method, target)
            return nil
        } catch {
            return error.status
        }
    }

    @Test(
        "git services of repositories at any depth, with and without .git, with doubled and trailing slashes",
        arguments: [
            "/team/data.git/info/refs?service=git-upload-pack", "/team/data/info/refs?service=git-upload-pack",
            "//team//data.git//info/refs?service=git-upload-pack", "/team/data.git/info/refs/?service=git-upload-pack",
            "/team%2Fdata/../x", "/te%61m/data/info/refs?service=git-upload-pack",
            "http://host:1/team/data.git/info/refs?service=git-upload-pack",
        ])
    func advertisements(target: String) throws {
        let expected = Route.git(
            try #require(RepositoryName("team/data")), .advertisement(service: Array("git-upload-pack".utf8)))
        if target.contains("..") {
            #expect(status("GET", target) == 404)
        } else {
            #expect(try route("GET", target) == expected)
        }
    }

    @Test(
        "every git URL",
        arguments: [
            ("POST", "/a.git/git-upload-pack", Route.GitOperation.uploadPack),
            ("POST", "/a/git-receive-pack", .receivePack),
            ("GET", "/a.git/HEAD", .file(["HEAD"])), ("GET", "/a/info/refs", .advertisement(service: nil)),
            ("GET", "/a.git/objects/info/packs", .file(["objects", "info", "packs"])),
            ("HEAD", "/a.git/objects/ab/cdef", .file(["objects", "ab", "cdef"])),
        ])
    func git(method: String, target: String, operation: Route.GitOperation) throws {
        #expect(try route(method, target) == .git(try #require(RepositoryName("a")), operation))
    }

    @Test(
        "spec 01 #106: the generated config, however the slashes fall",
        arguments: [
            "/x/repo.git/config", "/x/repo.git//config", "/x/repo/config", "/x/repo/config/",
        ])
    func discovery(target: String) throws {
        #expect(try route("GET", target) == .discovery(try #require(RepositoryName("x/repo"))))
    }

    @Test(
        "P2P by path and by UUID",
        arguments: [
            ("/git-annex/\(uuid)/v4/checkpresent?key=SHA256--x&clientuuid=c", nil),
            ("/lab/a/b/git-annex/\(uuid)/v4/checkpresent?key=SHA256--x&clientuuid=c", "lab/a/b"),
            ("/lab/a/b.git/git-annex/\(uuid)/v4/checkpresent?key=SHA256--x&clientuuid=c", "lab/a/b"),
            ("/git-annex/git-annex/\(uuid)/v4/checkpresent?key=SHA256--x&clientuuid=c", "git-annex"),
        ])
    func p2p(target: String, name: String?) throws {
        guard case .p2p(let within, let request) = try route("POST", target) else {
            Issue.record("not a P2P route")
            return
        }
        #expect(within?.description == name)
        #expect(request.repository.description == Self.uuid)
        #expect(request.operation == .checkPresent(try Key(parsing: "SHA256--x")))
    }

    @Test("content by key, whose text may look like a path of its own")
    func content() throws {
        let target = "/a/git-annex/\(Self.uuid)/key/URL--http:%2F%2Fh%2Fgit-annex%2Fv4"
        guard case .p2p(_, let request) = try route("GET", target), case .getContent(let key, _, _) = request.operation
        else {
            Issue.record("not a key route")
            return
        }
        #expect(key.description == "URL--http://h/git-annex/v4")
    }

    /// Key, path below `annex/objects/`. The keys are those of a real client, which names files as the spec has it.
    @Test(
        "content of older clients: both layouts, one and two levels, file names and keys, encoded or not",
        arguments: [
            ("SHA256--x", "LOWER/SHA256--x/SHA256--x"), ("SHA256--x", "MIXED/SHA256--x/SHA256--x"),
            ("SHA256--x", "LOWER1/SHA256--x/SHA256--x"), ("SHA256--x", "MIXED1/SHA256--x/SHA256--x"),
            ("URL--http://h/a%b", "LOWER/URL--http&c%25%25h%25a&sb/URL--http&c%25%25h%25a&sb"),
            ("URL--http://h/a%b", "LOWER/URL--http%26c%25%25h%25a%26sb/URL--http%26c%25%25h%25a%26sb"),
            ("URL--http://h/a%b", "MIXED/URL--http&c%%h%a&sb/URL--http&c%%h%a&sb"),
            ("URL--http://h/a%b", "MIXED/URL--http:%2F%2Fh%2Fa%25b/URL--http:%2F%2Fh%2Fa%25b"),
            // One text, two keys: the hash directories tell.
            ("URL--a&cb", "LOWER/URL--a&cb/URL--a&cb"), ("URL--a:b", "LOWER/URL--a&cb/URL--a&cb"),
        ])
    func objectOfOlderClient(text: String, path: String) throws {
        let key = try Key(parsing: text)
        let places = HashDirectories(of: key)
        var target = "/team/data.git/annex/objects/" + path
        for (word, directories) in [
            ("LOWER1", places.lower(levels: .one)), ("MIXED1", places.mixed(levels: .one)),
            ("LOWER", places.lower()), ("MIXED", places.mixed()),
        ] {
            let folders = directories.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
            target = target.replacing(word, with: folders)
        }
        for method in ["GET", "HEAD"] {
            #expect(try route(method, target) == .object(try #require(RepositoryName("team/data")), key))
        }
        #expect(status("PUT", target) == 405)
    }

    @Test(
        "paths below annex/objects that are no object's",
        arguments: [
            "000/000/SHA256--x/SHA256--x", "SHA256--x/SHA256--x", "a/b/c/SHA256--x/SHA256--x",
            "%2e%2e/%2e%2e/config/config",
        ])
    func noObject(path: String) {
        guard let route = try? route("GET", "/a/annex/objects/\(path)") else { return }
        guard case .object = route else { return }
        Issue.record("\(path) is \(route)")
    }

    @Test("everything else that is a name is a page, for reading")
    func pages() throws {
        for target in ["/team/data", "/team/data.git", "/team/data.git/"] {
            #expect(try route("GET", target) == .page(try #require(RepositoryName("team/data"))))
        }
    }

    @Test("`.git` in the middle of a path is no part of the name, whatever is asked for")
    func gitSuffixes() throws {
        let name = try #require(RepositoryName("team/super/sub"))
        let service = Array("git-upload-pack".utf8)
        for base in ["/team/super.git/sub", "/team/super.git/sub.git", "/team.git/super/sub", "/team/super/sub"] {
            #expect(
                try route("GET", base + "/info/refs?service=git-upload-pack")
                    == .git(name, .advertisement(service: service)))
            #expect(try route("GET", base + "/config") == .discovery(name))
            #expect(try route("POST", base + "/git-receive-pack") == .git(name, .receivePack))
            let target = base + "/git-annex/\(Self.uuid)/v4/checkpresent?key=SHA256--x&clientuuid=c"
            guard case .p2p(let within, _) = try route("POST", target) else {
                Issue.record("not a P2P route")
                return
            }
            #expect(within == name)
        }
        #expect(status("GET", "/team/super/.git/config") == 404)
        #expect(status("GET", "/team/super.git/.git/info/refs") == 404)
    }

    @Test(
        "spec 01 #75: what this version does not know is a 404, so that clients fall back",
        arguments: [
            ("POST", "/git-annex/\(uuid)/v5/checkpresent?key=SHA256--x&clientuuid=c"),
            ("POST", "/git-annex/\(uuid)/v2/gettimestamp?clientuuid=c"),
            ("POST", "/git-annex/\(uuid)/v0/putoffset?key=SHA256--x&clientuuid=c"),
            ("POST", "/git-annex/\(uuid)/v2/remove-before?key=SHA256--x&clientuuid=c&timestamp=1"),
            ("POST", "/git-annex/\(uuid)/v4/chec\u{212A}present?key=SHA256--x&clientuuid=c"),
            ("GET", "/"), ("GET", "/-"), ("GET", "/-/nothing"), ("POST", "/a"), ("GET", "/.annexd/x/config"),
            ("GET", "/a/../b/config"), ("GET", "/%2e%2e/config"), ("GET", "/a%00b/config"), ("GET", "/-/config"),
        ])
    func unknown(method: String, target: String) {
        #expect(status(method, target) == 404)
    }

    @Test(
        "a wrong method is a 405",
        arguments: [
            ("GET", "/a/git-upload-pack"), ("POST", "/a/config"), ("POST", "/a/info/refs"), ("DELETE", "/-/health"),
            ("GET", "/git-annex/\(uuid)/v4/checkpresent?key=SHA256--x&clientuuid=c"),
        ])
    func wrongMethod(method: String, target: String) {
        #expect(status(method, target) == 405)
    }

    @Test("random targets never crash the parser")
    func randomTargets() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("/%aA.g-0?&=+[]{}\u{00}\u{7f}git-annex/v4/key/".utf8) + [0xff, 0xc3]
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            _ = try? Route(method: "POST", target: RequestTarget(bytes))
        }
    }

    /// What a client sends reaches the log: it must neither break a line nor fill the disk, and queries may hold
    /// secrets.
    @Test(
        "paths in the log are escaped, bounded and without their query",
        arguments: [
            ("/a//b/?key=secret", "/a/b/"), ("/", "/"), ("", "/"), ("/x\u{1b}[31m\u{7f}é", "/x%1B[31m%7F%C3%A9"),
            ("/%0a", "/%0a"), ("http://host/a#b", "/a"),
        ])
    func logged(target: String, path: String) {
        #expect(RequestTarget(target.utf8).loggedPath == path)
    }

    @Test func longPathsAreCutInTheirMiddle() {
        let path = RequestTarget(("/begin" + String(repeating: "x", count: 100_000) + "/end").utf8).loggedPath
        #expect(path.hasPrefix("/begin") && path.hasSuffix("/end") && path.utf8.count == 259)
    }

    @Test func asksForGitLFS() {
        for target in ["/a/info/lfs/objects/batch", "/a.git/info/lfs/locks/verify", "/a/info/lfs"] {
            #expect(RequestTarget(target.utf8).isGitLFS, "\(target)")
        }
        for target in ["/info/lfs/x", "/a/lfs/objects", "/a/info/refs"] {
            #expect(!RequestTarget(target.utf8).isGitLFS, "\(target)")
        }
    }
}
