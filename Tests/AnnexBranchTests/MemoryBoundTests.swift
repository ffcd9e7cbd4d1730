import AnnexProtocol
import Foundation
import Synchronization
import SystemPackage
import Testing

@testable import AnnexBranch

/// However much a branch or a journal holds, only a bounded part of it is in memory.
@Suite struct MemoryBoundTests {
    @Test("docs/hostile-pushes.md: objects are looked at one by one, as git tells them")
    func oneByOne() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            var blobs: [String] = []
            for text in ["one\n", "two\n", (0..<9999).map { "\($0) " }.joined()] {
                blobs.append(
                    try await repository.git("hash-object", "-w", "--stdin", input: text).trimmingCharacters(
                        in: .newlines))
            }
            let reader = ObjectReader(
                gitDirectory: FilePath(repository.path), sizeLimit: 1 << 20, idleTime: .seconds(5))
            let names = blobs.map { Array($0.utf8) }
            #expect(try await reader.map(names) { (try? $0.blob(""))??.count ?? 0 } == [4, 4, 48_885])
            await reader.close()
            // git ends at an object that is damaged; what it told before has been seen by then.
            let damaged = repository.path + "/objects/\(blobs[2].prefix(2))/\(blobs[2].dropFirst(2))"
            let half = try #require(FileManager.default.contents(atPath: damaged)?.prefix(9000))
            try FileManager.default.removeItem(atPath: damaged)
            try half.write(to: URL(fileURLWithPath: damaged))
            let seen = Mutex(0)
            await #expect(throws: (any Error).self) {
                try await reader.map(names) { _ in seen.withLock { $0 += 1 } }
            }
            #expect(seen.withLock { $0 } == 2)
            await reader.close()
        }
    }

    @Test("spec 02 §2.8.3: a journal is taken in parts of bounded size")
    func journalParts() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            for number in 0..<10 { try repository.writeJournal("\(number)", String(repeating: "x", count: 100)) }
            try FileManager.default.createDirectory(
                atPath: repository.path + "/annex/journal/0x", withIntermediateDirectories: false)
            let journal = Journal(gitDirectory: FilePath(repository.path), sharing: .umask, maximumFileSize: 100)
            var rest = try journal.names()[...]
            var parts: [[Int]] = []
            while !rest.isEmpty {
                let stage = try journal.stage(rest, bytes: 250)
                rest = rest.dropFirst(stage.count)
                parts.append([stage.files.count, stage.leftOut.count])
            }
            #expect(parts == [[3, 1], [3, 0], [3, 0], [1, 0]])
        }
    }

    @Test("spec 02 §2.8.3: large files of a journal are committed in several commits, each of bounded size")
    func commits() async throws {
        try await TestRepository.with { repository in
            let branch = repository.branch()
            // Large in the branch, where the journal cannot tell.
            let size = TreeMerge.partBytes / 20
            let log = "1s 1 " + String(repeating: "x", count: size) + "\n"
            var files: [String: String] = [:]
            for number in 1...40 { files[BranchPath(of: try key(number), .location, levels: .two).description] = log }
            let tip = try await repository.git("rev-parse", "git-annex").trimmingCharacters(in: .newlines)
            try await repository.git(
                "update-ref", "refs/heads/git-annex", repository.commit(files, parents: [tip]))
            for file in files.keys { try repository.writeJournal(file, "2s 1 u\n") }
            let before = try await repository.commits
            try await branch.flush()
            #expect(repository.journalFiles().isEmpty)
            #expect(try await repository.commits == before + 2)
            for file in files.keys { #expect(try await repository.show(file).utf8.count == log.utf8.count + 7) }
            try await branch.close()
        }
    }

    @Test("as few files are open at once as the process's limit asks for")
    func openFiles() {
        #expect([0, 128, 1024, 1 << 20].map(Journal.openFiles) == [8, 8, 64, 128])
    }
}
