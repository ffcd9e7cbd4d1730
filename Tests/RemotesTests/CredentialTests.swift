import AnnexProtocol
import Blocking
import Glibc
import Locations
import Logging
import Synchronization
import SystemPackage
import Telemetry
import TestKit
import Testing

@testable import Remotes

@Suite struct CredentialPlaceTests {
    @Test(
        "what a login is for",
        arguments: [
            ("https://h/x/y.git/", "https", "h", 443, "x/y.git"), ("HTTP://h:8080", "http", "h", 8080, ""),
            ("annex+http://h/git-annex/", "annex+http", "h", 9417, "git-annex"),
            ("https://u:p@[::1]:5/a?b#c", "https", "[::1]", 5, "a"), ("http://[::1]/a", "http", "[::1]", 80, "a"),
        ])
    func parts(url: String, scheme: String, host: String, port: Int, path: String) throws {
        let place = try #require(CredentialPlace(url: url))
        #expect((place.scheme, place.host, place.port, place.path) == (scheme, host, port, path))
    }

    @Test(
        "what has no login of this sort",
        arguments: ["ssh://h/x", "/srv/x", "h:x", "https://", "https:///x", "https://h:0/"])
    func others(url: String) { #expect(CredentialPlace(url: url) == nil) }

    @Test("no secret is shown")
    func secrets() throws {
        let place = try #require(CredentialPlace(url: "https://bob:hunter2@h/x"))
        var dumped = ""
        dump(place, to: &dumped)
        #expect(!"\(place) \(String(reflecting: place)) \(dumped)".contains("hunter2"))
        #expect(
            place.credentials?.reveal() == BasicCredentials(user: Array("bob".utf8), password: Array("hunter2".utf8)))
    }
}

@Suite struct CredentialFileTests {
    private static let text = """
        # comment
        https://git:a@example.com
        http://local:b@example.com:9417
        https://deep:c@example.com/team/data.git
        https://p%40t:s%3a%2f@h2:8443/

        ftp://no:no@h3
        https://nopassword@h4
        annex+https://annex:d@h5
        """

    @Test(
        "the line that fits best counts",
        arguments: [
            ("https://example.com/x", "git:a"), ("https://example.com:443", "git:a"), ("https://EXAMPLE.com/", "git:a"),
            ("https://example.com/team/data.git", "deep:c"), ("https://example.com/team/data.git/config", "deep:c"),
            ("https://example.com/team/data.github", "git:a"), ("http://example.com/", nil),
            ("annex+http://example.com/x", "local:b"), ("http://example.com:9417/x", "local:b"),
            ("annex+https://example.com:443/", "git:a"), ("annex+https://example.com/", nil),
            ("https://h2:8443/x", "p@t:s:/"), ("https://h2/x", nil), ("https://h4/", nil), ("http://h3/", nil),
            ("annex+https://h5/", "annex:d"), ("https://h5:9417/", "annex:d"), ("https://bob@example.com/x", nil),
            ("https://git@example.com/x", "git:a"),
        ])
    func matching(url: String, expected: String?) throws {
        let place = try #require(CredentialPlace(url: url))
        let found = CredentialFile.find(place, in: Array(Self.text.utf8))
        let shown = found.map { String(decoding: $0.user + [UInt8(ascii: ":")] + $0.password, as: UTF8.self) }
        #expect(shown == expected)
    }

    @Test("a file that others can read is refused, and so is none", arguments: ["640", "604", "660", "600"])
    func permissions(mode: String) async throws {
        try await withScratch { scratch in
            let path = scratch.child("logins")
            let pool = BlockingPool(threadCount: 1)
            let file = CredentialFile(FilePath(path), pool: pool)
            let place = try #require(CredentialPlace(url: "https://example.com/"))
            await #expect(throws: CredentialError.self) { try await file.credentials(for: place) }
            try await run(
                Command(["sh", "-c", "cat > \"$0\"; chmod \(mode) \"$0\"", path], input: Array(Self.text.utf8)))
            if mode == "600" {
                #expect(try await file.credentials(for: place)?.user == Array("git".utf8))
            } else {
                let error = await #expect(throws: CredentialError.self) { try await file.credentials(for: place) }
                #expect(error?.message == "other users can read \"\(path)\"; make it private with chmod 600")
            }
            await pool.shutdown()
        }
    }

    @Test("several sources are asked in turn, and the one that knew hears what became of it")
    func chain() async throws {
        let first = OneLogin("a", "1")
        let chain = CredentialChain([NoCredentials(), first, OneLogin("b", "2")])
        let place = try #require(CredentialPlace(url: "https://example.com/"))
        let found = try #require(try await chain.credentials(for: place))
        #expect(found.user == Array("a".utf8))
        await chain.accepted(found, for: place)
        await chain.rejected(found, for: place)
        #expect(first.events == .init(asked: ["https://example.com"], accepted: 1, rejected: 1))
    }
}

