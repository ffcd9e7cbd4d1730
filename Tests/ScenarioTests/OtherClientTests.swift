// Clients besides stock git and git-annex, as they are: DataLad, dulwich and jgit. `Tests/clients` fetches them; what
// could not be had is skipped. docs/clients.md tells what works.

import Foundation
import TestKit
import Testing

@Suite struct OtherClientTests {
    @discardableResult
    private func datalad(_ tree: WorkTree, _ arguments: String...) throws -> CommandResult {
        let program = try #require(Tools.client("datalad"))
        return try tree.client.command([program, "-l", "error"] + arguments, in: tree.path, timeout: 600).check()
    }

    /// A dataset with one in it, and one in that; each has a file.
    private func nested(_ alice: StockClient) throws -> [WorkTree] {
        let trees = ["super", "super/sub", "super/sub/leaf"].map {
            WorkTree(client: alice, path: alice.scratch.child($0))
        }
        try datalad(WorkTree(client: alice, path: alice.scratch.path), "create", "super")
        try datalad(trees[0], "create", "-d", ".", "sub")
        try datalad(trees[0], "create", "-d", ".", "sub/leaf")
        for (level, tree) in trees.enumerated() { try tree.write("file", seededBytes(20_000, seed: UInt64(level))) }
        try datalad(trees[0], "save", "-r")
        return trees
    }

    @Test(
        "docs/clients.md: `datalad push -r` makes three levels of new datasets and sends all content at the first try",
        .enabled(if: Tools.client("datalad") != nil))
    func newDatasets() throws {
        try withHost(.init(anonymous: "append")) { host, alice in
            let trees = try nested(alice)
            let served = ["super", "super/sub", "super/sub/leaf"].map { host.hosted("lab/\($0)") }
            for (tree, served) in zip(trees, served) {
                try datalad(tree, "siblings", "add", "--name", "host", "--url", "\(host.baseURL)/\(served.path)")
            }
            #expect(!exists("\(host.root)/lab"), "adding a sibling makes nothing")
            try datalad(trees[0], "push", "-r", "--to", "host")
            for (tree, served) in zip(trees, served) {
                #expect(served.exists)
                #expect(try served.p2p().checkPresent(tree.key("file")) == true, "\(served.path)")
            }
            try datalad(trees[0], "push", "-r", "--to", "host")

            let bob = try StockClient(in: host.scratch, name: "bob")
            let clone = WorkTree(client: bob, path: host.scratch.child("clone"))
            let here = WorkTree(client: bob, path: host.scratch.path)
            try datalad(here, "clone", "\(host.baseURL)/lab/super", "clone")
            try datalad(clone, "get", "-r", ".")
            for (level, place) in ["file", "sub/file", "sub/leaf/file"].enumerated() {
                #expect(clone.read(place) == seededBytes(20_000, seed: UInt64(level)), "\(place)")
            }
        }
    }

    @Test(
        "after a plain `git push` of the branch the first `datalad push` sends the content",
        .enabled(if: Tools.client("datalad") != nil))
    func pushedBefore() throws {
        try withHost { host, alice in
            let served = host.hosted("lab/data")
            try datalad(WorkTree(client: alice, path: alice.scratch.path), "create", "data")
            let tree = WorkTree(client: alice, path: alice.scratch.child("data"))
            try tree.write("file", "content\n")
            try datalad(tree, "save")
            try tree.git("remote", "add", "host", served.url)
            try tree.git("push", "-q", "host", "main")
            try datalad(tree, "push", "--to", "host")
            #expect(try served.p2p().checkPresent(tree.key("file")) == true)
        }
    }

    @Test("docs/clients.md: dulwich clones, pushes and creates", .enabled(if: Tools.client("dulwich") != nil))
    func dulwich() throws {
        try withHost { host, alice in
            let served = try host.create()
            let tree = try alice.newRepository("work", annex: false)
            try tree.write("a", "hello\n")
            try tree.git("add", "a")
            try tree.git("commit", "-qm", "a")
            try tree.git("push", "-q", served.url, "main")
            let script = """
                import os, sys
                from dulwich import porcelain
                base, who = sys.argv[1], b"bob <bob@example.org>"
                porcelain.clone(base + "/team/data.git", "clone")
                open("clone/b", "w").write("more")
                porcelain.add("clone", [os.path.abspath("clone/b")])
                porcelain.commit("clone", b"b", author=who, committer=who)
                porcelain.push("clone", base + "/team/data.git", b"HEAD:refs/heads/main")
                porcelain.push("clone", base + "/team/made.git", b"HEAD:refs/heads/main")
                """
            let program = try #require(Tools.client("dulwich"))
            try alice.command([program, "-c", script, host.baseURL], in: alice.scratch.path).check()
            for name in ["team/data", "team/made"] {
                #expect(try host.hosted(name).tree(alice).git("show", "main:b").text == "more", "\(name)")
            }
        }
    }

    @Test("docs/clients.md: jgit clones, pushes, creates and fetches", .enabled(if: Tools.client("jgit") != nil))
    func jgit() throws {
        try withHost { host, alice in
            let served = try host.create()
            let tree = try alice.newRepository("work", annex: false)
            try tree.git("commit", "-q", "--allow-empty", "-m", "a")
            try tree.git("push", "-q", served.url, "main")
            let program = try #require(Tools.client("jgit"))
            func jgit(_ arguments: String..., in directory: String) throws {
                try alice.command([program] + arguments, in: directory).check()
            }
            try jgit("clone", served.url, "clone", in: alice.scratch.path)
            let clone = WorkTree(client: alice, path: alice.scratch.child("clone"))
            try clone.write("b", "more")
            try jgit("add", "b", in: clone.path)
            try jgit("commit", "-m", "b", in: clone.path)
            for name in ["team/data", "team/made"] {
                try jgit("push", host.hosted(name).url, "HEAD:refs/heads/main", in: clone.path)
                #expect(try host.hosted(name).tree(alice).git("show", "main:b").text == "more", "\(name)")
            }
            try tree.git("push", "-q", served.url, "main:topic")
            try jgit("fetch", in: clone.path)
            #expect(try clone.git("rev-parse", "origin/topic").status == 0)
        }
    }
}
