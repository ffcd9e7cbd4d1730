import AnnexBranch
import AnnexProtocol
import FileIO
import Foundation
import Synchronization
import SystemPackage
import Testing

@Suite struct RecordLocationTests {
    @Test("spec 02 #1 #9 #14: a fresh branch begins with `branch created`, then `update`")
    func fresh() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            // However slow the machine is, both changes are in one commit.
            let branch = repository.branch { $0.commitsAutomatically = false }
            try await branch.describe(repository.uuid, as: Array("my\nserver".utf8))
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            try await branch.flush()
            #expect(
                try await repository.git("log", "--format=%s %P", "git-annex").split(separator: "\n").map {
                    $0.prefix(14)
                }
                .map { $0.split(separator: " ").first } == ["update", "branch"])
            #expect(try await repository.git("ls-tree", "git-annex~1") == "")
            #expect(try await repository.show("uuid.log").hasPrefix("\(repository.uuid) my\\nserver timestamp="))
            #expect(try await repository.annex("whereis", "--key", "\(key(1))").contains("my\\nserver"))
            try await branch.close()
        }
    }

    @Test("nothing is written once the folder has become another repository")
    func replaced() async throws {
        try await TestRepository.with { repository in
            let isGone = Mutex(false)
            struct Gone: Error {}
            let branch = repository.branch(requireSame: { if isGone.withLock({ $0 }) { throw Gone() } })
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            try await branch.flush()
            let before = try await repository.git("rev-parse", "git-annex")
            try await branch.recordLocation(of: key(2), in: repository.uuid, present: true)
            isGone.withLock { $0 = true }
            await #expect(throws: Gone.self) {
                try await branch.recordLocation(of: key(3), in: repository.uuid, present: true)
            }
            await #expect(throws: Gone.self) { try await branch.flush() }
            #expect(try await repository.git("rev-parse", "git-annex") == before)
            #expect(repository.journalFiles().count == 1)
            await #expect(throws: Gone.self) { try await branch.close() }
        }
    }

    @Test("spec 02 #13 #26 #30: the journal is read first; unchanged statuses and clusters write nothing")
    func suppression() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            let cluster = try #require(RepositoryUUID("ac12ae70-0000-8000-8000-000000000000"))
            #expect(cluster.isCluster)
            try await branch.recordLocation(of: key(1), in: cluster, present: true)
            #expect(repository.journalFiles().isEmpty)
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            #expect(repository.journalFiles().count == 1)
            #expect(try await branch.locations(of: key(1)) == [repository.uuid: .present])
            try await branch.flush()
            #expect(repository.journalFiles().isEmpty)
            let before = try await repository.log(key(1))
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            #expect(repository.journalFiles().isEmpty)
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: false)
            #expect(try await branch.locations(of: key(1)) == [repository.uuid: .missing])
            #expect(try await repository.log(key(1)) == before)
            try await branch.flush()
            #expect(try await repository.log(key(1)).contains(" 0 \(repository.uuid)"))
            try await branch.close()
            await #expect(throws: AnnexBranchError.self) {
                try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            }
        }
    }

    @Test("spec 02 #35: hundreds of concurrent changes make few commits, by themselves, and none is lost")
    func concurrent() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch()
            let before = try await repository.commits
            let start = ContinuousClock.now
            try await branch.recordLocation(of: key(9999), in: repository.uuid, present: true)
            let first = ContinuousClock.now
            try await branch.recordLocation(of: key(9998), in: repository.uuid, present: true)
            let single = ContinuousClock.now
            try await withThrowingTaskGroup { group in
                for number in 1...200 {
                    group.addTask {
                        try await branch.recordLocation(of: key(number), in: repository.uuid, present: true)
                    }
                }
                for number in 1...100 {
                    group.addTask {
                        try await branch.recordLocation(
                            of: key(7), in: #require(RepositoryUUID("r\(number)")), present: true)
                    }
                }
                try await group.waitForAll()
            }
            print(
                "recordLocation: first \(first - start), single \(single - first), 300 at once \(ContinuousClock.now - single)"
            )
            try await eventually { repository.journalFiles().isEmpty }
            try await eventually { try await repository.commits > before }
            #expect(try await repository.commits - before <= 4)
            for number in 1...200 { #expect(try await branch.locations(of: key(number))[repository.uuid] == .present) }
            #expect(try await branch.locations(of: key(7)).count == 101)
            try await branch.close()
        }
    }

    @Test("spec 02 #46: private facts stay in the private journal and are seen here")
    func privacy() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.privateUUIDs = [repository.uuid] }
            let other = try #require(RepositoryUUID("other"))
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            try await branch.recordLocation(of: key(1), in: other, present: true)
            try await branch.flush()
            #expect(try await branch.locations(of: key(1)) == [repository.uuid: .present, other: .present])
            #expect(try await !repository.log(key(1)).contains("\(repository.uuid)"))
            try await branch.close()
        }
    }

    @Test("spec 02 #32: while the stock program's lock is held, a change waits, then tells who holds it")
    func locked() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.lockPatience = .milliseconds(200) }
            let lock = try OpenFile(FilePath(repository.path + "/annex/journal.lck"), [.readWrite, .create])
            #expect(try lock.tryLock(.exclusive))
            await #expect { try await branch.recordLocation(of: key(1), in: repository.uuid, present: true) } throws: {
                ($0 as? AnnexBranchError)?.code == .locked
            }
            try lock.unlock()
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            try await branch.close()
            #expect(try await repository.log(key(1)).contains(" 1 \(repository.uuid)"))
        }
    }

    @Test("spec 02 §2.2: a key whose journal name is too long fails alone")
    func longName() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch()
            let long = try Key(parsing: "WORM--" + String(repeating: "_", count: 200))
            await #expect { try await branch.recordLocation(of: long, in: repository.uuid, present: true) } throws: {
                ($0 as? AnnexBranchError)?.code == .nameTooLong
            }
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            try await branch.close()
        }
    }

    @Test("spec 02 §1.6.15: equivalent keys")
    func equivalentKeys() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch()
            let url = try Key(parsing: "VURL--http://h/x")
            let file = BranchPath(of: url, .equivalentKeys, levels: .two).description
            try repository.writeJournal(file, "1s 1 \(key(1))\n1s 0 \(key(2))\n1s 1 junk\n1s 1 \(key(3))")
            #expect(try await branch.equivalentKeys(of: url) == [key(1)])
            try await branch.flush()
            #expect(try await branch.equivalentKeys(of: url) == [key(1), key(3)])
            try await branch.close()
        }
    }

    @Test("presence that is asked for is asked while journal.lck is held, and its answer is recorded")
    func askedUnderLock() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch()
            let lock = FilePath(repository.path).appending("annex").appending("journal.lck")
            for isPresent in [true, false, true] {
                let wasLocked = Mutex(false)
                try await branch.recordLocation(of: key(1), in: repository.uuid) {
                    let isLocked = (try? OpenFile(lock, .readWrite).wouldBlock(.exclusive)) ?? false
                    wasLocked.withLock { $0 = isLocked }
                    return isPresent
                }
                #expect(wasLocked.withLock { $0 })
                let status = try await branch.locations(of: key(1))[repository.uuid]
                #expect(status == (isPresent ? .present : .missing))
            }
            try await branch.close()
        }
    }
}
