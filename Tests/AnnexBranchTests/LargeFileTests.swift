import AnnexProtocol
import FileIO
import Foundation
import GitHost
import SystemPackage
import Testing

@testable import AnnexBranch

/// Files that are too large, from pushes or from before, never stop what has nothing to do with them.
@Suite struct LargeFileTests {
    private static let synced = "refs/heads/synced/git-annex"
    private static let limit = PushedFilePolicy.maximumKeyFileSize

    private func path(_ number: Int) throws -> String {
        BranchPath(of: try key(number), .location, levels: .two).description
    }

    /// In bytes; trees of this size are not read either.
    private let unreadable = BranchObjects.largestTree + 1024

    /// Lines of exactly `size` bytes together, that no other `name` has.
    private func log(_ size: Int, _ name: String) -> String {
        let line = "1s 1 \(name)"
        var result = ""
        for number in 0..<(size / 1024) {
            let start = "\(line)-\(number)-"
            let length = number == size / 1024 - 1 ? 1024 + size % 1024 : 1024
            result += start + String(repeating: "x", count: length - start.utf8.count - 1) + "\n"
        }
        return result
    }

    private func tip(_ repository: TestRepository) async throws -> String {
        try await repository.git("rev-parse", "git-annex").trimmingCharacters(in: .newlines)
    }

    /// Why the commit must not become the branch.
    private func objection(
        _ commit: String, in repository: TestRepository, _ settings: BranchSettings = BranchSettings()
    ) async throws -> String? {
        let check = PushCheck(gitDirectory: FilePath(repository.path), own: repository.uuid, settings: settings)
        return try await check.objection(toBranch: commit, replacing: tip(repository))
    }

