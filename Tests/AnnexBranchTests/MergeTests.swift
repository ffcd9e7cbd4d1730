import AnnexBranch
import AnnexProtocol
import Foundation
import Testing

@Suite struct MergeTests {
    private static let synced = "refs/heads/synced/git-annex"

    private func tip(_ repository: TestRepository, _ ref: String = "git-annex") async throws -> String {
        try await repository.git("rev-parse", ref).trimmingCharacters(in: .newlines)
    }

    @Test(
        "spec 02 #41: a branch that only goes on is fast-forwarded; one without news changes nothing",
        arguments: [0, 2048])
    func fastForward(atOnce: Int) async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.filesMergedUnderLock = atOnce }
            let pushed = try await repository.commit(["a/b/X1.log": "1s 1 u\n"], parents: [tip(repository)])
            try await repository.git("update-ref", Self.synced, pushed)
            #expect(try await branch.mergePushed().fastForwarded == [Self.synced])
            #expect(try await tip(repository) == pushed)
            #expect(try await branch.mergePushed() == MergeReport())
            try await branch.close()
        }
    }

    @Test(
        "spec 02 #40 #44 #45: a diverged branch is merged line by line, and nothing is deleted", arguments: [0, 2048])
    func union(atOnce: Int) async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.filesMergedUnderLock = atOnce }
            let base = try await repository.commit(
                ["a/b/X1.log": "3s 1 u\n", "a/b/X2.log": "1s 1 u\n", "a/b/X4.log": "b\na\n"],
                parents: [tip(repository)])
            try await repository.git("update-ref", "refs/heads/git-annex", base)
            let theirs = try await repository.commit(
                [
                    "a/b/X1.log": "10s 0 v\n", "a/b/X3.log": "2s 1 v\n", "a/b/X4.log": "a\n",
                    "uuid.log": "2 v timestamp=1s\n",
                ], parents: [], mode: "100755")
            try await repository.git("update-ref", Self.synced, theirs)
            try await repository.git("update-ref", "refs/tags/x/git-annex", repository.commit(["evil": "x\n"]))
            let report = try await branch.mergePushed()
            #expect(report.merged == [Self.synced])
            #expect(try await repository.show("a/b/X1.log") == "10s 0 v\n3s 1 u\n")
            #expect(try await repository.show("a/b/X2.log") == "1s 1 u\n")
            #expect(try await repository.show("a/b/X3.log") == "2s 1 v\n")
            #expect(try await repository.show("a/b/X4.log") == "b\na\n")
            #expect(
                try await repository.git("log", "-1", "--format=%s", "git-annex")
                    == "merging synced/git-annex into git-annex\n")
            #expect(try await repository.git("log", "-1", "--format=%P", "git-annex") == "\(base) \(theirs)\n")
            #expect(try await !repository.git("ls-tree", "-r", "git-annex").contains("100755"))
            #expect(try await repository.gitStatus("show", "git-annex:evil") != 0)
            #expect(try await branch.mergePushed() == MergeReport())
            try await branch.close()
        }
    }

    @Test("spec 02 §3.1: entries that would displace others, links and large blobs are refused", arguments: [0, 2048])
    func refused(atOnce: Int) async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch {
                $0.maximumFileSize = 100
                $0.filesMergedUnderLock = atOnce
            }
            let base = try await repository.commit(
                ["a/b/X1.log": "3s 1 u\n", "f": "x\n"], parents: [tip(repository)])
            try await repository.git("update-ref", "refs/heads/git-annex", base)
            let file = try await repository.commit([
                "a": "x\n", "f/g": "x\n", "big": String(repeating: "y", count: 101),
            ])
            let link = try await repository.commit(["link": "uuid.log"], parents: [file], mode: "120000")
            try await repository.git("update-ref", Self.synced, link)
            let report = try await branch.mergePushed()
            #expect(report.merged == [Self.synced] && report.refusedEntries == 4)
            // Attack: clients merge that ref by themselves, and would take what is left out here.
            let synced = try await tip(repository, Self.synced)
            #expect(try await synced == tip(repository) && synced != link)
            #expect(try await tip(repository, "git-annex^{tree}") == tip(repository, "\(base)^{tree}"))
            try await branch.close()
        }
    }

    @Test(
        "spec 02 #48: foreign tuning and unknown transitions stay unmerged, and the service goes on",
        arguments: [0, 2048])
    func unmerged(atOnce: Int) async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.filesMergedUnderLock = atOnce }
            let cases: [([String: String], MergeReport.Reason)] = [
                (["difference.log": "u fromList [OneLevelBranchHash] timestamp=1s\n"], .foreignTuning),
                (["difference.log": "u whatever timestamp=1s\n"], .foreignTuning),
                (["transitions.log": "ForgetEverything 1s\n"], .unknownTransition),
                (["transitions.log": "ForgetGitHistory 1s\nnonsense\n"], .unknownTransition),
                (["uuid.log/x": "1\n", "difference.log/x": "1\n"], .unreadable),
            ]
            for (files, reason) in cases {
                try await repository.git("update-ref", Self.synced, repository.commit(files))
                let before = try await tip(repository)
                let report = try await branch.mergePushed()
                #expect(report.unmerged.map(\.reason) == [reason] && report.isUnchanged)
                #expect(try await tip(repository) == before)
            }
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            try await branch.close()
            #expect(try await repository.log(key(1)).contains(" 1 "))
        }
    }

    @Test(
        "spec 02 #40: several pushed refs, one after the other, and setting merge-annex-branches to false",
        arguments: [0, 2048])
    func several(atOnce: Int) async throws {
        try await TestRepository.with { repository in
            let off = repository.branch { $0.mergesBranches = false }
            let names = [Self.synced, "refs/remotes/o/git-annex", "refs/synced/u/git-annex"]
            for (index, name) in names.enumerated() {
                try await repository.git(
                    "update-ref", name, repository.commit(["a/b/X1.log": "\(index)s 1 u\(index)\n"]))
            }
            #expect(try await off.mergePushed().isUnchanged)
            let branch = repository.branch { $0.filesMergedUnderLock = atOnce }
            #expect(Set(try await branch.mergePushed().merged) == Set(names))
            #expect(try await repository.show("a/b/X1.log") == "0s 1 u0\n1s 1 u1\n2s 1 u2\n")
            try await branch.close()
            try await off.close()
        }
    }

    @Test("spec 02 #39 #40 #42: real clients push and sync; the first push of a fresh repository is accepted")
    func firstPush() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let branch = repository.branch()
            try await branch.markUnpushed()
            try await branch.describe(repository.uuid, as: Array("server".utf8))
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            try await branch.flush()
            #expect(try await branch.isUnpushed)
            let client = repository.root + "/client"
            try await repository.git("init", "-q", "-b", "main", client, in: repository.root)
            try await repository.annex("init", "-q", "client", in: client)
            try await repository.annex("setpresentkey", "\(key(1))", "client", "1", in: client)
            try await repository.annex("merge", "-q", in: client)
            try await repository.git("remote", "add", "origin", repository.path, in: client)
            #expect(try await repository.gitStatus("push", "origin", "git-annex", in: client) != 0)

            try await branch.prepareForFirstPush()
            #expect(try await repository.gitStatus("rev-parse", "--verify", "git-annex") != 0)
            // Between the two the server goes on, and holds its commits back.
            #expect(try await branch.locations(of: key(1)) == [repository.uuid: .present])
            try await branch.recordLocation(of: key(2), in: repository.uuid, present: true)
            try await branch.flush()
            #expect(try await repository.gitStatus("rev-parse", "--verify", "git-annex") != 0)
            try await repository.git("push", "-q", "origin", "git-annex", in: client)
            try await branch.didReceiveFirstPush()
            #expect(try await !branch.isUnpushed)
            _ = try await branch.mergePushed()
            #expect(try await branch.locations(of: key(1)).count == 2)
            #expect(try await repository.log(key(2)).contains("\(repository.uuid)"))
            #expect(try await repository.show("uuid.log").split(separator: "\n").count == 2)
            try await branch.prepareForFirstPush()
            #expect(try await repository.gitStatus("rev-parse", "--verify", "git-annex") == 0)

            // Later the client's plain push is refused and its forced push of synced/git-annex is merged.
            try await repository.annex("setpresentkey", "\(key(3))", "client", "1", in: client)
            try await repository.annex("merge", "-q", in: client)
            #expect(try await repository.gitStatus("push", "-q", "origin", "git-annex", in: client) != 0)
            try await repository.git("push", "-q", "origin", "+git-annex:synced/git-annex", in: client)
            #expect(try await branch.mergePushed().merged == [Self.synced])
            #expect(try await repository.log(key(3)).contains(" 1 client"))
            try await repository.git("fetch", "-q", "origin", in: client)
            try await repository.annex("merge", "-q", in: client)
            #expect(try await repository.annex("whereis", "--key", "\(key(2))", in: client).contains("server"))
            try await branch.close()
        }
    }

    @Test("a first push that fails: the server's branch is made again")
    func failedFirstPush() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let branch = repository.branch()
            try await branch.markUnpushed()
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            try await branch.flush()
            try await branch.prepareForFirstPush()
            // A killed server: another one finds the journal and makes the branch again.
            let other = repository.branch()
            try await other.recover()
            try await eventually { (try? await repository.log(key(1))) != nil }
            try await branch.firstPushFailed()
            #expect(try await branch.isUnpushed)
            #expect(try await repository.log(key(1)).contains("\(repository.uuid)"))
            // Only what synced/git-annex lacks has to move when that is merged.
            try await repository.git("update-ref", Self.synced, repository.commit(["a/b/X1.log": "1s 1 u\n"]))
            #expect(try await branch.mergePushed().merged == [Self.synced])
            try await branch.prepareForFirstPush()
            #expect(repository.journalFiles().count == 1)
            try await branch.didReceiveFirstPush()
            _ = try await branch.mergePushed()
            #expect(try await repository.show("a/b/X1.log") == "1s 1 u\n")
            #expect(try await repository.log(key(1)).contains("\(repository.uuid)"))
            try await branch.close()
            try await other.close()
        }
    }
}
