// Moving house, and publishing: a mirror of a whole repository, again and again, from a mirror clone and from an
// ordinary one, and a branch made by `git annex filter-branch`. What is refused is told in a sentence each, with what
// to do; the way in docs/clients.md ends with 0 every time; and no mirror takes away what the host knows.

import TestKit
import Testing

@Suite struct MirrorTests {
    /// The commands of docs/clients.md.
    private func mirror(_ tree: WorkTree, to url: String) throws {
        try tree.git(
            "push", "-q", url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", "^refs/heads/git-annex",
            "^refs/heads/synced/git-annex")
        try tree.git("push", "-q", url, "+git-annex:synced/git-annex")
    }

    private func filled(_ host: AnnexdHost, _ alice: StockClient) throws -> (served: HostedRepository, tree: WorkTree) {
        let served = host.hosted("team/old")
        let tree = try alice.newRepository("work")
        try tree.write("a", "hello\n")
        try tree.add("a")
        try tree.git("remote", "add", "origin", served.url)
        try tree.annex("push")
        return (served, tree)
    }

    /// The reasons that a push gave, one for each refused ref.
    private func refusals(_ push: CommandResult) -> [String] {
        push.errorText.split(separator: "\n").map(String.init).filter { $0.contains("remote: annexd: ") }
    }

    private func tip(_ served: HostedRepository, _ ref: String) throws -> String {
        try Command(["git", "rev-parse", ref], directory: served.directory).check().trimmed
    }

    @Test(
        "a mirror clone, mirrored again and again: by --mirror with one sentence at most, and as documented with none")
    func mirrorClone() throws {
        try withHost { host, alice in
            let (old, tree) = try filled(host, alice)
            let mirror = try alice.clone(old.url, as: "mirror", ["--mirror"])
            let (one, two) = (host.hosted("team/one"), host.hosted("team/two"))
            for round in 0..<3 {
                try tree.write("b\(round)", "more \(round)\n")
                try tree.add("b\(round)")
                try tree.annex("push")
                if round == 1 { try tree.git("push", "-q", "origin", "main:topic") }
                if round == 2 { try tree.git("push", "-q", "origin", ":topic") }
                try mirror.git("fetch", "-q", "--prune")
                let push = try mirror.attempt("git", "push", "--mirror", one.url)
                let said = refusals(push)
                // The host has said something of its own since, so that the branch is no fast-forward.
                #expect(round == 0 ? push.status == 0 : said.count <= 1, "\(push.transcript)")
                #expect(said.allSatisfy { $0.contains("synced/git-annex is merged line by line") }, "\(said)")
                #expect(try tip(one, "main") == tree.git("rev-parse", "main").trimmed)
                try self.mirror(mirror, to: two.url)
                #expect(try tip(two, "main") == tree.git("rev-parse", "main").trimmed)
            }
            // What the sentence says is what helps.
            try mirror.git("push", "-q", one.url, "+git-annex:synced/git-annex")
            let key = try tree.key("b2")
            for served in [one, two] {
                let log = try served.tree(alice).committedLog(key)
                #expect(try log?.contains(" 1 \(old.uuid())") == true, "\(log ?? "none")")
                #expect(try served.tree(alice).git("show", "git-annex:uuid.log").text.contains(served.uuid()))
            }
            #expect(try !Command(["git", "for-each-ref"], directory: one.directory).check().text.contains("topic"))
        }
    }

    @Test("an ordinary clone, mirrored: what belongs to the clone is named as such, and all the rest is taken")
    func ordinaryClone() throws {
        try withHost { host, alice in
            let (old, tree) = try filled(host, alice)
            let clone = try alice.annexClone(old.url, as: "clone")
            // Makes refs/annex/last-index.
            try clone.annex("get", "a")
            try clone.annex("unlock", "a")
            try clone.git("status")
            let new = host.hosted("team/new")
            for _ in 0..<2 {
                let push = try clone.attempt("git", "push", "--mirror", new.url)
                let rejected = push.errorText.split(separator: "\n").filter { $0.contains("[remote rejected]") }
                let said = refusals(push)
                #expect(said.count == rejected.count && push.status == (said.isEmpty ? 0 : 1), "\(push.transcript)")
                #expect(
                    said.allSatisfy {
                        $0.contains("need not be pushed") || $0.contains("synced/git-annex is merged line by line")
                    }, "\(push.transcript)")
            }
            #expect(try tip(new, "main") == tree.git("rev-parse", "main").trimmed)
            try mirror(clone, to: new.url)
            try mirror(clone, to: new.url)
            let log = try new.tree(alice).committedLog(tree.key("a"))
            #expect(try log?.contains(" 1 \(clone.uuid())") == true, "\(log ?? "none")")
        }
    }

    @Test("a repository without an annex, mirrored onto one with: the git-annex branch stays")
    func noAnnex() throws {
        try withHost { host, alice in
            let (old, tree) = try filled(host, alice)
            let plain = try alice.newRepository("plain", annex: false)
            try plain.git("commit", "-q", "--allow-empty", "-m", "plain")
            let push = try plain.attempt("git", "push", "--mirror", old.url)
            #expect(push.status != 0 && push.errorText.contains("cannot be deleted"), "\(push.transcript)")
            #expect(try tip(old, "main") == plain.git("rev-parse", "main").trimmed)
            #expect(try old.tree(alice).committedLog(tree.key("a"))?.contains(old.uuid()) == true)
            #expect(try old.p2p().checkPresent(tree.key("a")) == true)
        }
    }

    @Test("a filtered branch is published again and again, without what was left out, and refusals name how")
    func filtered() throws {
        try withHost { host, alice in
            let tree = try alice.newRepository("work")
            let other = "11111111-1111-4111-8111-111111111111"
            let publish = { () throws -> String in
                try tree.annex(
                    "filter-branch", "--all", "--include-all-key-information", "--exclude-key-information-for=here",
                    "--include-all-repo-config", "--exclude-repo-config-for=here", "--include-global-config"
                ).trimmed
            }
            let served = try host.create("team/public")
            for round in 0..<3 {
                try tree.write("f\(round)", "file \(round)\n")
                try tree.add("f\(round)")
                try tree.annex("setpresentkey", tree.key("f\(round)"), other, "1")
                let commit = try publish()
                try tree.git("push", "-q", served.url, "main", "+\(commit):refs/heads/synced/git-annex")
                let log = try served.tree(alice).committedLog(tree.key("f\(round)"))
                #expect(log?.contains(" 1 \(other)") == true, "\(log ?? "none")")
                for target in ["refs/heads/git-annex", "refs/heads/foo/git-annex"] {
                    let refused = try tree.attempt("git", "push", "--force", served.url, "\(commit):\(target)")
                    guard refused.status != 0 else { continue }
                    #expect(
                        refused.errorText.contains("synced/git-annex is merged line by line"), "\(refused.transcript)")
                }
            }
            let own = try tree.uuid()
            let found = try served.tree(alice).attempt("git", "grep", "-c", own, "git-annex")
            #expect(found.status == 1, "\(found.transcript)")
        }
    }
}
