// Path traversal: somebody asks for, or stores something under, a name that leads out of the repository or of the root
// folder: with `..` in a URL, plain, encoded once or twice or in ways that some decoders take for dots; in a key, a
// client's UUID, a lock's id or a file name; or in the tree of a pushed git-annex branch. Nothing outside is ever read
// or written, and nothing of the host's own state or a repository's private files is served.

import Foundation
import TestKit
import Testing

@Suite struct AttacksOnPathsTests {
    private static let targets = [
        "/../secret.git/config", "/../secret.git/HEAD", "/%2e%2e/secret.git/config", "/%2E%2E/secret.git/HEAD",
        "/team/../../secret.git/config", "/team/%2e%2e/%2e%2e/secret.git/config", "/%252e%252e/secret.git/config",
        "/..%2fsecret.git/config", "/..%5csecret.git/config", "/team%2f..%2f..%2fsecret.git/config",
        "/..;/secret.git/config", "/.%00./secret.git/config", "/%c0%ae%c0%ae/secret.git/config",
        "/%e0%80%ae%e0%80%ae/secret.git/config", "/%u002e%u002e/secret.git/config",
        "/\u{FF0E}\u{FF0E}/secret.git/config",
        "//../secret.git/config", "/./../secret.git/config", "/team/data.git/../../../secret.git/HEAD",
        "http://h/../secret.git/config", "/%2fsecret.git/config", "/\\..\\secret.git\\config",
        // A repository's private files, and those of the host.
        "/team/data.git/objects/../config", "/team/data.git/objects/%2e%2e/config",
        "/team/data.git/objects/..%2fconfig",
        "/team/data.git/objects/pack/../../config", "/team/data.git/objects/pack/..%2f..%2fconfig",
        "/team/data.git/objects/info/../../config", "/team/data.git/objects/info/alternates",
        "/team/data.git/hooks/pre-receive", "/team/data.git/annex/index", "/team/data.git/packed-refs",
        "/team/data.git/objects/..", "/team/data.git/objects/%2e%2e", "/.annexd/tmp/x.git/config", "/.annexd/config",
        "/%2eannexd/config", "/team/data.git/.git/config", "/team/data.git/x/config",
    ]

