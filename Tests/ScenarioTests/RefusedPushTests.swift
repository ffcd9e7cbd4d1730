// What a person reads whose push is refused by git itself, or cannot be received: what to do, and no setting of a
// server that people who push cannot reach.

import TestKit
import Testing

@Suite struct RefusedPushTests {
    private func refusal(_ push: CommandResult, _ expected: String) {
        #expect(push.status != 0)
        #expect(push.errorText.contains("annexd: ") && push.errorText.contains(expected), "\(push.transcript)")
        #expect(!push.errorText.contains("receive.") && !push.errorText.contains("HTTP 500"), "\(push.transcript)")
    }

    @Test("what an operator has set up in git is told as a rule of the repository") func operatorsRules() throws {
        try withRepository { repository, _, alice in
            let tree = try alice.clone(repository.url, as: "tree")
            try tree.git("commit", "-q", "--allow-empty", "-m", "one")
            try tree.git("commit", "-q", "--allow-empty", "-m", "two")
            try tree.git("push", "-q", "origin", "main", "main:gone")
            try repository.setConfig("receive.denyDeletes", "true")
            refusal(try tree.attempt("git", "push", "origin", ":gone"), "nothing is deleted from this repository")
            try repository.setConfig("receive.denyNonFastForwards", "true")
            refusal(
                try tree.attempt("git", "push", "origin", "+main~1:main"), "history is not rewritten in this repository"
            )
            try tree.git("push", "-q", "origin", "main:more")
        }
    }

    @Test("a shallow clone is told how to become whole") func shallow() throws {
        try withRepository { repository, _, alice in
            let origin = try alice.newRepository("origin", annex: false)
            for number in 0..<3 { try origin.git("commit", "-q", "--allow-empty", "-m", "\(number)") }
            let tree = try alice.clone("file://\(origin.path)", as: "tree", ["--depth", "1"])
            refusal(try tree.attempt("git", "push", repository.url, "main"), "git fetch --unshallow")
            try tree.git("fetch", "-q", "--unshallow")
            try tree.git("push", "-q", repository.url, "main")
        }
    }

    @Test("a push that is too large is told what to do with large files") func tooLarge() throws {
        var options = AnnexdHost.Options()
        options.environment["ANNEXD_LIMITS_PUSH_MEBIBYTES"] = "1"
        try withRepository(options) { repository, _, alice in
            let tree = try alice.clone(repository.url, as: "tree")
            try tree.write("large", seededBytes(3 << 20, seed: 1))
            try tree.git("add", "large")
            try tree.git("commit", "-qm", "large")
            refusal(try tree.attempt("git", "push", "origin", "main"), "git annex add")
        }
    }

    @Test("a name that is in the way of another one is told, and so is a branch that is checked out on the host")
    func inTheWay() throws {
        try withRepository { repository, _, alice in
            let tree = try alice.clone(repository.url, as: "tree")
            try tree.git("commit", "-q", "--allow-empty", "-m", "one")
            try tree.git("push", "-q", "origin", "main", "main:a")
            refusal(try tree.attempt("git", "push", "origin", "main:a/b"), "is in the way")
            try repository.tree(alice).git("worktree", "add", "-q", "\(repository.host.scratch.path)/checkout", "a")
            try tree.git("commit", "-q", "--allow-empty", "-m", "two")
            refusal(try tree.attempt("git", "push", "origin", "main:a"), "checked out in a work tree on the host")
        }
    }

    @Test("why a push cannot be received reaches the person, before it sends anything and afterwards")
    func hostTrouble() throws {
        try withRepository { repository, _, alice in
            let tree = try alice.clone(repository.url, as: "tree")
            try tree.git("commit", "-q", "--allow-empty", "-m", "one")
            let hook = "\(tree.path)/.git/hooks/pre-push"
            // Git follows includes, and cannot read this one.
            let breaks =
                "git config -f \(repository.directory)/config include.path broken; echo '[' >"
                + "\(repository.directory)/broken"
            try write(hook, "#!/bin/sh\n\(breaks)\n")
            try Command(["chmod", "+x", hook]).check()
            let late = try tree.attempt("git", "push", "origin", "main")
            #expect(late.status != 0 && late.errorText.contains("git failed on the host"), "\(late.transcript)")
            let early = try tree.attempt("git", "push", "origin", "main")
            #expect(early.status != 0 && early.errorText.contains("git failed on the host"), "\(early.transcript)")
            #expect(!(late.errorText + early.errorText).contains("The requested URL returned error"))
        }
    }
}
