// Attack: somebody with the right to append rewinds, deletes or replaces refs: by a push that git reads differently
// than annexd does, by force, or by refs that mean something to git itself. Each is refused with a reason that the
// pusher sees, and what the stock client does with the same right goes on working.

import Foundation
import TestKit
import Testing

@Suite struct GuardedRefsTests {
    private let zero = String(repeating: "0", count: 40)

    private func packet(_ text: String) -> String {
        let length = String(text.utf8.count + 4, radix: 16)
        return String(repeating: "0", count: 4 - length.count) + length + text
    }

    private func withAppender(_ body: (HostedRepository, P2PCalls, WorkTree) throws -> Void) throws {
        try withRepository(.init(anonymous: "append")) { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("a", "one\n")
            try tree.add("a")
            try tree.annex("push")
            try body(repository, p2p, tree)
        }
    }

    private func refs(_ repository: HostedRepository) throws -> [String] {
        let command = ["git", "for-each-ref", "--format=%(objectname) %(refname)"]
        return try Command(command, directory: repository.directory).check().lines
    }

    @Test(
        "a push certificate, cut so that no packet has the whole name of the ref, is refused",
        arguments: [
            ("refs/heads/git-", "annex"), ("refs/ann", "exd/x"), ("refs/tags/git-", "annex"), ("refs/re", "place/x"),
        ])
    func certificate(first: String, second: String) throws {
        try withAppender { repository, _, tree in
            let tip = try repository.tree(tree.client).git("rev-parse", "git-annex").trimmed
            let before = try refs(repository)
            let isBranch = first.hasPrefix("refs/heads")
            let body =
                packet("push-cert\0report-status") + packet("certificate version 0.1\npusher x\nnonce y\n\n")
                + packet("\(isBranch ? tip : zero) \(isBranch ? zero : tip) " + first) + packet(second + "\n")
                + packet("push-cert-end\n") + "0000"
            let reply = try repository.host.http.request(
                "POST", "/team/data/git-receive-pack",
                headers: [(name: "Content-Type", value: "application/x-git-receive-pack-request")],
                body: Array(body.utf8))
            #expect(reply.status == 400 && reply.reason.contains("push-cert"), "\(reply.status) \(reply.text)")
            #expect(try refs(repository) == before)
        }
    }

