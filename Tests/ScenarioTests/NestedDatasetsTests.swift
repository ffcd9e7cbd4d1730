// Nested datasets: DataLad, and git's own relative submodules, write `./sub`, which git makes into `…/super.git/sub`
// where the superdataset was cloned with `.git`. Both spellings of every level are one repository, for git, /config,
// annex content and push to create; and no spelling evades a right or makes a second repository.
// ANNEXD_TEST_DATASETS=300 makes as many nested datasets.

import Foundation
import TestKit
import Testing

@Suite struct NestedDatasetsTests {
    private var count: Int { ProcessInfo.processInfo.environment["ANNEXD_TEST_DATASETS"].flatMap(Int.init) ?? 30 }

    /// Records submodules at `./NAME`, each at this commit.
    private func nest(_ names: [String], at commit: String, in tree: WorkTree) throws {
        let modules = names.map { "[submodule \"\($0)\"]\n\tpath = \($0)\n\turl = ./\($0)\n" }.joined()
        try tree.write(".gitmodules", modules)
        let index = names.map { "160000 \(commit)\t\($0)\n" }.joined()
        try Command(
            ["git", "update-index", "--index-info"], environment: tree.client.environment, directory: tree.path,
            input: Array(index.utf8)
        ).check()
        try tree.git("add", ".gitmodules")
        try tree.git("commit", "-qm", "nest")
    }

    @Test(
        "hundreds of nested datasets, pushed by a script below either spelling, are cloned recursively from both",
        .timeLimit(.minutes(20)))
    func manyDatasets() throws {
        try withHost { host, alice in
            let leaf = try alice.newRepository("leaf", annex: false)
            try leaf.write("subject", "leaf\n")
            try leaf.git("add", ".")
            try leaf.git("commit", "-qm", "leaf")
            let leafCommit = try leaf.git("rev-parse", "HEAD").trimmed
            let subject = try alice.newRepository("subject", annex: false)
            try nest(["anat"], at: leafCommit, in: subject)
            let subjectCommit = try subject.git("rev-parse", "HEAD").trimmed
            let top = try alice.newRepository("top", annex: false)
            let names = (0..<count / 2).map { "sub-\($0)" }
            try nest(names, at: subjectCommit, in: top)

            // As people write such scripts: with the URL that they have, and the path behind it.
            let base = "\(host.baseURL)/lab/hcp"
            let script = """
                set -e
                git -C top push -q "$0.git" main
                i=0
                while [ $i -lt $1 ]; do
                    git -C subject push -q "$0.git/sub-$i" main
                    git -C leaf push -q "$0/sub-$i.git/anat.git" main
                    i=$((i + 1))
                done
                """
            try alice.command(["sh", "-c", script, base, "\(names.count)"], in: alice.scratch.path, timeout: 900)
                .check()
            let made = try Command(["find", host.root, "-name", "*.git", "-path", "*hcp*"]).check().lines
            #expect(made.count == 1 + 2 * names.count)
            #expect(made.allSatisfy { !$0.dropLast(4).contains(".git") }, "\(made.prefix(5))")

            for (name, url) in [("with", "\(base).git"), ("without", base)] {
                let clone = try alice.clone(url, as: name, ["--recurse-submodules", "-j2"])
                let found = try Command(["find", clone.path, "-name", "subject", "-type", "f"]).check().lines
                #expect(found.count == names.count, "\(url)")
            }
        }
    }

    @Test("an annex below a URL that ends in .git: config, content, push to create, all under one name")
    func annexBelowGit() throws {
        try withHost { host, alice in
            _ = try host.create("team/super")
            let tree = try alice.newRepository("work")
            try tree.write("a", "hello\n")
            try tree.add("a")
            try tree.git("remote", "add", "origin", "\(host.baseURL)/team/super.git/sub")
            try tree.annex("push")
            let served = host.hosted("team/super/sub")
            #expect(served.exists)
            #expect(!exists("\(host.root)/team/super.git/sub") && !exists("\(host.root)/team/super.git/sub.git"))
            #expect(try tree.config("remote.origin.annex-uuid") == served.uuid())
            #expect(try served.p2p().checkPresent(tree.key("a")) == true)
            // The advertised address is the canonical one.
            let config = try host.http.get("/team/super.git/sub.git/config").text
            #expect(config.contains("/team/super/sub\n"), "\(config)")
            let other = try alice.annexClone("\(host.baseURL)/team/super.git/sub.git", as: "other")
            try other.annex("get", "a")
            #expect(other.read("a") == tree.read("a"))
            let below = P2PCalls(port: host.port, prefix: "/team/super.git/sub.git", uuid: try served.uuid())
            #expect(try below.checkPresent(tree.key("a")) == true)
        }
    }

    /// Attack: one repository under a second name, where the first is taken, or lies within another one's folder.
    @Test("no spelling makes a second repository, or one inside another")
    func oneName() throws {
        try withHost { host, alice in
            let tree = try alice.newRepository("work", annex: false)
            try tree.git("commit", "-qm", "one", "--allow-empty")
            try tree.git("push", "-q", "\(host.baseURL)/a/b", "main")
            for spelling in ["a.git/b", "a.git/b.git", "a/b.git"] {
                let again = try tree.attempt("git", "push", "\(host.baseURL)/\(spelling)", "main")
                #expect(again.allText.contains("up-to-date"), "\(spelling): \(again.transcript)")
            }
            let search = ["find", host.root, "-name", "*.git", "-not", "-path", "*/.annexd/*"]
            #expect(try Command(search).check().lines == ["\(host.root)/a/b.git"])
            // A repository whose folder has no `.git` has nothing below it.
            try Command(["git", "init", "-q", "--bare", "\(host.root)/plain"]).check()
            for spelling in ["plain/x", "plain.git/x"] {
                #expect(try tree.attempt("git", "push", "\(host.baseURL)/\(spelling)", "main").status != 0)
            }
            for spelling in ["a.git.git/b", "a/.git", "a/b/.git", "a.git/../b"] {
                #expect(
                    try host.http.get("/\(spelling)/info/refs?service=git-receive-pack").status == 404, "\(spelling)")
            }
            // A folder of that name on the disk is not a way around either.
            try Command(["git", "init", "-q", "--bare", "\(host.root)/c.git.d/e.git"]).check()
            try Command(["git", "init", "-q", "--bare", "\(host.root)/c.git/e.git"]).check()
            #expect(try host.http.get("/c.git/e/info/refs").status == 404)
            #expect(try host.http.get("/c/e/info/refs").status == 404)
            let listed = try host.repo("list").lines
            #expect(!listed.contains { $0.hasPrefix("c/e ") || $0.hasPrefix("c.git/e") }, "\(listed)")
        }
    }
}