    @Test("no spelling of a URL reads outside the root, the host's state or a repository's private files")
    func urls() throws {
        try withRepository { repository, _, alice in
            let host = repository.host
            // What an attacker is after: a repository beside the root, and something private inside.
            try Command(["git", "init", "-q", "--bare", host.scratch.child("secret.git")]).check()
            try Command(["git", "config", "-f", host.scratch.child("secret.git/config"), "x.token", "s3cr3t"]).check()
            try repository.setConfig("x.token", "s3cr3t")
            for target in Self.targets {
                let replies = try answers("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n", port: host.port)
                #expect(
                    replies.count == 1 && (400...404).contains(replies[0].status), "\(target) \(replies.map(\.status))")
                #expect(replies.allSatisfy { !$0.text.contains("s3cr3t") && !$0.text.contains("bare") }, "\(target)")
            }
        }
    }

    @Test("no push to a name that leads elsewhere creates anything")
    func pushes() throws {
        try withHost { host, _ in
            let before = try files(below: host.scratch.path).filter { !$0.hasPrefix("./root/.annexd/") }
            let zeros = String(repeating: "0", count: 40)
            let line = "\(zeros) \(String(repeating: "1", count: 40)) refs/heads/main\u{0} report-status"
            let length = String(line.utf8.count + 4, radix: 16)
            let body = String(repeating: "0", count: 4 - length.count) + length + line + "0000"
            for name in [
                "/../evil.git", "/%2e%2e/evil.git", "/a/%2e%2e/%2e%2e/evil.git", "/..%2fevil.git", "/.annexd/evil.git",
                "/%00evil.git", "/evil%0a.git", "/-/evil", "/a.git.git/evil.git", "/evil%5c..%5cx.git",
                "/" + String(repeating: "evil", count: 100) + ".git",
            ] {
                let request = """
                    POST \(name)/git-receive-pack HTTP/1.1\r
                    Host: h\r
                    Content-Type: application/x-git-receive-pack-request\r
                    Content-Length: \(body.utf8.count)\r
                    \r
                    \(body)
                    """
                let statuses = try answers(request, port: host.port).map(\.status)
                #expect(statuses.count == 1 && (400..<500).contains(statuses[0]), "\(name) \(statuses)")
            }
            #expect(try files(below: host.scratch.path).filter { !$0.hasPrefix("./root/.annexd/") } == before)
        }
    }

    @Test("keys, clients, locks and file names that are paths stay names")
    func names() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            let bytes = Array("x".utf8)
            let keys = [
                "X-s1--../../../../evil", "X-s1--/evil", "../evil--x", "X/../../evil-s1--a", "X-s1--evil\\..\\a",
                "_X-s1--evil",
            ]
            for key in keys {
                for client in ["../../evil", "/evil", "..", ".", "evil%00x"] {
                    var caller = p2p
                    caller.client = client
                    _ = try caller.put(key, bytes, file: "../../../evil")
                    _ = try caller.put(key, bytes, file: "/evil")
                    _ = try caller.call("lockcontent", [("key", key)])
                    _ = try caller.call("keeplocked", [("lockid", "../../evil")])
                    _ = try caller.call("remove", [("key", key)])
                }
            }
            // The journal would file the log of this key elsewhere, so its content is not taken.
            let misfiled = try p2p.put("_X-s1--unlogged", bytes)
            #expect(
                misfiled.status == 403 && misfiled.reason.contains("logged"), "\(misfiled.status) \(misfiled.reason)")
            #expect(try repository.object("_X-s1--unlogged") == nil)
            // A key's name holds no slash on disk, so everything of it lies where keys lie.
            let strange = try files(below: host.scratch.path).filter { $0.contains("evil") }
            let places = ["annex/objects/", "annex/tmp/", "annex/transfer/", "annex/journal/"].map {
                "./root/team/data.git/" + $0
            }
            #expect(strange.allSatisfy { path in places.contains { path.hasPrefix($0) } }, "\(strange)")
            #expect(!strange.contains { $0.hasSuffix("/evil") }, "\(strange)")
            #expect(host.isRunning)
        }
    }

    @Test("a pushed git-annex branch whose tree leads elsewhere neither gets there nor into the branch")
    func trees() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            let key = try p2p.store(Array("mine".utf8))
            try tree.git("fetch", "-q")
            let blob = try Command(
                ["git", "hash-object", "-w", "--stdin"], environment: alice.environment, directory: tree.path,
                input: Array("100s 1 evil\n".utf8)
            ).check().trimmed
            let binary = try hexadecimal(blob)
            /// A tree object with one entry, which git itself would refuse to make.
            func object(_ mode: String, _ name: String, _ id: [UInt8]) throws -> String {
                try Command(
                    ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
                    environment: alice.environment, directory: tree.path,
                    input: Array("\(mode) \(name)\u{0}".utf8) + id
                ).check().trimmed
            }
            let inner = try hexadecimal(try object("100644", "evil.log", binary))
            let parent = try tree.git("rev-parse", "origin/git-annex").trimmed
            let bare = repository.tree(alice)
            for (mode, name, id) in [
                ("40000", "..", inner), ("40000", ".", inner), ("40000", "", inner), ("40000", ".git", inner),
                ("40000", ".GIT", inner), ("100644", "../evil.log", binary), ("100644", "a/../evil.log", binary),
                ("100644", "/evil.log", binary), ("100644", "..", binary), ("100644", "a\n/../evil.log", binary),
                ("120000", "evil.log", binary), ("160000", "evil", binary),
            ] {
                let commit = try tree.git("commit-tree", try object(mode, name, id), "-p", parent, "-m", "evil").trimmed
                for ref in ["heads/git-annex", "heads/synced/git-annex", "synced/u/git-annex"] {
                    let push = try tree.attempt("git", "push", "-f", "origin", "\(commit):refs/\(ref)")
                    // What is only merged may be accepted: the merge leaves out what no branch may hold.
                    guard ref == "heads/git-annex" else { continue }
                    #expect(push.status != 0, "\(mode) \(name.debugDescription): \(push.transcript)")
                }
            }
            let names = try bare.git("ls-tree", "-r", "-t", "--name-only", "git-annex").text
            #expect(!names.contains("evil") && !names.contains(".."), "\(names)")
            // What the host knows is there still, and can be changed.
            #expect(try p2p.checkPresent(key) == true)
            _ = try p2p.store(Array("and more".utf8))
            #expect(try eventually { try repository.tree(alice).committedLog(key)?.contains("1 \(p2p.uuid)") == true })
            let strange = try files(below: repository.host.scratch.path).filter { $0.contains("evil") }
            #expect(strange == [], "\(strange)")
        }
    }

    private func hexadecimal(_ text: String) throws -> [UInt8] {
        let digits = Array(text)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(digits[$0...($0 + 1)]), radix: 16)
        }
    }
}