    @Test("force, deletion and changed tags take the right to write")
    func rewriting() throws {
        try withAppender { repository, _, tree in
            try tree.git("tag", "v1")
            try tree.git("push", "-q", "origin", "v1", "main:topic")
            let before = try refs(repository)
            let empty = try tree.git("commit-tree", "-m", "x", "4b825dc642cb6eb9a060e54bf8d69288fbee4904").trimmed
            for arguments in [["\(empty):main"], [":topic"], [":v1"], ["\(empty):refs/tags/v1"]] {
                let command = tree.client.command(["git", "push", "-f", "origin"] + arguments, in: tree.path)
                let result = try command.run()
                #expect(result.status != 0)
                #expect(
                    result.errorText.contains("remote: annexd: ") && result.errorText.contains("the right to write"),
                    "\(arguments) \(result.errorText)")
            }
            #expect(try refs(repository) == before)
        }
    }

    @Test("what means something to git itself cannot be pushed, and the stock program on the host loses nothing")
    func replacement() throws {
        try withAppender { repository, p2p, tree in
            let bare = repository.tree(tree.client)
            try tree.git("fetch", "-q")
            let tip = try tree.git("rev-parse", "origin/git-annex").trimmed
            let empty = try tree.git("commit-tree", "-m", "x", "4b825dc642cb6eb9a060e54bf8d69288fbee4904").trimmed
            let result = try tree.attempt("git", "push", "origin", "\(empty):refs/replace/\(tip)", "main:other")
            #expect(result.status != 0)
            #expect(result.errorText.contains("only refs below refs/heads, refs/tags"), "\(result.errorText)")
            #expect(try refs(repository).contains { $0.hasSuffix("refs/heads/other") }, "other refs are not affected")
            try bare.annex("describe", "here", "renamed")
            #expect(try bare.committedLog(tree.key("a"))?.contains("1 \(p2p.uuid)") == true)
        }
    }

    @Test("two stock clients with the right to append sync, push and merge as ever")
    func stockClients() throws {
        try withAppender { repository, p2p, first in
            let second = try first.client.annexClone(repository.url, as: "second")
            for round in 0..<3 {
                for (tree, name) in [(first, "first"), (second, "second")] {
                    try tree.write("\(name)\(round)", "\(name) \(round)\n")
                    try tree.add("\(name)\(round)")
                }
                for tree in [first, second, first] {
                    let sync = try tree.attempt("git", "annex", "sync", "--content")
                    #expect(sync.status == 0 && !sync.allText.contains("is refused"), "\(sync.allText)")
                }
            }
            #expect(try p2p.checkPresent(first.key("second2")) == true)
            #expect(first.read("second2") == Array("second 2\n".utf8))
            // The client overwrites synced/git-annex with whatever it has.
            try second.annex("setpresentkey", "FOO--x", "11111111-1111-4111-8111-111111111111", "1")
            try second.annex("merge")
            let older = try second.git("rev-parse", "git-annex~1").trimmed
            try second.git("push", "-q", "origin", "+\(older):synced/git-annex")
            try second.git("push", "-q", "origin", "+git-annex:synced/git-annex")
            #expect(try repository.tree(first.client).committedLog("FOO--x") != nil)
        }
    }

    /// A name belongs to whoever comes first, and so do those below and above it: git keeps refs as files in folders.
    @Test("a branch that stands in the way of another is named to who pushes, and who may write takes it away")
    func inTheWay() throws {
        try withAppender { repository, _, tree in
            try tree.git("push", "-q", "origin", "main:later/x", "main:early")
            for (name, other) in [("later", "later/x"), ("early/x", "early")] {
                let result = try tree.attempt("git", "push", "origin", "main:\(name)")
                #expect(result.status != 0 && result.errorText.contains("refs/heads/\(other)"), "\(result.errorText)")
            }
            // The branches that git-annex itself needs cannot be blocked.
            for name in ["git-annex/x", "synced", "synced/git-annex/x"] {
                let result = try tree.attempt("git", "push", "origin", "main:refs/heads/\(name)")
                #expect(result.status != 0 && result.errorText.contains("stand in the way"), "\(result.errorText)")
            }
            try repository.host.stop()
            // The same root, for people who may write.
            let writer = try AnnexdHost(in: repository.host.scratch, .init(anonymous: "write"))
            #expect(writer.root == repository.host.root)
            try tree.git("remote", "set-url", "origin", writer.hosted(repository.path).url)
            try tree.git("push", "-q", "origin", ":later/x")
            try tree.git("push", "-q", "origin", "main:later")
            try writer.stop()
            try repository.host.restart()
        }
    }

    /// `receive.certNonceSeed` in an imported repository's configuration has git offer what we refuse.
    @Test("signed pushes are not offered, whatever the configuration says, so that a client says so before it pushes")
    func notOffered() throws {
        try withAppender { repository, _, tree in
            try repository.setConfig("receive.certNonceSeed", "seed")
            let refs = try repository.host.http.get("/\(repository.path)/info/refs?service=git-receive-pack").text
            #expect(refs.contains("report-status") && !refs.contains("push-cert"), "\(refs)")
            let signed = try tree.attempt("git", "push", "--signed", "origin", "main:signed")
            #expect(signed.status != 0 && signed.errorText.contains("does not support --signed"), "\(signed.errorText)")
            try tree.git("push", "-q", "--signed=if-asked", "origin", "main:unsigned")
        }
    }

    @Test("with the right to write history is rewritten")
    func writers() throws {
        try withRepository { repository, _, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("a", "one\n")
            try tree.add("a")
            try tree.git("push", "-q", "origin", "main", "main:topic", "main:refs/tags/v1")
            try tree.git("commit", "-q", "--amend", "-m", "other")
            try tree.git("push", "-q", "-f", "origin", "main", "main:refs/tags/v1", ":topic")
            let tip = try tree.git("rev-parse", "main").trimmed
            let there = try refs(repository)
            #expect(there.contains("\(tip) refs/heads/main") && there.contains("\(tip) refs/tags/v1"))
            #expect(!there.contains { $0.hasSuffix("topic") })
        }
    }

    /// Without them git would accept what they refuse, and say nothing.
    @Test("hooks that somebody takes away while the host runs are there again for the next push")
    func hooks() throws {
        try withAppender { repository, _, tree in
            try tree.git("push", "-q", "origin", "main:topic")
            try Command(["rm", "-r", "\(repository.host.root)/.annexd/hooks"]).check()
            let result = try tree.attempt("git", "push", "origin", ":topic")
            #expect(result.status != 0 && result.errorText.contains("the right to write"), "\(result.errorText)")
        }
    }
}
