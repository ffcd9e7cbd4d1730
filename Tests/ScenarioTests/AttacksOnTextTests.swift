// Injection: somebody chooses text that ends up elsewhere: the Host header, which the generated /config repeats and git
// on the client's machine obeys; names, keys and methods, which the log shows to the operator's terminal; and reasons,
// which become lines of a response. A line break, quote or escape in them must not become one there.

import TestKit
import Testing

@Suite struct AttacksOnTextTests {
    @Test("a Host header adds no setting to the configuration that clients fetch, and names no other host by a trick")
    func hostHeader() throws {
        try withRepository { repository, _, _ in
            let host = repository.host
            for name in [
                "h\"\n[core]\n\tsshCommand = evil", "h\\\n", "h;evil", "h#evil", "h evil", "h\tevil", "evil@h",
                "h/evil",
                "h?evil", "h:80evil", "h:+80", "h:080000", "h:0", "h:-1", "h:", ":80", "[::1", "[::1]evil", "::1",
                "[evil]:80]",
                "h%0aevil", "h\u{212A}", "\u{0}h", "h\u{7F}", "", "h,evil", "h:80:evil", "a..b\"", "[\"]",
                String(repeating: "h", count: 10_000),
            ] {
                let replies = try answers(
                    "GET /team/data/config HTTP/1.1\r\nConnection: close\r\nHost: \(name)\r\n\r\n", port: host.port)
                let reply = try #require(replies.first, "\(name.debugDescription)")
                guard reply.status == 200 else {
                    #expect(reply.status == 400, "\(name.debugDescription) \(reply.status)")
                    continue
                }
                let file = host.scratch.child("fetched")
                try write(file, reply.text)
                let keys = try Command(["git", "config", "-f", file, "--list", "--name-only"]).check().lines.sorted()
                #expect(keys == ["annex.url", "annex.uuid", "annex.version", "core.bare"], "\(name.debugDescription)")
                #expect(!reply.text.contains("evil"), "\(name.debugDescription) \(reply.text)")
            }
            // Headers that proxies add, and that anybody else can add, have no say.
            let forwarded = try host.http.get(
                "/team/data/config",
                headers: [
                    (name: "X-Forwarded-Host", value: "evil"), (name: "Forwarded", value: "host=evil"),
                    (name: "X-Forwarded-Proto", value: "https"), (name: "X-Original-URL", value: "/evil"),
                ])
            #expect(forwarded.status == 200 && !forwarded.text.contains("evil") && !forwarded.text.contains("https"))
        }
    }

    @Test("a UUID with quotes or comment signs in an imported repository reaches clients as it is")
    func importedUUID() throws {
        try withRepository { repository, _, _ in
            let host = repository.host
            try repository.setConfig("annex.uuid", "u;[core]#\"\\")
            // The repository is opened anew once its configuration has changed.
            #expect(try eventually { try host.http.get("/team/data/config").text.contains("core]#") })
            let file = host.scratch.child("fetched")
            try write(file, try host.http.get("/team/data/config").text)
            #expect(try Command(["git", "config", "-f", file, "annex.uuid"]).check().trimmed == "u;[core]#\"\\")
        }
    }