    @Test("docs/hostile-pushes.md: the host can add its line to the largest log that is accepted")
    func atTheLimit() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            let largest = try await repository.commit(
                [path(1): log(Self.limit, "u")], parents: [tip(repository)])
            #expect(try await objection(largest, in: repository) == nil)
            for (file, size) in [(try path(2), Self.limit + 1), ("x.log", PushedFilePolicy.maximumSharedFileSize + 1)] {
                let larger = try await repository.commit([file: log(size, "u")], parents: [tip(repository)])
                #expect(
                    try await objection(larger, in: repository) == "\"\(file)\": it is larger than \(size - 1) bytes")
            }
            let larger = try await repository.commit([path(2): log(Self.limit + 1, "u")], parents: [largest])
            try await repository.git("update-ref", Self.synced, larger)
            let report = try await branch.mergePushed()
            #expect(report.merged == [Self.synced] && report.refusedEntries == 1)
            for number in 1...2 {
                try await branch.recordLocation(of: key(number), in: repository.uuid, present: true)
            }
            try await branch.flush()
            #expect(repository.journalFiles().isEmpty)
            #expect(try await branch.locations(of: key(1)).count == Self.limit / 1024 + 1)
            #expect(try await branch.locations(of: key(2)) == [repository.uuid: .present])
            try await branch.close()
        }
    }

    @Test("docs/hostile-pushes.md: a union that would be too large leaves the host's version of that file as it is")
    func union() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            let size = Self.limit * 3 / 4
            let base = try await repository.commit([path(1): log(size, "u")], parents: [tip(repository)])
            try await repository.git("update-ref", "refs/heads/git-annex", base)
            let other = try await repository.commit([path(1): log(size, "v"), path(2): "1s 1 v\n"])
            try await repository.git("update-ref", Self.synced, other)
            let report = try await branch.mergePushed()
            #expect(report.merged == [Self.synced] && report.refusedEntries == 1)
            #expect(try await repository.show(path(1)) == log(size, "u"))
            #expect(try await repository.show(path(2)) == "1s 1 v\n")
            // As large as a log may be, it is merged.
            let rest = try await repository.commit([path(1): log(Self.limit - size, "w")])
            try await repository.git("update-ref", Self.synced, rest)
            #expect(try await branch.mergePushed().refusedEntries == 0)
            #expect(try await repository.show(path(1)).utf8.count == Self.limit)
            try await branch.recordLocation(of: key(1), in: repository.uuid, present: true)
            try await branch.close()
        }
    }

    @Test("spec 02 §2.2: a journal file that is too large stays there, and all others are committed")
    func journal() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.maximumFileSize = 1000 }
            try repository.writeJournal(path(1), log(1024, "u"))
            try await branch.recordLocation(of: key(2), in: repository.uuid, present: true)
            try await branch.prepareForPush()
            #expect(repository.journalFiles().count == 1)
            #expect(try await repository.log(key(2)).contains("\(repository.uuid)"))
            // Nor does it keep a new process from working.
            try await branch.close()
            let next = repository.branch { $0.maximumFileSize = 1000 }
            try await next.recover()
            try await next.recordLocation(of: key(3), in: repository.uuid, present: true)
            #expect(try await next.claims([key(1), key(2), key(3)]) == [false, true, true])
            try await next.flush()
            #expect(repository.journalFiles().count == 1)
            #expect(try await repository.log(key(3)).contains("\(repository.uuid)"))
            // What is together with the branch's version too large stays as well.
            try FileManager.default.removeItem(
                atPath: repository.path + "/annex/journal/" + repository.journalFiles()[0])
            let pushed = try await repository.commit(
                [path(2): "1s 1 " + String(repeating: "x", count: 900) + "\n"], parents: [tip(repository)])
            try repository.writeJournal(path(2), "1s 1 " + String(repeating: "y", count: 900) + "\n")
            try await next.recordLocation(of: key(4), in: repository.uuid, present: true)
            try await repository.git("update-ref", "refs/heads/git-annex", pushed)
            try await next.flush()
            #expect(repository.journalFiles().count == 1)
            #expect(try await repository.log(key(4)).contains("\(repository.uuid)"))
            try await next.close()
        }
    }

    @Test("a log that cannot be read or changed fails alone, also among changes that are written together")
    func batch() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch {
                $0.maximumFileSize = 1000
                $0.commitsAutomatically = false
            }
            let line = "1s 1 " + String(repeating: "x", count: 970) + "\n"
            let base = try await repository.commit(
                [path(1): log(unreadable, "u"), path(2): line, path(3) + "/x": "x\n"], parents: [tip(repository)])
            try await repository.git("update-ref", "refs/heads/git-annex", base)
            let lock = try OpenFile(FilePath(repository.path + "/annex/journal.lck"), [.readWrite, .create])
            #expect(try lock.tryLock(.exclusive))
            let failed = try await withThrowingTaskGroup { group in
                for number in 1...40 {
                    group.addTask {
                        do {
                            try await branch.recordLocation(of: key(number), in: repository.uuid, present: true)
                            return nil as Int?
                        } catch let error as AnnexBranchError where error.code == .unexpectedContent {
                            return number
                        }
                    }
                }
                try await eventually { await branch.queue.count == 40 }
                try lock.unlock()
                return try await group.reduce(into: Set<Int>()) { if let number = $1 { $0.insert(number) } }
            }
            #expect(failed == [1, 2, 3])
            #expect(repository.journalFiles().count == 37)
            try await branch.flush()
            #expect(try await branch.claims((1...40).map(key)) == (1...40).map { $0 > 3 })
            #expect(try await repository.show(path(2)) == line)
            try await branch.close()
        }
    }

    @Test("docs/hostile-pushes.md: a log that cannot be corrected does not keep the others from being corrected")
    func corrections() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch { $0.maximumFileSize = 1000 }
            let claim = "9999s 1 \(repository.uuid)\n"
            let long = try Key(parsing: "WORM--" + String(repeating: "_", count: 200))
            try await branch.pushBegins()
            let pushed = try await repository.commit(
                [
                    path(1): log(unreadable, "u") + claim, path(2): claim, path(3): claim,
                    BranchPath(of: long, .location, levels: .two).description: claim,
                ], parents: [tip(repository)])
            try await repository.git("update-ref", "refs/heads/git-annex", pushed)
            let held = try [key(1), key(3)]
            #expect(try await branch.pushEnded { held.contains($0) } == 1)
            #expect(try await branch.locations(of: key(2))[repository.uuid] == .missing)
            #expect(try await branch.locations(of: key(3))[repository.uuid] == .present)
            #expect(try await !branch.hasUnverifiedChanges)
            try await branch.close()
        }
    }
}