/// Which login is sent where.
@Suite struct LoginTests {
    /// A server that wants one of the given headers, and writes down what it got.
    private func withServer(
        accepts: Set<String>, credentials: any CredentialSource,
        _ body: (ScriptedServer, RemoteConnections, Recorder<String>) async throws -> Void
    ) async throws {
        let seen = Recorder<String>()
        let server = try ScriptedServer { connection, _ in
            while true {
                let head = try connection.readHead()
                let given = head.fields["authorization"] ?? "none"
                seen.append(given)
                if accepts.contains(given) {
                    if head.action == "config" {
                        try connection.answer(
                            "200 OK",
                            "[core]\n\tbare = true\n[annex]\n\tuuid = \(targetUUID)\n\turl = annex+http://h/x\n",
                            type: nil)
                    } else {
                        try connection.answer("200 OK", "{\"present\":true}")
                    }
                } else {
                    try connection.answer("401 Unauthorized", "", type: nil, "WWW-Authenticate: Basic\r\n")
                }
            }
        }
        defer { server.close() }
        try await withConnections(credentials: credentials) { try await body(server, $0, seen) }
    }

    private static let urlSafe = "Basic YWxpY2U6cDp3Pz5-w7w="
    private static let standard = "Basic YWxpY2U6cDp3Pz5+w7w="
    private let key = LyingTargetTests.key

