// Pushed git-annex branches: what clients know is merged into the served branch at once, as the stock client would
// merge it, and nothing else that calls itself git-annex gets in.

import TestKit
import Testing

@Suite struct PushedBranchTests {
    @Test("spec 02 #40: after a push of synced/git-annex a fetch of git-annex has the data")
    func syncedIsMerged() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            let key = try p2p.store(Array("server's own".utf8))
            try tree.annex("setpresentkey", "FOO--mine", "11111111-1111-4111-8111-111111111111", "1")
            try tree.annex("merge")
            try tree.git("push", "-q", "origin", "+git-annex:synced/git-annex")
            let bare = repository.tree(alice)
            #expect(try bare.committedLog("FOO--mine")?.contains("1 11111111") == true)
            #expect(try bare.committedLog(key)?.contains("1 \(p2p.uuid)") == true)
            try tree.git("fetch", "-q")
            let names = try tree.git("ls-tree", "-r", "--name-only", "origin/git-annex").text
            #expect(names.contains("FOO--mine.log") && names.contains("\(key).log"))
        }
    }

    @Test("spec 02 #41, #42: a fast-forward is taken as it is; what is none is refused without side effects")
    func fastForward() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            // A repository in which there is nothing shows no branch. After the first push there is one to be merged.
            try tree.git("push", "-q", "origin", "git-annex")
            try tree.annex("sync")
            let bare = repository.tree(alice)
            try tree.annex("setpresentkey", "FOO--one", "11111111-1111-4111-8111-111111111111", "1")
            try tree.annex("merge")
            try tree.git("push", "-q", "origin", "git-annex")
            #expect(try bare.git("rev-parse", "git-annex").trimmed == tree.git("rev-parse", "git-annex").trimmed)

            let key = try p2p.store(Array("moves the branch".utf8))
            #expect(try eventually { try bare.committedLog(key) != nil })
            let tip = try bare.git("rev-parse", "git-annex").trimmed
            try tree.annex("setpresentkey", "FOO--two", "11111111-1111-4111-8111-111111111111", "1")
            try tree.annex("merge")
            let refused = try tree.attempt("git", "push", "origin", "git-annex")
            #expect(refused.status != 0)
            #expect(try bare.git("rev-parse", "git-annex").trimmed == tip)
            let forced = try tree.attempt("git", "push", "--force", "origin", "git-annex")
            #expect(try bare.committedLog(key)?.contains("1 \(p2p.uuid)") == true, "forced: \(forced.errorText)")
            try tree.git("push", "-q", "origin", "+git-annex:synced/git-annex")
            #expect(try bare.committedLog("FOO--two") != nil)
        }
    }

    @Test("spec 02 #39: a push to a branch whose journal is not empty loses neither side")
    func dirtyJournal() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.annex("sync")
            let key = try Tools.sha256Key(Array("both".utf8))
            try tree.annex("setpresentkey", key, "22222222-2222-4222-8222-222222222222", "1")
            try tree.annex("merge")
            _ = try p2p.store(Array("both".utf8))
            try tree.git("push", "-q", "origin", "+git-annex:synced/git-annex")
            let log = try repository.tree(alice).committedLog(key) ?? ""
            #expect(log.contains("1 \(p2p.uuid)") && log.contains("1 22222222"), "\(log)")
            let whereis = try repository.tree(alice).annex("whereis", "--key", key).text
            #expect(whereis.contains(p2p.uuid) && whereis.contains("22222222"))
        }
    }

    @Test(
        "spec 02 #43: other refs that end in /git-annex are refused",
        arguments: [
            "refs/heads/x/git-annex", "refs/tags/git-annex", "refs/remotes/x/git-annex", "refs/tags/x/git-annex",
        ])
    func foreignRefs(ref: String) throws {
        try withRepository { repository, _, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            let push = try tree.attempt("git", "push", "origin", "git-annex:\(ref)")
            #expect(push.status != 0)
            #expect(try repository.tree(alice).git("for-each-ref", "--format=%(refname)").text.contains(ref) == false)
        }
    }
}
