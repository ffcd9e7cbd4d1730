// Attack: somebody pushes a log of many lines, and asks for what annexd reads in it, many times at once. Each version
// of a log is read and parsed once, never on the event loop of a connection, and all logs together stay within a bound
// of memory.

import AnnexProtocol
import Dispatch
import Foundation
import Synchronization
import Testing

@testable import AnnexBranch

@Suite(.timeLimit(.minutes(5)))
struct CachedLogTests {
    private func descriptions(
        in budget: CacheBudget = CacheBudget(), cost: Int = 5000
    ) -> CachedLog<Int, [RepositoryUUID]> {
        CachedLog(.uuidLog, in: budget, cost: { _ in cost }) { content, _ in
            OldUUIDLog(parsing: content).records.keys.compactMap { RepositoryUUID($0) }
        }
    }

    @Test("however many ask at once, one reads the log; and only where the log, or the other input, is another one")
    func once() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            let log = descriptions()
            try await branch.describe(repository.uuid, as: Array("here".utf8))
            try await branch.flush()
            let answers = try await withThrowingTaskGroup(of: [RepositoryUUID].self) { group in
                for _ in 0..<60 { group.addTask { try await log.value(in: branch, with: 1) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count == 60 && answers.allSatisfy { $0 == [repository.uuid] })
            #expect(log.derivations == 1)
            _ = try await log.value(in: branch, with: 2)
            #expect(log.derivations == 2, "another input")

            let other = RepositoryUUID.random()
            try await branch.describe(other, as: Array("there".utf8))
            #expect(try await log.value(in: branch, with: 2).count == 2, "from the journal")
            try await branch.flush()
            #expect(try await log.value(in: branch, with: 2).count == 2, "from the branch")
            #expect(log.derivations == 4)
            try await repository.git("pack-refs", "--all")
            for _ in 0..<3 { #expect(try await log.value(in: branch, with: 2).count == 2, "from packed refs") }
            #expect(log.derivations == 5)
            try await repository.git("update-ref", "-d", "refs/heads/git-annex")
            #expect(try await log.value(in: branch, with: 2).isEmpty, "no branch")
            try await branch.close()
        }
    }

    @Test("a log that cannot be read is not read again before it is another one")
    func unreadable() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let large = (0..<200).map { "\($0) x timestamp=1s\n" }.joined()
            let commit = try await repository.commit(["uuid.log": large])
            try await repository.git("update-ref", "refs/heads/git-annex", commit)
            let branch = repository.branch { $0.maximumFileSize = 1000 }
            let log = CachedLog<Int, Int>(.uuidLog, in: CacheBudget(), cost: { _ in 0 }) { content, _ in content.count }
            // A tree is larger than this limit allows, so only what is no file is refused.
            let folder = try await repository.commit(["uuid.log/x": "1\n"])
            try await repository.git("update-ref", "refs/heads/git-annex", folder)
            for _ in 0..<3 {
                await #expect(throws: AnnexBranchError.self) { try await log.value(in: branch, with: 0) }
            }
            #expect(log.derivations == 1)
            try await repository.git("update-ref", "refs/heads/git-annex", repository.commit(["uuid.log": "u x\n"]))
            #expect(try await log.value(in: branch, with: 0) == 4)
            try await branch.close()
        }
    }

    @Test("what is remembered has a bound over all repositories: what was not used for the longest time goes first")
    func bounded() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            try await branch.describe(repository.uuid, as: Array("here".utf8))
            let budget = CacheBudget(limit: 20_000)
            var logs = (0..<4).map { _ in descriptions(in: budget) }
            for log in logs { _ = try await log.value(in: branch, with: 0) }
            #expect(budget.used == 20_000)
            _ = try await logs[0].value(in: branch, with: 0)
            logs.append(descriptions(in: budget))
            _ = try await logs[4].value(in: branch, with: 0)
            #expect(budget.used <= 20_000)
            // The first was used again, so it is still there; the second was not.
            for index in [0, 4, 1] { _ = try await logs[index].value(in: branch, with: 0) }
            #expect(logs.map(\.derivations) == [1, 2, 1, 1, 1])
            logs = []
            #expect(budget.used == 0)

            let small = descriptions(in: budget, cost: 100)
            let huge = descriptions(in: budget, cost: 30_000)
            for _ in 0..<2 {
                _ = try await small.value(in: branch, with: 0)
                _ = try await huge.value(in: branch, with: 0)
            }
            #expect(budget.used == 0 && small.derivations == 1 && huge.derivations == 2)
            try await branch.close()
        }
    }

    @Test("what a log holds is never looked through on the event loop of whoever asks")
    func elsewhere() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            let lines = (0..<500).map { "1s 1 u\($0)\n" }.joined()
            try await branch.change(BranchPath(of: key(1), .location, levels: .two), regarding: nil) { _, _ in
                Array(lines.utf8)
            }
            let loop = Loop()
            let seen = Mutex<[Bool]>([])
            let log = CachedLog<Int, Int>(
                BranchPath(of: try key(1), .location, levels: .two), in: CacheBudget(), cost: { _ in 0 }
            ) { content, _ in
                seen.withLock { $0.append(Loop.isCurrent) }
                return content.count
            }
            try await Task(executorPreference: loop) {
                #expect(Loop.isCurrent)
                _ = try await log.value(in: branch, with: 0)
                #expect(Loop.isCurrent)
                _ = try await branch.parsed(BranchPath(of: key(1), .location, levels: .two)) { _ in
                    seen.withLock { $0.append(Loop.isCurrent) }
                }
            }.value
            #expect(seen.withLock { $0 } == [false, false])
            #expect(try await branch.locations(of: key(1)).count == 500)
            try await branch.close()
        }
    }

    /// Stands for the event loop of a connection.
    private final class Loop: TaskExecutor {
        private static let key = DispatchSpecificKey<Bool>()
        private let queue = DispatchQueue(label: "loop")

        init() { queue.setSpecific(key: Self.key, value: true) }

        static var isCurrent: Bool { DispatchQueue.getSpecific(key: key) == true }

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }
}
