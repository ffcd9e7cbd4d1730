import AnnexProtocol
import FileIO
import Foundation
import SystemPackage
import Testing

@testable import AnnexBranch

/// Merges that are made ready while others go on writing.
@Suite struct MergeDraftTests {
    private static let synced = "refs/heads/synced/git-annex"

    private func tip(_ repository: TestRepository, _ ref: String = "git-annex") async throws -> String {
        try await repository.git("rev-parse", ref).trimmingCharacters(in: .newlines)
    }

    /// Every file of a commit with its lines, in order of the alphabet.
    private func lines(_ commit: String, _ repository: TestRepository) async throws -> [String: [String]] {
        var result: [String: [String]] = [:]
        let paths = try await repository.git("ls-tree", "-r", "--name-only", commit).split(separator: "\n")
        for path in paths {
            result["\(path)"] = try await repository.show("\(path)", ref: commit).split(separator: "\n").map(
                String.init
            )
            .sorted()
        }
        return result
    }

    @Test("a draft that is brought up to date is what the merge would have been", arguments: 0..<12)
    func equal(seed: UInt64) async throws {
        var generator = Seeded(state: seed)
        try await TestRepository.with(stockInit: false) { repository in
            let branch = repository.branch { $0.filesMergedUnderLock = 40 }
            let start = Self.random(12, of: "t", &generator)
            let base = try await repository.commit(start)
            let pushed = try await repository.commit(Self.random(25, of: "c", &generator))
            // What happens meanwhile only adds.
            var later = start
            for (path, content) in Self.random(8, of: "n", &generator) {
                later[path] = (later[path] ?? "") + content
            }
            let newer = try await repository.commit(later, parents: [base])
            try await repository.git("update-ref", "refs/heads/git-annex", newer)
            try await repository.git("update-ref", Self.synced, pushed)
            let direct = repository.branch()
            #expect(try await direct.mergePushed().merged == [Self.synced])
            let expected = try await lines("git-annex", repository)
            try await direct.close()

            try await repository.git("update-ref", "refs/heads/git-annex", newer)
            let drafts = await branch.prepare(LargeMerge(commit: pushed, tip: base, work: .union))
            let draft = try #require(try drafts.union(of: pushed))
            #expect(try await branch.catchUp(draft, to: newer) != nil)
            #expect(try await branch.mergePushed(drafts).merged == [Self.synced])
            #expect(try await lines("git-annex", repository) == expected)
            let parents = try await repository.git("log", "-1", "--format=%P", "git-annex")
            #expect(parents == "\(newer) \(pushed)\n")
            try await branch.close()
        }
    }

    /// Files with lines of their own, some of them with paths that others have, too.
    private static func random(_ count: Int, of name: String, _ generator: inout Seeded) -> [String: String] {
        var result: [String: String] = [:]
        for _ in 0..<count {
            let number = Int.random(in: 0..<20, using: &generator)
            let path =
                ["a/b/X\(number).log", "a/\(number)/Y.log", "\(number).log"].randomElement(using: &generator) ?? ""
            let clock = Int.random(in: 1..<1000, using: &generator)
            result[path, default: ""] += "\(clock)s \(clock % 2) \(name)\(clock % 7)\n"
        }
        return result
    }

