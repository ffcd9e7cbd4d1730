// HEAD, which decides what a clone begins with: it is a branch that people work on whenever there is one, it can be
// changed from either side, and a repository in which there is nothing says that it is empty.

import TestKit
import Testing

@Suite struct DefaultBranchTests {
    private func head(_ served: HostedRepository) -> String? { text("\(served.directory)/HEAD") }

    @Test("a real adjusted branch is never the default when the branch it was made from is there, or comes")
    func adjusted() throws {
        try withHost { host, alice in
            let tree = try alice.newRepository("work")
            try tree.write("a", "hello\n")
            try tree.add("a")
            try tree.git("branch", "-m", "master")
            try tree.annex("adjust", "--unlock")
            let all = host.hosted("team/all")
            try tree.git("push", "-q", "--all", all.url)
            #expect(head(all) == "ref: refs/heads/master\n")
            #expect(try alice.clone(all.url, as: "clone").git("branch", "--show-current").trimmed == "master")

            let late = host.hosted("team/late")
            try tree.git("push", "-q", late.url, "adjusted/master(unlocked)")
            #expect(head(late) == "ref: refs/heads/adjusted/master(unlocked)\n")
            try tree.git("push", "-q", late.url, "git-annex", "master:annex/direct/master", "master:views/x")
            #expect(head(late) == "ref: refs/heads/adjusted/master(unlocked)\n")
            try tree.git("push", "-q", late.url, "master")
            #expect(head(late) == "ref: refs/heads/master\n")
        }
    }

    @Test("deleting the default branch makes another one the default, and says so; also in a mirror push")
    func renamed() throws {
        try withHost { host, alice in
            let tree = try alice.newRepository("work", annex: false)
            try tree.git("commit", "-qm", "one", "--allow-empty")
            try tree.git("branch", "-m", "master")
            let served = host.hosted("team/data")
            try tree.git("push", "-q", served.url, "master")

            let alone = try tree.attempt("git", "push", served.url, ":master")
            #expect(alone.status != 0)
            #expect(alone.errorText.contains("annexd repo set REPO default-branch=NAME"), "\(alone.transcript)")

            try tree.git("branch", "-m", "main")
            try tree.git("push", "-q", served.url, "main")
            let deletion = try tree.attempt("git", "push", served.url, ":master")
            #expect(deletion.status == 0)
            #expect(
                deletion.errorText.contains("remote: annexd: main becomes the default branch instead of master"),
                "\(deletion.transcript)")
            #expect(head(served) == "ref: refs/heads/main\n")
            #expect(try alice.clone(served.url, as: "clone").git("branch", "--show-current").trimmed == "main")

            try tree.git("branch", "-m", "trunk")
            let mirror = try tree.attempt("git", "push", "--mirror", served.url)
            #expect(mirror.status == 0, "\(mirror.transcript)")
            #expect(head(served) == "ref: refs/heads/trunk\n")
        }
    }

    @Test("`annexd repo set REPO default-branch=NAME`, with and without a server")
    func command() throws {
        try withHost { host, alice in
            let tree = try alice.newRepository("work", annex: false)
            try tree.git("commit", "-qm", "one", "--allow-empty")
            let served = host.hosted("team/data")
            try tree.git("push", "-q", served.url, "main", "main:other/branch")
            #expect(try host.repo("set", "team/data", "default-branch=other/branch").status == 0)
            #expect(head(served) == "ref: refs/heads/other/branch\n")
            for (value, word) in [
                ("default-branch=none", "has no branch"), ("default-branch=a..b", "cannot be the name"),
                ("default-branch=-x", "cannot be the name"), ("default-branch=git-annex", "has no branch"),
            ] {
                let refused = try host.repo("set", "team/data", value)
                #expect(refused.status != 0 && refused.errorText.contains(word), "\(refused.transcript)")
            }
            #expect(try host.repo("set", "team/data", "colour=red").status == 64)
            #expect(try host.repo("set", "team/none", "default-branch=main").status != 0)
            try host.stop()
            #expect(try host.repo("set", "team/data.git", "default-branch=main").status == 0)
            #expect(head(served) == "ref: refs/heads/main\n")
            try host.restart()
        }
    }

    @Test("a clone of a repository in which there is nothing says that it is empty", arguments: ["0", "2"])
    func empty(version: String) throws {
        try withHost { host, alice in
            let served = try host.create()
            // The host's own branch is committed by then.
            _ = try host.http.get("/team/data/info/refs")
            let clone = try alice.command(
                ["git", "-c", "protocol.version=\(version)", "clone", served.url, "clone"], in: alice.scratch.path
            ).check()
            #expect(clone.errorText.contains("You appear to have cloned an empty repository"), "\(clone.transcript)")
            #expect(!clone.errorText.contains("nonexistent ref"))

            let tree = WorkTree(client: alice, path: alice.scratch.child("clone"))
            try tree.annex("init", "first")
            try tree.write("a", "hello\n")
            try tree.add("a")
            try tree.annex("push")
            let other = try alice.annexClone(served.url, as: "other")
            try other.annex("get", "a")
            #expect(try other.whereis("a").contains(try served.uuid()))
        }
    }
}
