import AnnexBranch
import AnnexProtocol
import Foundation
import Testing

@Suite struct CommitTests {
    @Test("spec 02 #33 #34 #36 #37, spec 01 #54: what either program leaves in the journal, the other commits")
    func leftovers() async throws {
        try await TestRepository.with { repository in
            try await repository.annex("setpresentkey", "\(key(1))", "\(repository.uuid)", "1")
            #expect(repository.journalFiles().count == 1)
            let branch = repository.branch()
            let marker = repository.path + "/annex/index.lck"
            let before = FileManager.default.contents(atPath: marker)
            try await branch.recover()
            try await eventually { repository.journalFiles().isEmpty }
            try await eventually { (try? await repository.log(key(1))) != nil }
            #expect(FileManager.default.contents(atPath: marker) == before)
            // A server that was killed: its journal is left to the stock program.
            let killed = repository.branch { $0.commitsAutomatically = false }
            try await killed.recordLocation(of: key(2), in: repository.uuid, present: true)
            #expect(repository.journalFiles().count == 1)
            #expect(try await repository.annex("whereis", "--key", "\(key(2))").contains("\(repository.uuid)"))
            #expect(try await repository.log(key(2)).contains(" 1 \(repository.uuid)"))
            #expect(try await repository.log(key(1)).contains(" 1 \(repository.uuid)"))
            try await branch.close()
        }
    }

