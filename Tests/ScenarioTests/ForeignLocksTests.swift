// With annex.pidlock the stock program takes none of the locks that annexd takes, and an annex.version of the future
// may take others. A host that went on committing the journal and moving the branch would do so in the middle of what a
// stock command does: it would take away journal files that are just being replaced, and its commits would be
// overwritten.

import TestKit
import Testing

@Suite struct ForeignLocksTests {
    @Test(
        "journal and branch are left to the stock program; pushes wait for it in synced/git-annex",
        .timeLimit(.minutes(5)))
    func pidLock() throws {
        try withRepository { repository, p2p, alice in
            let bare = repository.tree(alice)
            let kept = try p2p.store(Array("stored before".utf8))
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("f", "some content")
            try tree.add("f")
            try tree.git("push", "-q", "origin", "HEAD:main", "git-annex")
            try repository.setConfig("annex.pidlock", "true")

            // A stock command has recorded something that it did not commit yet.
            let other = "33333333-3333-4333-8333-333333333333"
            try bare.annex("setpresentkey", kept, other, "1")
            let journal = try bare.attempt("ls", "annex/journal").text
            let tip = try bare.git("rev-parse", "git-annex").trimmed
            #expect(journal.contains(kept))

            try tree.git("fetch", "-q", "origin")
            try tree.annex("merge")
            try tree.annex("describe", "here", "a better name")
            let refused = try tree.attempt("git", "push", "origin", "git-annex")
            #expect(refused.status != 0 && refused.errorText.contains("synced/git-annex"), "\(refused.transcript)")
            try tree.git("push", "-q", "origin", "+git-annex:synced/git-annex", "HEAD:topic")
            #expect(try tree.attempt("git", "annex", "copy", "--to", "origin", "f").errorText.contains("read-only"))
            #expect(try p2p.get(kept).body == Array("stored before".utf8))
            #expect(try p2p.put(kept, Array("stored before".utf8)).bool("stored") == true, "it is here")
            #expect(try p2p.lock(kept) == nil)
            #expect(try bare.git("rev-parse", "git-annex").trimmed == tip)
            #expect(try bare.attempt("ls", "annex/journal").text == journal)

            // A restart is no reason to look after what is left.
            try repository.host.stop()
            try repository.host.restart()
            #expect(try p2p.checkPresent(kept) == true)
            #expect(try bare.attempt("ls", "annex/journal").text == journal)

            try bare.annex("merge")
            #expect(try bare.committedLog(kept)?.contains(other) == true)
            #expect(try bare.git("show", "git-annex:uuid.log").text.contains("a better name"))

            // From now on it is ours as well.
            try repository.setConfig("annex.pidlock", "false")
            let key = try p2p.store(Array("stored after".utf8))
            #expect(try eventually { try bare.committedLog(key) != nil })
            try tree.annex("copy", "--to", "origin", "f")
        }
    }
}
