// What the commands for repositories tell people and scripts: URLs and UUIDs, one JSON document each, reasons for names
// that are refused, what an import does to its source, and how the trash is emptied.

import Foundation
import TestKit
import Testing

@Suite struct ManagementCommandTests {
    private func json(_ bytes: [UInt8]) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
    }

    private func isTime(_ value: Any?) -> Bool {
        (value as? String)?.wholeMatch(of: /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil
    }

    @Test("create tells the URL at which the running server has the repository")
    func url() throws {
        try withHost { host, alice in
            let created = try host.repo("create", "team/my data")
            let url = "\(host.baseURL)/team/my%20data"
            #expect(created.status == 0 && created.text.contains(url), "\(created.transcript)")
            _ = try alice.annexClone(url, as: "clone")
            // Without a server it is where one would listen with these settings.
            try host.stop()
            let file = host.scratch.child("annexd.toml")
            try write(file, "[server]\npublic_url = \"https://annex.example.org/\"\n")
            let later = try host.repo("create", "--json", "--config", file, "later")
            #expect(later.text.contains("\"url\":\"https://annex.example.org/later\""), "\(later.transcript)")
            try host.restart()
        }
    }

    @Test("--json is one document: an object for one name, an array for several, and errors as JSON on standard error")
    func oneDocument() throws {
        try withHost { host, _ in
            let created = try #require(json(host.repo("create", "--json", "a", "b").output) as? [[String: Any]])
            #expect(created.compactMap { $0["path"] as? String } == ["a", "b"])
            #expect(try json(host.repo("show", "--json", "a", "b").output) is [Any])
            #expect(try json(host.repo("show", "--json", "a").output) is [String: Any])
            let proxies = try json(host.annexd("proxy", "list", "--json", "--root", host.root).output) as? [Any]
            #expect(proxies?.isEmpty == true)

            // What was done before a failure is told as well.
            let half = try host.repo("create", "--json", "c", "a", "d")
            #expect(half.status == 1)
            let done = try json(half.output) as? [[String: Any]]
            #expect(done?.compactMap { $0["path"] as? String } == ["c"])
            let failure = try #require(json(half.errors) as? [String: Any])
            #expect(failure["error"] as? String == "\"a\" exists already")
            let wrong = try host.repo("create", "--json", ".hidden")
            let told = try json(wrong.errors) as? [String: Any]
            #expect(wrong.status == 64 && told?["error"] is String, "\(wrong.transcript)")

            #expect(try host.repo("delete", "--json", "a", "b").status == 0)
            let trash = try #require(json(host.repo("list", "--deleted", "--json").output) as? [[String: Any]])
            #expect(trash.count == 2 && trash.allSatisfy { isTime($0["deleted"]) && ($0["bytes"] as? Int ?? 0) > 0 })
        }
    }

    @Test(
        "a name is refused with the reason, and a URL or a path of the machine is no name",
        arguments: [
            (".hidden", "begins with a dot"), ("a/../evil", "begins with a dot"), ("-", "the host's own"),
            ("a\\b", "backslash"), ("http://127.0.0.1:9417/foo", "this is a URL"), ("/abs", "path of the machine"),
            ("", "team/data"), (String(repeating: "x", count: 201), "longer than 200 bytes"),
        ])
    func refusedNames(name: String, reason: String) throws {
        try ScratchDirectory.with { scratch in
            let root = try scratch.makeDirectory("root")
            let result = try Command([try Tools.annexd(), "repo", "create", "--root", root, "--", name]).run()
            #expect(result.status == 64 && result.errorText.contains(reason), "\(result.transcript)")
            #expect(try Command(["ls", "-A", root]).check().text.isEmpty)
        }
    }

    @Test("a key that is none is refused in words, with the right usage")
    func refusedKey() throws {
        try ScratchDirectory.with { scratch in
            let root = try scratch.makeDirectory("root")
            let result = try Command([try Tools.annexd(), "locks", "break", "--root", root, "team/data", "nokey"]).run()
            #expect(result.status == 64 && result.errorText.contains("it is no key of git-annex"))
            #expect(result.errorText.contains("Usage: annexd locks break"), "\(result.errorText)")
        }
    }

    @Test("import copies unless it is told to move, tells the UUID, and warns where it is there already")
    func importing() throws {
        try withHost { host, alice in
            let source = try alice.newRepository("source")
            let uuid = try #require(try source.config("annex.uuid"))
            let copied = try host.repo("import", source.path, "one")
            #expect(copied.status == 0 && copied.text.contains(uuid), "\(copied.transcript)")
            #expect(copied.errorText.contains("use only one of the two") && exists("\(source.path)/.git"))

            let moved = try host.repo("import", "--json", "--move", source.path, "two")
            #expect(moved.status == 0 && !exists(source.path), "\(moved.transcript)")
            let told = try #require(json(moved.output) as? [String: Any])
            #expect(told["uuid"] as? String == uuid && told["moved"] as? Bool == true)
            #expect(told["sameUUID"] as? [String] == ["one"] && moved.errorText.contains("warning"))

            let plain = host.scratch.child("plain.git")
            try Command(["git", "init", "-q", "--bare", plain]).check()
            let git = try host.repo("import", plain, "three")
            #expect(git.status == 0 && git.text.contains("(not an annex)"), "\(git.transcript)")
            #expect(git.errorText.contains("git annex push"))
        }
    }

    @Test("purge empties the trash by name, by age, or altogether, and only what it is told")
    func purging() throws {
        try withHost { host, _ in
            for name in ["a", "b", "c"] { _ = try host.create(name) }
            _ = try host.hosted("a").p2p().store([UInt8](repeating: 7, count: 300_000))
            #expect(try host.repo("delete", "a", "b").status == 0)
            #expect(try host.repo("purge").status == 64)
            #expect(try host.repo("purge", "--older-than", "1h").text.isEmpty)
            #expect(try host.repo("purge", "c").status == 1)
            let listed = try host.repo("list", "--deleted").lines
            #expect(listed.count == 2 && listed[0].hasPrefix("a, deleted 20") && listed[0].contains("kB"), "\(listed)")

            let planned = try host.repo("purge", "--dry-run", "--all")
            #expect(planned.lines.count == 2 && planned.text.contains("would remove b"), "\(planned.transcript)")
            let purged = try host.repo("purge", "a")
            #expect(purged.status == 0 && purged.text.contains("removed a"), "\(purged.transcript)")
            #expect(try host.repo("restore", "a").status == 1)
            #expect(try host.repo("restore", "b").status == 0)
            #expect(try host.repo("delete", "b").status == 0)
            let all = try #require(json(host.repo("purge", "--json", "--older-than", "0s").output) as? [[String: Any]])
            #expect(all.compactMap { $0["path"] as? String } == ["b"])
            let left = try Command(["find", "\(host.root)/.annexd", "-name", "HEAD"]).run()
            #expect(!left.text.contains("trash") && !left.text.contains("litter"), "\(left.text)")
            #expect(host.hosted("c").exists)
        }
    }

    @Test("a former name that another repository has by now is not shown")
    func formerNames() throws {
        try withHost { host, _ in
            _ = try host.create("old")
            for (from, to) in [("old", "new"), ("new", "old"), ("old", "new")] {
                #expect(try host.repo("rename", from, to).status == 0)
            }
            #expect(try host.repo("show", "new").text.contains("formerly: old\n"))
            _ = try host.create("old")
            #expect(try !host.repo("show", "new").text.contains("formerly"))
        }
    }
}
