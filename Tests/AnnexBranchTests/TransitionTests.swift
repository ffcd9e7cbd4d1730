import AnnexBranch
import AnnexProtocol
import Foundation
import Testing

@Suite struct TransitionTests {
    private static let synced = "refs/heads/synced/git-annex"
    private static let dead = "dddddddd-0000-4000-8000-000000000001"

    private func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .newlines) }

    private func tip(_ repository: TestRepository, _ ref: String = "git-annex") async throws -> String {
        try await trimmed(repository.git("rev-parse", ref))
    }

    private func subjects(_ repository: TestRepository) async throws -> [String] {
        try await repository.git("log", "--format=%s", "git-annex").split(separator: "\n").map(String.init)
    }

    private func ignored(_ repository: TestRepository) -> [String] {
        let content = try? String(contentsOfFile: repository.path + "/annex/ignoredrefs", encoding: .utf8)
        return (content ?? "").split(separator: "\n").map(String.init)
    }

    private func exists(_ repository: TestRepository, _ file: String) -> Bool {
        FileManager.default.fileExists(atPath: repository.path + "/annex/" + file)
    }

    /// A client that knows the server, with one key and a lost repository, and whose branch the server has.
    private func client(_ name: String, of repository: TestRepository) async throws -> String {
        let path = repository.root + "/" + name
        try await repository.git("clone", "-q", repository.path, path, in: repository.root)
        try await repository.git("config", "annex.uuid", "\(name)-uuid", in: path)
        try await repository.annex("init", "-q", name, in: path)
        return path
    }

    @Test("spec 02 #47: after forget --drop-dead on a client the branch is the new history with the local facts kept")
    func forgetOnClient() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            let (one, two) = (try await client("one", of: repository), try await client("two", of: repository))
            try await repository.annex("describe", "two", "second", in: two)
            try await repository.git("config", "user.name", "t", in: one)
            try await repository.git("remote", "add", "two", two, in: one)
            try await repository.git("fetch", "-q", "two", in: one)
            try await repository.annex("merge", "-q", in: one)
            for uuid in ["one-uuid", "two-uuid", "\(repository.uuid)"] {
                try await repository.annex("setpresentkey", "\(key(1))", uuid, "1", in: one)
            }
            try await repository.annex("setpresentkey", "\(key(2))", "two-uuid", "1", in: one)
            try await repository.annex("merge", "-q", in: one)
            let old = try await tip(repository)
            try await repository.git("push", "-q", "origin", "+git-annex:synced/git-annex", in: one)
            #expect(try await branch.mergePushed().fastForwarded == [Self.synced])
            #expect(try await repository.log(key(2)).contains("two-uuid"))
            // Makes the stock program's index here, which must not bring anything back later.
            try await repository.annex("whereis", "--key", "\(key(1))")
            try await branch.recordLocation(of: key(3), in: repository.uuid, present: true)
            try await branch.flush()
            let before = try await tip(repository)

            try await repository.annex("dead", "two-uuid", in: one)
            try await repository.annex("forget", "--drop-dead", "--force", in: one)
            try await repository.git("push", "-q", "origin", "+git-annex:synced/git-annex", in: one)
            try await branch.recordLocation(of: key(4), in: repository.uuid, present: true)
            let report = try await branch.mergePushed()
            #expect(report.transitioned == [Self.synced] && report.unmerged.isEmpty)
            #expect(
                try await subjects(repository)[0]
                    == "continuing transition forget git history, forget dead remotes")
            #expect(
                try await repository.git("log", "-1", "--format=%P", "git-annex")
                    == repository.git("rev-parse", Self.synced))
            #expect(try await repository.gitStatus("merge-base", "--is-ancestor", old, "git-annex") != 0)
            #expect(try await repository.log(key(3)).contains("\(repository.uuid)"))
            #expect(try await repository.log(key(4)).contains("\(repository.uuid)"))
            #expect(try await !repository.log(key(1)).contains("two-uuid"))
            #expect(try await repository.gitStatus("show", "git-annex:" + path(key(2))) != 0)
            #expect(try await !repository.show("uuid.log").contains("two-uuid"))
            #expect(try await repository.show("trust.log").contains("two-uuid X"))
            let flushed = try #require(ignored(repository).first)
            #expect(ignored(repository).count == 1 && flushed != before)
            #expect(try await trimmed(repository.git("rev-parse", "\(flushed)~1")) == before)
            #expect(!exists(repository, "index") && !exists(repository, "index.lck"))
            #expect(try await repository.gitStatus("rev-parse", "--verify", "refs/annexd/detached") != 0)
            #expect(try await repository.git("fsck", "--no-dangling", "--no-reflogs") == "")
            #expect(try await branch.mergePushed() == MergeReport())

            // The stock program on the server agrees, and brings nothing back.
            let settled = try await tip(repository)
            try await repository.annex("merge", "-q")
            #expect(try await repository.annex("whereis", "--key", "\(key(3))").contains("server"))
            #expect(try await tip(repository) == settled)
            try await repository.annex("setpresentkey", "\(key(5))", "\(repository.uuid)", "1")
            try await repository.annex("merge", "-q")
            #expect(try await repository.gitStatus("show", "git-annex:" + path(key(2))) != 0)

            // The client that forgot goes on from the server's branch.
            try await repository.git("fetch", "-q", "origin", in: one)
            try await repository.annex("merge", "-q", in: one)
            let goal = try await tip(repository)
            #expect(try await repository.gitStatus("merge-base", "--is-ancestor", goal, "git-annex", in: one) == 0)

            // Another client, still with the old history, pushes news; only the news arrives.
            try await repository.annex("setpresentkey", "\(key(6))", "two-uuid", "1", in: two)
            try await repository.annex("setpresentkey", "\(key(6))", "one-uuid", "1", in: two)
            try await repository.annex("merge", "-q", in: two)
            #expect(try await repository.gitStatus("push", "-q", "origin", "git-annex", in: two) != 0)
            try await repository.git("push", "-q", "origin", "+git-annex:synced/git-annex", in: two)
            let late = try await tip(repository, Self.synced)
            #expect(try await branch.mergePushed().transitioned == [Self.synced])
            let line = try await repository.log(key(6))
            #expect(line.contains("one-uuid") && !line.contains("two-uuid"))
            #expect(ignored(repository).last == late)
            #expect(try await repository.gitStatus("merge-base", "--is-ancestor", late, "git-annex") != 0)
            #expect(try await branch.mergePushed() == MergeReport())

            // It fetches, transitions itself, and its next push is an ordinary one.
            try await repository.git("fetch", "-q", "origin", in: two)
            try await repository.annex("merge", "-q", in: two)
            try await repository.annex("setpresentkey", "\(key(7))", "one-uuid", "1", in: two)
            try await repository.annex("merge", "-q", in: two)
            try await repository.git("push", "-q", "origin", "+git-annex:synced/git-annex", in: two)
            let ordinary = try await branch.mergePushed()
            #expect(!ordinary.isUnchanged && ordinary.unmerged.isEmpty && ordinary.transitioned.isEmpty)
            #expect(try await repository.log(key(7)).contains("one-uuid"))
            #expect(try await !repository.log(key(1)).contains("two-uuid"))
            try await branch.close()
        }
    }

    @Test("spec 02 §2.7: the result equals what the stock program makes of the same refs")
    func sameAsStock() async throws {
        let stem = "118/bb6/SHA256E-s3--98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4.txt"
        let (d, l, a) = (Self.dead, "11111111-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000001")
        let files = [
            "\(stem).log": "10s 1 \(l)\n3s 1 \(d)\n",
            "\(stem).log.cnk": "1s \(d):1000 5\n1s \(l):1000 5\n1s \(a):10 2\n",
            "\(stem).log.cid": "1s \(d) cid\n2s \(l) c i d\n2s \(a) foo\n", "\(stem).log.rmt": "1s \(d) x\n",
            "\(stem).log.rmet": "1s \(d):a +v \(l):b +w -x\n2s \(d):a -v\n", "\(stem).log.web": "1s 1 \(d)\n",
            "remote.log": "\(a) sameas-name=q sameas-uuid=\(d) timestamp=5s\n\(d) name=dd timestamp=1s\n",
            "trust.log": "\(d) X timestamp=5s\n", "proxy.log": "1s \(d) \(l):foo\n1s \(l) \(d):dd\n",
            "maxsize.log": "1s \(d) 100\n1s \(l) 5\n", "group.log": "\(d) a timestamp=1s\n\(l) g timestamp=1s\n",
            "strange.log": "\(d) x\n",
        ]
        try await TestRepository.with { repository in
            let base = try await repository.commit(files, parents: [tip(repository)])
            let theirs = try await repository.commit([
                "transitions.log": "ForgetGitHistory 1s\nForgetDeadRemotes 1s\n", "trust.log": "\(d) X timestamp=5s\n",
                "\(stem).log": "4s 1 \(a)\n20s 0 \(l)\n5s 1 \(l)x\n",
            ])
            try await repository.git("update-ref", "refs/heads/git-annex", base)
            try await repository.git("update-ref", Self.synced, theirs)
            // The branch moved behind the stock program's back; from its old index it would lose what came so.
            for name in ["index", "index.lck"] {
                try FileManager.default.removeItem(atPath: "\(repository.path)/annex/\(name)")
            }
            let twin = repository.root + "/twin.git"
            try FileManager.default.copyItem(atPath: repository.path, toPath: twin)
            try await repository.annex("merge", "-q", in: twin)
            let branch = repository.branch()
            #expect(try await branch.mergePushed().transitioned == [Self.synced])
            let ours = try await repository.git("ls-tree", "-r", "--name-only", "git-annex")
            for name in try await repository.git("ls-tree", "-r", "--name-only", "git-annex", in: twin).split(
                separator: "\n")
            {
                let expected = try await repository.git("show", "git-annex:\(name)", in: twin)
                let found = try await repository.show(String(name))
                #expect(found.split(separator: "\n").sorted() == expected.split(separator: "\n").sorted(), "\(name)")
            }
            let stock = try await repository.git("ls-tree", "-r", "--name-only", "git-annex", in: twin)
            let extra = Set(ours.split(separator: "\n")).symmetricDifference(stock.split(separator: "\n"))
            #expect(extra.isEmpty)
            #expect(
                try await subjects(repository).first == "continuing transition forget git history, forget dead remotes")
            #expect(ignored(repository) == [base])
            try await branch.close()
        }
    }

    @Test("spec 02 §2.7: a transition that starts by merging has no parents; exported trees are grafted again")
    func newHistory() async throws {
        try await TestRepository.with { repository in
            let blob = try await trimmed(repository.git("hash-object", "-w", "--stdin", input: "hi\n"))
            let tree = try await trimmed(repository.git("mktree", input: "100644 blob \(blob)\tf\n"))
            let missing = String(repeating: "1", count: 40)
            let part = try await trimmed(repository.git("mktree", "--missing", input: "100644 blob \(missing)\tf\n"))
            let base = try await repository.commit(
                [
                    "transitions.log": "ForgetDeadRemotes 1s\n", "trust.log": "D X timestamp=5s\n",
                    "a/b/X--1.log": "1s 1 D\n", "numcopies.log": "1s 2\n",
                ], parents: [tip(repository)])
            let theirs = try await repository.commit([
                "transitions.log": "ForgetGitHistory 2s\n",
                "export.log": "1s L:D \(tree)\n1s L:E \(missing) \(part)\n1s L:F \(blob)\n",
                "uuid.log": "D dead timestamp=1s\nL live timestamp=1s\n",
            ])
            try await repository.git("update-ref", "refs/heads/git-annex", base)
            try await repository.git("update-ref", Self.synced, theirs)
            let branch = repository.branch()
            #expect(try await branch.mergePushed().transitioned == [Self.synced])
            #expect(
                try await subjects(repository) == [
                    "graft cleanup", "graft", "new branch for transition forget git history, forget dead remotes",
                ])
            #expect(try await trimmed(repository.git("rev-parse", "git-annex~1:export.tree")) == tree)
            #expect(try await tip(repository, "git-annex^{tree}") == tip(repository, "git-annex~2^{tree}"))
            #expect(try await repository.show("transitions.log") == "ForgetDeadRemotes 1s\nForgetGitHistory 2s\n")
            #expect(try await !repository.show("uuid.log").contains("D dead"))
            #expect(try await repository.gitStatus("show", "git-annex:a/b/X--1.log") != 0)
            #expect(try await repository.show("numcopies.log") == "1s 2\n")
            #expect(ignored(repository) == [theirs, base])
            #expect(try await branch.mergePushed() == MergeReport())
            try await branch.close()
        }
    }

    @Test("spec 02 #48: unknown transitions of the branch itself block what differs, but not the service")
    func unknownHere() async throws {
        try await TestRepository.with { repository in
            let base = try await repository.commit(["transitions.log": "ForgetAll 1s\n"], parents: [tip(repository)])
            try await repository.git("update-ref", "refs/heads/git-annex", base)
            try await repository.git(
                "update-ref", Self.synced, repository.commit(["transitions.log": "ForgetGitHistory 1s\n"]))
            let branch = repository.branch()
            let report = try await branch.mergePushed()
            #expect(report.unmerged.map(\.reason) == [.unknownTransition] && report.isUnchanged)
            #expect(try await tip(repository) == base && ignored(repository).isEmpty)
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            try await branch.close()
            #expect(try await repository.log(key(1)).contains(" 1 "))
        }
    }

    @Test("a pushed branch that goes on but holds strange entries is merged without them, not moved to")
    func hostileFastForward() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            let cases: [(String, String)] = [
                ("link", "120000"), ("x.log", "100755"), ("sub", "160000"), (".git", "100644"),
            ]
            var evil = ""
            for (index, (name, mode)) in cases.enumerated() {
                let base = try await tip(repository)
                let good = try await repository.commit(["a/b/X\(index).log": "1s 1 u\n"], parents: [base])
                let listing = try await repository.git("ls-tree", good)
                let type = mode == "160000" ? "commit" : "blob"
                var blob = try await trimmed(repository.git("hash-object", "-w", "--stdin", input: "1s 1 v\n"))
                if type == "commit" { blob = good }
                let tree = try await trimmed(
                    repository.git("mktree", "--missing", input: listing + "\(mode) \(type) \(blob)\t\(name)\n"))
                evil = try await trimmed(repository.git("commit-tree", tree, "-p", good, "-m", "evil"))
                try await repository.git("update-ref", Self.synced, evil)
                let report = try await branch.mergePushed()
                #expect(report.merged == [Self.synced] && report.fastForwarded.isEmpty)
                #expect(report.refusedEntries == (mode == "100755" ? 0 : 1))
                #expect(try await repository.show("a/b/X\(index).log") == "1s 1 u\n")
                let found = try await repository.git("ls-tree", "-r", "git-annex")
                #expect(!found.contains("\t\(name)\n") || mode == "100755" && !found.contains("100755"))
                #expect(try await branch.mergePushed() == MergeReport())
            }
            // Without a branch of our own likewise.
            try await repository.git("update-ref", "-d", "refs/heads/git-annex")
            try await repository.git("update-ref", Self.synced, evil)
            #expect(try await branch.mergePushed().merged == [Self.synced])
            #expect(try await !repository.git("ls-tree", "-r", "git-annex").contains(".git\n"))
            #expect(try await subjects(repository).contains("branch created"))
            try await branch.close()
        }
    }

    private func path(_ key: Key) -> String { BranchPath(of: key, .location, levels: .two).description }
}