    @Test("a login is sent from the first request on, once it was accepted")
    func remembered() async throws {
        let login = OneLogin("alice", "p:w?>~\u{fc}")
        try await withServer(accepts: [Self.urlSafe], credentials: login) { server, connections, seen in
            let location = connections.location(
                of: try target(port: server.port), gateway: gatewayUUID, caller: Caller())
            for _ in 0..<3 { #expect(try await location.isPresent(try #require(key))) }
            #expect(seen.all == ["none", Self.urlSafe, Self.urlSafe, Self.urlSafe])
            #expect(login.events == .init(asked: ["annex+http://127.0.0.1:\(server.port)"], accepted: 1, rejected: 0))
        }
    }

    @Test("many requests at once ask for a login once")
    func together() async throws {
        let login = OneLogin("alice", "p:w?>~\u{fc}")
        try await withServer(accepts: [Self.urlSafe], credentials: login) { server, connections, _ in
            let location = connections.location(
                of: try target(port: server.port), gateway: gatewayUUID, caller: Caller())
            let key = try #require(key)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<16 { group.addTask { try await location.isPresent(key) } }
                for try await isPresent in group { #expect(isPresent) }
            }
            #expect(login.events.asked.count == 1)
            #expect(login.events.accepted == 1)
        }
    }

    @Test("the git URL's login counts where it is one of the same host (spec 01 §6.8)")
    func sameHost() async throws {
        for (gitURL, expected) in [
            ("https://127.0.0.1/team/data.git", "https://127.0.0.1/team/data.git"),
            ("http://elsewhere/x", nil), ("ssh://127.0.0.1/x", nil), (nil, nil),
        ] {
            let login = OneLogin("alice", "p:w?>~\u{fc}")
            try await withServer(accepts: [Self.urlSafe], credentials: login) { server, connections, _ in
                var target = try target(port: server.port)
                target.gitURL = gitURL
                let location = connections.location(of: target, gateway: gatewayUUID, caller: Caller())
                #expect(try await location.isPresent(try #require(key)))
                #expect(login.events.asked == [expected ?? "annex+http://127.0.0.1:\(server.port)"])
            }
        }
        // A login that stands in the git URL does not go to another host.
        try await withServer(accepts: [], credentials: NoCredentials()) { server, connections, seen in
            var target = try target(port: server.port)
            target.gitURL = "http://alice:secret@elsewhere/x"
            let location = connections.location(of: target, gateway: gatewayUUID, caller: Caller())
            let code = await failure { _ = try await location.isPresent(try #require(key)) }?.code
            #expect(code == .unauthenticated)
            #expect(seen.all == ["none"])
        }
    }

    @Test("no message and no log line has the secret")
    func secrets() async throws {
        let lines = Lines()
        let server = try ScriptedServer { connection, _ in
            while true {
                _ = try connection.readHead()
                try connection.answer("401 Unauthorized", "", type: nil)
            }
        }
        defer { server.close() }
        var settings = RemoteSettings()
        settings.answerTimeout = .seconds(120)
        let connections = try RemoteConnections(
            settings: settings, credentials: OneLogin("alice", "hunter2"), logger: Logger(label: "x") { _ in lines })
        var target = try target(port: server.port)
        for url in ["annex+http://127.0.0.1:\(server.port)", "annex+http://bob:hunter2@127.0.0.1:\(server.port)"] {
            target.url = try #require(AnnexURL(url))
            let location = connections.location(of: target, gateway: gatewayUUID, caller: Caller())
            let error = await failure { _ = try await location.isPresent(try #require(key)) }
            #expect(error?.code == .unauthenticated)
            #expect(
                error?.message == "node1 does not accept this host's login for annex+http://127.0.0.1:\(server.port)")
        }
        await connections.shutdown()
        #expect(lines.all.count == 2)
        #expect(!lines.all.contains { $0.contains("hunter2") || $0.contains("aHVudGVyMg") })
    }

    /// Keeps everything that is logged.
    private final class Lines: LogHandler, @unchecked Sendable {
        private let lines = Mutex<[String]>([])
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        var all: [String] { lines.withLock { $0 } }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
        }
    }

    @Test("a repository's own description is read, with standard base64 (spec 01 §6.8, §7.2)")
    func discovery() async throws {
        let login = OneLogin("alice", "p:w?>~\u{fc}")
        try await withServer(accepts: [Self.standard], credentials: login) { server, connections, seen in
            let found = try await connections.discover(gitURL: "http://127.0.0.1:\(server.port)/team/data.git/")
            #expect(found.uuid == targetUUID)
            #expect(found.annexURL == AnnexURL("annex+http://h/x"))
            #expect(seen.all == ["none", Self.standard])
            let nothing = try await connections.discover(gitURL: "ssh://127.0.0.1/x")
            #expect(nothing.uuid == nil && nothing.annexURL == nil)
        }
        #expect(RemoteConnections.escaped("a b%20/ü\r\nX: y") == "a%20b%20/%C3%BC%0D%0AX:%20y")
        for (body, status) in [("<html>", "200 OK"), ("", "404 Not Found"), ("[core]\n x = \"y", "200 OK")] {
            let server = try ScriptedServer { connection, _ in
                let head = try connection.readHead()
                #expect(head.line == "GET /x/config HTTP/1.1")
                try connection.answer(status, body, type: nil)
            }
            defer { server.close() }
            try await withConnections { connections in
                let error = await failure {
                    _ = try await connections.discover(gitURL: "http://127.0.0.1:\(server.port)/x")
                }
                #expect(error?.code == .misbehaved)
            }
        }
    }
}

/// Changes the environment of this process, so nothing else may run beside it that reads it.
@Suite(.serialized) struct GitCredentialTests {
    @Test("git's helpers are asked, told, and never anybody else")
    func helpers() async throws {
        try await withScratch { scratch in
            let config = scratch.child("gitconfig")
            let store = scratch.child("store")
            try await run(
                Command(
                    ["sh", "-c", "cat > \"$0\"", store],
                    input: Array("https://bob:one@example.com\nannex+http://eve:two@h:5/x\n".utf8)))
            try await run(Command(["git", "config", "--file", config, "credential.helper", "store --file=\(store)"]))
            setenv("GIT_CONFIG_GLOBAL", config, 1)
            setenv("GIT_CONFIG_NOSYSTEM", "1", 1)
            setenv("SSH_ASKPASS", "/bin/false", 1)
            defer {
                unsetenv("GIT_CONFIG_GLOBAL")
                unsetenv("GIT_CONFIG_NOSYSTEM")
                unsetenv("SSH_ASKPASS")
            }
            let source = GitCredentials(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let git = try #require(CredentialPlace(url: "https://example.com/a.git"))
            let found = try #require(try await source.credentials(for: git))
            #expect(found == BasicCredentials(user: Array("bob".utf8), password: Array("one".utf8)))
            let annex = try #require(CredentialPlace(url: "annex+http://h:5/x"))
            #expect(try await source.credentials(for: annex)?.user == Array("eve".utf8))
            let unknown = try #require(CredentialPlace(url: "https://nowhere.invalid/"))
            #expect(try await source.credentials(for: unknown) == nil)
            // A URL of the other scheme finds the login of plain HTTP.
            let other = try #require(CredentialPlace(url: "annex+https://example.com:443/"))
            _ = try await source.credentials(for: other)

            await source.rejected(found, for: git)
            #expect(try await source.credentials(for: git) == nil)
            let fresh = BasicCredentials(user: Array("bob".utf8), password: Array("three".utf8))
            await source.accepted(fresh, for: git)
            #expect(try await source.credentials(for: git) == fresh)
        }
    }

    @Test("a helper that hangs is given up")
    func hanging() async throws {
        try await withScratch { scratch in
            let config = scratch.child("gitconfig")
            try await run(Command(["git", "config", "--file", config, "credential.helper", "!sleep 300; true"]))
            setenv("GIT_CONFIG_GLOBAL", config, 1)
            defer { unsetenv("GIT_CONFIG_GLOBAL") }
            let source = GitCredentials(
                patience: .milliseconds(500), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let place = try #require(CredentialPlace(url: "https://example.com/"))
            #expect(try await source.credentials(for: place) == nil)
        }
    }
}
