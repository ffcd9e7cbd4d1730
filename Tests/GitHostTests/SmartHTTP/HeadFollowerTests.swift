import SystemPackage
import Testing

@testable import GitHost

/// HEAD was once left on the first branch of a push, which with `git push --all` is `adjusted/…`: its name sorts first.
@Suite struct HeadFollowerTests {
    private func command(_ branch: String, deletes: Bool = false) -> ReceivePackRequest.Command {
        let (zero, one) = (String(repeating: "0", count: 40), String(repeating: "1", count: 40))
        return ReceivePackRequest.Command(
            old: deletes ? one : zero, new: deletes ? zero : one, ref: Array("refs/heads/\(branch)".utf8))
    }

    private func best(_ all: [String], pushed: [String], current: String = "main") -> String? {
        func refs(_ names: [String]) -> [[UInt8]] { names.map { Array("refs/heads/\($0)".utf8) } }
        return HeadFollower.best(of: refs(all), preferring: refs(pushed), current: refs([current])[0])?.text
            .replacing("refs/heads/", with: "")
    }

    @Test(
        "the branch that people work on",
        arguments: [
            (["adjusted/master(unlocked)", "git-annex", "master"], "master"),
            (["adjusted/dev(unlocked)", "dev", "main"], "dev"),
            (["adjusted/a(b)(unlocked)", "a", "a(b)"], "a(b)"),
            (["annex/direct/master", "feature", "master"], "master"),
            (["feature", "main", "master"], "main"), (["feature", "trunk"], "feature"),
            (["views/x", "zoo"], "zoo"), (["adjusted/master(unlocked)", "git-annex"], "adjusted/master(unlocked)"),
        ])
    func choice(branches: [String], expected: String) {
        #expect(best(branches, pushed: branches) == expected)
    }

    @Test("what was pushed comes before what is there, and nothing is chosen from git-annex's own refs")
    func preference() {
        #expect(best(["old", "main", "topic"], pushed: ["topic"]) == "topic")
        #expect(best(["git-annex", "synced/main"], pushed: ["git-annex"]) == nil)
        #expect(best(["a", "main"], pushed: []) == "main")
    }

    @Test("HEAD leaves a derived branch as soon as there is a better one, and no other")
    func leaves() async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let commit = try await fixture.commit("1")
            func head() async throws -> String { try await fixture.run("symbolic-ref", "--short", "HEAD") }
            func push(_ branches: String...) async throws {
                for branch in branches { try await fixture.setRef("refs/heads/\(branch)", commit) }
                try await HeadFollower.follow(branches.map { command($0) }, in: fixture.git)
            }
            try await push("git-annex", "synced/master")
            #expect(try await head() == "main")
            try await push("adjusted/master(unlocked)", "views/x")
            #expect(try await head() == "adjusted/master(unlocked)")
            try await push("views/y")
            #expect(try await head() == "adjusted/master(unlocked)")
            try await push("master")
            #expect(try await head() == "master")
            try await push("main", "adjusted/main(unlocked)")
            #expect(try await head() == "master", "a branch that people work on stays the default")
        }
    }

    @Test("what deleting the default branch means is known before, and HEAD goes on afterwards")
    func deletion() async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let commit = try await fixture.commit("1")
            for branch in ["main", "git-annex", "synced/x"] { try await fixture.setRef("refs/heads/\(branch)", commit) }
            let deletes = [command("main", deletes: true)]
            let alone = try #require(try await HeadFollower.succession(deletes, in: fixture.git))
            #expect(alone.next == nil)
            #expect(alone.notice.contains("annexd repo set REPO default-branch=NAME"))
            #expect(try await HeadFollower.succession([command("git-annex", deletes: true)], in: fixture.git) == nil)
            // A mirror deletes and creates at once.
            let both = try await HeadFollower.succession(deletes + [command("trunk")], in: fixture.git)
            #expect(both?.next?.text == "refs/heads/trunk")
            try await fixture.setRef("refs/heads/other", commit)
            #expect(try await HeadFollower.succession(deletes, in: fixture.git)?.next?.text == "refs/heads/other")
            try await fixture.run("update-ref", "-d", "refs/heads/main")
            try await HeadFollower.follow(deletes, in: fixture.git)
            #expect(try await fixture.run("symbolic-ref", "HEAD") == "refs/heads/other")
        }
    }
}