    @Test("spec 02 §2.8.3: killed after the branch moved, before the journal was emptied")
    func killedBetween() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            let file = BranchPath(of: try key(1), .location, levels: .two).description
            let name = try #require(repository.journalFiles().first)
            let content = try #require(FileManager.default.contents(atPath: repository.path + "/annex/journal/" + name))
            try await branch.flush()
            let commits = try await repository.commits
            // The same file again, and a newer branch below it.
            try repository.writeJournal(file, String(decoding: content, as: UTF8.self))
            try await branch.flush()
            #expect(repository.journalFiles().isEmpty)
            #expect(try await repository.commits == commits)
            let other = try #require(RepositoryUUID("other"))
            try await branch.recordLocation(of: key(1), in: other, present: true)
            try await branch.flush()
            try repository.writeJournal(file, String(decoding: content, as: UTF8.self))
            try await branch.flush()
            #expect(try await branch.locations(of: key(1)) == [repository.uuid: .present, other: .present])
            // Killed while writing: an orphan of the temporary folder is no obstacle.
            try Data("junk".utf8).write(to: URL(fileURLWithPath: repository.path + "/annexd/tmp/journal-0"))
            try await branch.recordLocation(of: key(1), in: other, present: false)
            #expect(try await branch.locations(of: key(1))[other] == .missing)
        }
    }

    @Test("spec 02 §2.2: strange names in the journal do not stop commits")
    func strange() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch()
            try Data("x\n".utf8).write(to: URL(fileURLWithPath: repository.path + "/annex/journal/_.._x"))
            try repository.writeJournal("odd \"name\\", "x\n")
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            try await branch.flush()
            #expect(repository.journalFiles() == ["_.._x"])
            #expect(try await repository.show("odd \"name\\") == "x\n")
            try await branch.close()
        }
    }

    @Test("spec 02 #39: a push of git-annex while the journal is dirty loses neither side")
    func dirtyPush() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            let file = BranchPath(of: try key(1), .location, levels: .two).description
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            let tip = try await repository.git("rev-parse", "git-annex").trimmingCharacters(in: .newlines)
            let pushed = try await repository.commit([file: "5s 1 pushed\n"], parents: [tip])
            try await repository.git("update-ref", "refs/heads/git-annex", pushed)
            _ = try await branch.mergePushed()
            #expect(try await branch.locations(of: key(1)).count == 2)
            #expect(try await repository.log(key(1)).contains("5s 1 pushed"))
            #expect(try await repository.log(key(1)).contains("\(repository.uuid)"))
        }
    }

    @Test("spec 02 #38: two servers and the stock program in one repository lose no record")
    func interleaved() async throws {
        try await TestRepository.with { repository in
            // However slow the machine is, somebody's turn comes.
            let (one, two) = (
                repository.branch { $0.lockPatience = .seconds(600) },
                repository.branch {
                    $0.maximumPending = 7
                    $0.lockPatience = .seconds(600)
                }
            )
            let uuids = try ["one", "two", "stock"].map { try #require(RepositoryUUID($0)) }
            try await withThrowingTaskGroup { group in
                for (branch, uuid) in zip([one, two], uuids) {
                    group.addTask {
                        for number in 1...40 {
                            try await branch.recordLocation(of: key(number % 20 + 1), in: uuid, present: number > 20)
                            if number % 10 == 0 { try await branch.flush() }
                        }
                    }
                }
                group.addTask {
                    for number in 1...20 {
                        try await repository.annex("setpresentkey", "\(key(number))", "stock", "1")
                        if number % 5 == 0 { try await repository.annex("merge", "-q") }
                    }
                }
                try await group.waitForAll()
            }
            try await one.close()
            try await two.close()
            try await repository.annex("merge", "-q")
            let reader = repository.branch()
            for number in 1...20 {
                let found = try await reader.locations(of: key(number))
                for uuid in uuids { #expect(found[uuid] == .present, "key \(number) in \(uuid)") }
            }
            try await reader.close()
            #expect(try await repository.git("fsck", "--no-dangling", "--no-progress") == "")
        }
    }

    @Test("spec 02 §2.8.3: a thousand changes in one commit")
    func thousand() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            try await withThrowingTaskGroup { group in
                for number in 1...1000 {
                    group.addTask {
                        try await branch.recordLocation(of: key(number), in: repository.uuid, present: true)
                    }
                }
                try await group.waitForAll()
            }
            let before = try await repository.commits
            let start = ContinuousClock.now
            try await branch.flush()
            print("flush of 1000 keys: \(ContinuousClock.now - start)")
            #expect(try await repository.commits == before + 1)
            #expect(
                try await repository.git("ls-tree", "-r", "--name-only", "git-annex").split(separator: "\n").count
                    >= 1000)
            try await branch.close()
        }
    }

    @Test("packs that stay are compressed, and large loose objects; small ones git compresses when it packs them")
    func compression() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            func commit(_ numbers: ClosedRange<Int>, log: Int) async throws -> Int {
                let content = String(repeating: "1700000000s some text\n", count: log)
                try repository.writeJournal("some.log", content)
                for number in numbers {
                    try await branch.recordLocation(of: key(number), in: repository.uuid, present: true)
                }
                try await branch.flush()
                let size = try await repository.git(
                    "cat-file", "--batch-check=%(objectsize:disk)", input: "git-annex:some.log\n")
                return try #require(Int(size.trimmingCharacters(in: .newlines)))
            }
            func packs() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: repository.path + "/objects/pack")
                    .filter { $0.hasSuffix(".pack") }.count
            }
            #expect(try await commit(1...30, log: 500) > 10_000)
            #expect(try await commit(1...30, log: 5000) < 10_000)
            #expect(try packs() == 0)
            #expect(try await commit(31...200, log: 600) < 10_000)
            #expect(try packs() == 1)
            try await branch.close()
        }
    }

    @Test("spec 02 §2.8.3: changes after a first push are committed soon, not when the push would have had to end")
    func afterFirstPush() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.idleDelay = .milliseconds(10) }
            try await branch.markUnpushed()
            try await branch.prepareForFirstPush()
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            try await branch.firstPushFailed()
            #expect(repository.journalFiles().isEmpty)
            try await branch.recordLocation(of: key(2), in: repository.uuid, present: true)
            try await eventually { repository.journalFiles().isEmpty }
            #expect(try await repository.log(key(2)).contains("\(repository.uuid)"))
            try await branch.close()
        }
    }
}