    /// As it happens: the line of a repository is replaced meanwhile, and a push has a line of another one.
    @Test("what is recorded while a draft is made is in the merge, and is not superseded by what was there before")
    func recorded() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.filesMergedUnderLock = 0 }
            let (other, key) = (RepositoryUUID.random(), try key(1))
            try await branch.recordLocation(of: key, in: repository.uuid, present: true)
            try await branch.flush()
            let base = try await tip(repository)
            let path = BranchPath(of: key, .location, levels: .two).description
            let pushed = try await repository.commit([path: "5s 1 \(other)\n", "x/y/Z.log": "1s 1 \(other)\n"])
            try await repository.git("update-ref", Self.synced, pushed)
            let drafts = await branch.prepare(LargeMerge(commit: pushed, tip: base, work: .union))
            try await branch.recordLocation(of: key, in: repository.uuid, present: false)
            #expect(try await branch.mergePushed(drafts).merged == [Self.synced])
            #expect(try await branch.locations(of: key) == [repository.uuid: .missing, other: .present])
            #expect(try await repository.show("x/y/Z.log") == "1s 1 \(other)\n")
            try await branch.close()
        }
    }

    @Test("a draft is made while somebody else has the journal locked")
    func withoutLock() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch()
            let base = try await tip(repository)
            let pushed = try await repository.commit(["a/b/X1.log": "1s 1 u\n"])
            let lock = try await JournalLock.acquire(
                ConfinedPath(FilePath(repository.path)).appending("annex/journal.lck"), sharing: .umask,
                patience: .seconds(30), on: DispatchExecutor())
            let drafts = await branch.prepare(LargeMerge(commit: pushed, tip: base, work: .union))
            let draft = try #require(try drafts.union(of: pushed))
            #expect(try await repository.show("a/b/X1.log", ref: draft.commit) == "1s 1 u\n")
            #expect(try await tip(repository) == base)
            lock.release()
            try await branch.close()
        }
    }

    /// Attack: a push of names that are as those of folders, or the other way around, erases what comes in meanwhile.
    @Test("whatever a draft has in its place, the branch keeps what it got meanwhile")
    func displacing() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.filesMergedUnderLock = 0 }
            let base = try await tip(repository)
            let pushed = try await repository.commit(["a": "x\n", "b/c": "x\n", "d/e/f": "x\n"])
            try await repository.git("update-ref", Self.synced, pushed)
            let drafts = await branch.prepare(LargeMerge(commit: pushed, tip: base, work: .union))
            let newer = try await repository.commit(
                ["a/1/X1.log": "1s 1 u\n", "b": "1\n", "d/e": "2\n"], parents: [base])
            try await repository.git("update-ref", "refs/heads/git-annex", newer)
            #expect(try await branch.mergePushed(drafts).merged == [Self.synced])
            #expect(try await repository.show("a/1/X1.log") == "1s 1 u\n")
            #expect(try await repository.show("b") == "1\n")
            #expect(try await repository.show("d/e") == "2\n")
            #expect(try await repository.gitStatus("cat-file", "-e", "git-annex:uuid.log") == 0)
            try await branch.close()
        }
    }

    @Test("where files went away, or history was forgotten, meanwhile, a draft is not used, and another one is made")
    func useless() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let branch = repository.branch { $0.filesMergedUnderLock = 2 }
            let start = ["uuid.log": "u x timestamp=1s\n", "a/b/X1.log": "1s 1 u\n"]
            let base = try await repository.commit(start)
            let pushed = try await repository.commit(start.merging(["a/b/X2.log": "1s 1 v\n"]) { $1 })
            let prepared = await branch.prepare(LargeMerge(commit: pushed, tip: base, work: .union))
            let draft = try #require(try prepared.union(of: pushed))
            let forgotten = try await repository.commit(["uuid.log": start["uuid.log"] ?? ""])
            #expect(try await branch.catchUp(draft, to: forgotten) == nil)
            let tree = try await tip(repository, "\(forgotten)^{tree}")
            let without = try await repository.git("commit-tree", tree, "-m", "x", "-p", base)
                .trimmingCharacters(in: .newlines)
            #expect(try await branch.catchUp(draft, to: without) == nil)
            let transitions = try await repository.commit(
                ["transitions.log": "ForgetGitHistory 1s\n"], parents: [base])
            #expect(try await branch.catchUp(draft, to: transitions) == nil)
            let link = try await repository.commit(["link": "x"], parents: [base], mode: "120000")
            #expect(try await branch.catchUp(draft, to: link) == nil)
            // Another one is made in its place.
            let again = await branch.prepare(LargeMerge(commit: pushed, tip: forgotten, work: .catchUp(draft)))
            let other = try #require(try again.union(of: pushed))
            #expect(other.base == forgotten)
            let files = try await lines(other.commit, repository).keys.sorted()
            #expect(files == ["a/b/X1.log", "a/b/X2.log", "uuid.log"])
            try await branch.close()
        }
    }

    @Test("where much has changed meanwhile, a draft is brought up to date without the lock, and with it in the end")
    func overtaken() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let branch = repository.branch { $0.filesMergedUnderLock = 2 }
            let start = ["uuid.log": "u x timestamp=1s\n", "a/b/X1.log": "1s 1 u\n"]
            let base = try await repository.commit(start)
            // Enough to be large, and one file that both change.
            let ours = ["a/b/X2.log": "1s 1 v\n", "a/b/X3.log": "1s 1 v\n", "1": "v\n"]
            let pushed = try await repository.commit(start.merging(ours) { $1 })
            let first = await branch.prepare(LargeMerge(commit: pushed, tip: base, work: .union))
            let draft = try #require(try first.union(of: pushed))
            let later = ["1": "1\n", "2": "2\n", "3": "3\n"]
            let newer = try await repository.commit(later, parents: [base])
            var expected = try await lines(newer, repository).merging(try await lines(pushed, repository)) { $1 }
            expected["1"] = ["1", "v"]

            try await repository.git("update-ref", Self.synced, pushed)
            try await repository.git("update-ref", "refs/heads/git-annex", newer)
            #expect(try await branch.mergePushed(first).merged == [Self.synced])
            // The one that was made before, and one on top of the newer branch, made without the lock.
            #expect(try await parentsOfDrafts(repository) == [base, newer])
            #expect(try await lines("git-annex", repository) == expected)

            let second = await branch.prepare(LargeMerge(commit: pushed, tip: newer, work: .catchUp(draft)))
            let caughtUp = try #require(try second.union(of: pushed))
            #expect(caughtUp.base == newer)
            #expect(try await lines(caughtUp.commit, repository) == expected)
            // Made of the first draft, not from the beginning: what only that one has is in it.
            let marked = try await repository.commit(["marker": "m\n"], parents: [draft.commit])
            let third = await branch.prepare(
                LargeMerge(
                    commit: pushed, tip: newer,
                    work: .catchUp(MergeDrafts.Union(base: base, commit: marked, refused: 0))))
            let fromMarked = try #require(try third.union(of: pushed))
            #expect(try await lines(fromMarked.commit, repository)["marker"] == ["m"])

            // However often it has been tried, it is merged.
            var drafts = first
            for _ in 0...MergeDrafts.maximumAttempts {
                try await repository.git("update-ref", "refs/heads/git-annex", newer)
                #expect(try await branch.mergePushed(drafts).merged == [Self.synced])
                #expect(try await lines("git-annex", repository) == expected)
                let parents = try await repository.git("log", "-1", "--format=%P", "git-annex")
                #expect(parents == "\(newer) \(pushed)\n")
                drafts.add(first)
            }
            #expect(!drafts.mayPrepare(pushed))
            try await branch.close()
        }
    }

    /// What the commits that no ref names were made on top of.
    private func parentsOfDrafts(_ repository: TestRepository) async throws -> Set<String> {
        let found = try await repository.git("fsck", "--unreachable", "--no-reflogs", "--no-progress")
        var parents: Set<String> = []
        for line in found.split(separator: "\n") where line.hasPrefix("unreachable commit ") {
            let commit = String(line.split(separator: " ")[2])
            let facts = try await repository.git("log", "-1", "--format=%P %s", commit).split(separator: " ")
            if facts.count == 2, facts[1] == "union\n" { parents.insert(String(facts[0])) }
        }
        return parents
    }

    @Test("a draft that cannot be made keeps no other ref from being merged")
    func failure() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch {
                $0.filesMergedUnderLock = 0
                $0.pushLimits.files = 2
            }
            let bad = try await repository.commit(["a/b/X1.log": "1\n", "a/b/X2.log": "1\n", "a/b/X3.log": "1\n"])
            try await repository.git("update-ref", Self.synced, bad)
            let good = try await repository.commit(["a/b/X4.log": "1s 1 u\n"])
            try await repository.git("update-ref", "refs/synced/u/git-annex", good)
            let report = try await branch.mergePushed()
            #expect(report.merged == ["refs/synced/u/git-annex"])
            #expect(report.unmerged == [.init(ref: Self.synced, reason: .failed)])
            try await branch.close()
        }
    }

    @Test("pushes that are merged at the same time share the work, and uploads in between lose nothing")
    func concurrent() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.filesMergedUnderLock = 0 }
            for round in 0..<4 {
                let pushed = try await repository.commit(
                    Dictionary(uniqueKeysWithValues: (0..<50).map { ("r/\(round)/X\($0).log", "1s 1 u\n") }))
                try await repository.git("update-ref", "refs/synced/u\(round)/git-annex", pushed)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<3 { group.addTask { _ = try await branch.mergePushed() } }
                    for number in 0..<20 {
                        group.addTask {
                            try await branch.recordLocation(
                                of: key(round * 20 + number), in: repository.uuid, present: true)
                            try await branch.flush()
                        }
                    }
                    try await group.waitForAll()
                }
            }
            for number in 0..<80 {
                #expect(try await branch.locations(of: key(number)) == [repository.uuid: .present])
            }
            for round in 0..<4 {
                let logs = try await repository.git("ls-tree", "--name-only", "git-annex", "r/\(round)/")
                #expect(logs.split(separator: "\n").count == 50)
            }
            #expect(await branch.preparations.isEmpty)
            try await branch.close()
        }
    }
}

/// The same numbers for the same seed.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