    @Test("names, keys, methods and headers cannot forge a line of the log, nor drive the terminal that shows it")
    func log() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            let forged = "%0atime=2026-01-01T00:00:00Z level=error msg=forged%0d%1b[2J%1b]0;title%07%c2%9b31m%e2%80%ae"
                .split(separator: " ").joined(separator: "%20")
            for target in [
                "/x\(forged)/config", "/team/data\(forged)", p2p.target("checkpresent") + "&key=FOO--\(forged)",
                p2p.target("put") + "&key=FOO--a&associatedfile=\(forged)",
                "/team/data/git-annex/\(forged)/v4/checkpresent?key=FOO--a&clientuuid=\(forged)",
                "/team/data/info/refs?service=\(forged)", "/\(forged)",
            ] {
                for method in ["GET", "POST", "FORGED"] {
                    let request =
                        "\(method) \(target) HTTP/1.1\r\nHost: h\r\nUser-Agent: \u{1B}[2Jforged\r\n"
                        + "Content-Length: 0\r\n\r\n"
                    _ = try answers(request.replacing("\u{1B}", with: "\u{9B}"), port: host.port)
                }
            }
            _ = try answers(
                "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic dXNlcjpodW50ZXIy\r\n\r\n", port: host.port)
            #expect(eventually { host.log.utf8.count(where: { $0 == 10 }) >= 15 })
            try host.stop()
            let lines = host.log.split(separator: "\n")
            #expect(
                lines.allSatisfy {
                    $0.hasPrefix("time=") && !$0.contains(" msg=forged") && !$0.hasPrefix("time=2026-01-01")
                })
            #expect(
                host.log.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 32 && !(0x7F...0x9F).contains($0.value) }
            )
            #expect(!host.log.unicodeScalars.contains("\u{202E}"))
            #expect(!host.log.contains("hunter2") && !host.log.contains("dXNlcjpodW50ZXIy"))
            try host.restart()
        }
    }

    @Test("names and keys cannot drive the terminal of an operator who lists them, nor forge lines of the list")
    func commands() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            let key = "URL--a\u{1B}[2J\u{1B}]0;title\u{7}\u{9B}31m\u{202E}gpj"
            #expect(try p2p.put(key, Array("abc".utf8)).bool("stored") == true)
            _ = try #require(try p2p.lock(key))
            let odd = try host.create("odd\u{9B}31m\u{202E}gpj")
            try odd.setConfig("annex.uuid", "\u{1B}[2Jodd\nteam/data: healthy")

            let root = ["--root", host.root]
            var outputs: [String] = []
            for arguments in [
                ["locks", "list"], ["locks", "break", "team/data", key], ["locks", "list", "--json"], ["repo", "list"],
                ["repo", "list", "--json"], ["repo", "show", odd.path], ["doctor"], ["doctor", "--json"],
            ] {
                let result = try Command([try Tools.annexd()] + arguments + root, timeout: 60).run()
                #expect(!result.timedOut && result.status != 64, "\(result.transcript)")
                let shown = result.text + result.errorText
                #expect(
                    shown.unicodeScalars.allSatisfy {
                        $0 == "\n" || $0.value >= 32 && !(0x7F...0x9F).contains($0.value) && $0 != "\u{202E}"
                    }, "\(arguments): \(shown.debugDescription)")
                #expect(!shown.contains("\nteam/data: healthy"), "\(arguments)")
                outputs.append(shown)
            }
            #expect(outputs[0].contains("team/data URL--a\\u001b[2J") && outputs[1].contains("--force"), "\(outputs)")
            let escaped = "URL--a\\u001b[2J\\u001b]0;title\\u0007\\u009b31m\\u202egpj"
            #expect(outputs[2].contains("\"key\":\"\(escaped)\""), "\(outputs[2])")
            #expect(outputs[6].contains("bad-uuid"), "\(outputs[6])")
        }
    }

    @Test("a NUL or a control character in a request line or field is refused, and in a name means nothing")
    func controlCharacters() throws {
        try withRepository { repository, p2p, _ in
            for (request, status) in [
                ("GET /team/data\u{0}/config HTTP/1.1\r\nHost: h\r\n\r\n", 400),
                ("GET /team/data/config\u{0B} HTTP/1.1\r\nHost: h\r\n\r\n", 400),
                ("GET\t/team/data/config\tHTTP/1.1\r\nHost: h\r\n\r\n", 400),
                ("GET /team/data/config HTTP/1.1\u{0}\r\nHost: h\r\n\r\n", 400),
                ("G\u{0}T /team/data/config HTTP/1.1\r\nHost: h\r\n\r\n", 400),
                ("GET /team/data/config HTTP/1.1\r\nHost: h\u{0}\r\n\r\n", 400),
                ("GET /team/data/config HTTP/1.1\r\nHost: h\r\nX\u{1}: y\r\n\r\n", 400),
                ("GET /team/data/config HTTP/1.1\r\nHost: h\r\nX: \u{8}y\r\n\r\n", 400),
                ("GET /team/data%00/config HTTP/1.1\r\nHost: h\r\n\r\n", 404),
                ("GET /team/data%0a/config HTTP/1.1\r\nHost: h\r\n\r\n", 404),
                ("GET /team%ff/data/config HTTP/1.1\r\nHost: h\r\n\r\n", 404),
                ("GET /team/data%/config HTTP/1.1\r\nHost: h\r\n\r\n", 404),
                ("POST \(p2p.target("put"))&key=FOO--a%00b HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 400),
                ("POST \(p2p.target("put"))&key=FOO--a%0ab HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 400),
            ] {
                let statuses = try answers(request, port: repository.host.port).map(\.status)
                #expect(statuses == [status], "\(request.debugDescription)")
            }
        }
    }
}
