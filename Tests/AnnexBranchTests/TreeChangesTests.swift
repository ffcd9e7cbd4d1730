import AnnexProtocol
import Foundation
import SystemPackage
import Testing

@testable import AnnexBranch

@Suite struct TreeChangesTests {
    private actor Collector {
        private(set) var lines: [String] = []

        func add(_ part: [TreeChanges.Entry]) {
            lines += part.map { entry in
                ":\(entry.oldMode) \(entry.newMode) \(entry.oldID) \(entry.newID) \(String(decoding: entry.name, as: UTF8.self))"
            }
        }
    }

    private func objects(_ repository: TestRepository) -> BranchObjects {
        BranchObjects(
            gitDirectory: FilePath(repository.path),
            reader: ObjectReader(gitDirectory: FilePath(repository.path), sizeLimit: 1 << 20, idleTime: .seconds(5)))
    }

    private func changes(
        _ old: String?, _ new: String, _ repository: TestRepository, looksIntoRemoved: Bool = false
    ) async throws -> [String] {
        let collector = Collector()
        let objects = objects(repository)
        var changes = TreeChanges(old: old, new: new, objects: objects)
        changes.looksIntoRemoved = looksIntoRemoved
        try await changes.forEachPart { part in
            await collector.add(part)
            return true
        }
        await objects.reader.close()
        return await collector.lines.sorted()
    }

    @Test("docs/hostile-pushes.md: what differs is what git diff-tree says, for many random branches")
    func likeGit() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            var generator = SystemRandomNumberGenerator()
            var files: [String: String] = [:]
            var commits: [String] = []
            for _ in 0..<6 {
                for _ in 0..<20 {
                    let folder = ["", "a/", "a/b/", "c/d/e/", "f/"].randomElement(using: &generator) ?? ""
                    files["\(folder)x\(Int.random(in: 0..<30, using: &generator))"] =
                        "\(Int.random(in: 0..<5, using: &generator))\n"
                }
                commits.append(try await repository.commit(files))
            }
            for old in [nil] + commits.map(Optional.some) {
                for new in commits {
                    let tree = old ?? "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
                    let git = try await repository.git(
                        "diff-tree", "-r", "--raw", "--no-abbrev", "--no-renames", tree, new)
                    let expected = git.split(separator: "\n").map { line in
                        let words = line.split(separator: "\t")
                        return words[0].split(separator: " ").prefix(4).joined(separator: " ") + " " + words[1]
                    }
                    let found = try await changes(old, new, repository)
                    // A folder that is gone is told as one.
                    #expect(
                        found.filter { !$0.contains(" 000000 ") }
                            == expected.filter { !$0.contains(" 000000 ") }.sorted())
                    let gone = found.filter { $0.contains(" 000000 ") }.compactMap { $0.split(separator: " ").last }
                    for line in expected where line.contains(" 000000 ") {
                        #expect(gone.contains { line.hasSuffix(" \($0)") || line.contains(" \($0)/") }, "\(line)")
                    }
                    #expect(
                        try await changes(old, new, repository, looksIntoRemoved: true) == expected.sorted())
                }
            }
        }
    }

    @Test("docs/hostile-pushes.md: a file in place of a folder, and the other way around")
    func kinds() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let file = try await repository.commit(["a": "1\n"])
            let folder = try await repository.commit(["a/b": "1\n"])
            func shape(_ lines: [String]) -> [String] {
                lines.map {
                    $0.split(separator: " ").enumerated().filter { $0.offset != 2 && $0.offset != 3 }.map {
                        String($0.element)
                    }.joined(separator: " ")
                }
            }
            #expect(try await shape(changes(file, folder, repository)) == [":000000 100644 a/b", ":100644 000000 a"])
            #expect(try await shape(changes(folder, file, repository)) == [":040000 100644 a"])
            #expect(
                try await shape(changes(folder, file, repository, looksIntoRemoved: true)) == [
                    ":040000 100644 a", ":100644 000000 a/b",
                ])
            // Attack: a long name is in the path of everything below it.
            let name = String(repeating: "n", count: 128)
            let long = try await repository.commit(["\(name)/\(name)/1": "1\n", "\(name)/\(name.dropLast(2))/2": "2\n"])
            #expect(
                try await shape(changes(nil, long, repository)) == [
                    ":000000 040000 \(name)/\(name)", ":000000 100644 \(name)/\(name.dropLast(2))/2",
                ])
            let deep = try await repository.commit(["1/2/3/4/5/6": "1\n", "1/2/3/4/x": "2\n"])
            #expect(
                try await shape(changes(nil, deep, repository)) == [
                    ":000000 040000 1/2/3/4/5", ":000000 100644 1/2/3/4/x",
                ])
        }
    }

    @Test("docs/hostile-pushes.md: a few trees that name more files than memory holds are given up at the limit")
    func bomb() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            var level = try await repository.git("hash-object", "-w", "--stdin", input: "x\n").trimmingCharacters(
                in: .newlines)
            for depth in 0..<5 {
                let entry = depth == 0 ? "100644 blob \(level)" : "040000 tree \(level)"
                let listing = (100..<600).map { "\(entry)\t\($0)\n" }.joined()
                level = try await repository.git("mktree", input: listing).trimmingCharacters(in: .newlines)
            }
            let commit = try await repository.git("commit-tree", level, "-m", "x").trimmingCharacters(in: .newlines)
            let check = PushCheck(gitDirectory: FilePath(repository.path), own: nil, settings: BranchSettings())
            #expect(try await check.objection(toMerging: commit) == "it changes too many files")
            #expect(try await check.objection(toBranch: commit, replacing: nil) == "it changes too many files")
            // Where such a ref is there all the same, it keeps nobody else's from being merged.
            let base = try await repository.commit(["uuid.log": "u x timestamp=1s\n"])
            try await repository.git("update-ref", "refs/heads/git-annex", base)
            try await repository.git("update-ref", "refs/heads/synced/git-annex", commit)
            let good = try await repository.commit(["a/b/X1.log": "1s 1 u\n"])
            try await repository.git("update-ref", "refs/synced/u/git-annex", good)
            let branch = repository.branch()
            let report = try await branch.mergePushed()
            #expect(report.merged == ["refs/synced/u/git-annex"])
            #expect(report.unmerged == [.init(ref: "refs/heads/synced/git-annex", reason: .failed)])
            #expect(try await repository.show("a/b/X1.log") == "1s 1 u\n")
            try await branch.close()
        }
    }

    @Test("docs/hostile-pushes.md: folders without any file in them are given up before they take for ever")
    func emptyFolders() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            var level = try await repository.git("mktree").trimmingCharacters(in: .newlines)
            for _ in 0..<4 {
                let listing = (100..<600).map { "040000 tree \(level)\t\($0)\n" }.joined()
                level = try await repository.git("mktree", input: listing).trimmingCharacters(in: .newlines)
            }
            let commit = try await repository.git("commit-tree", level, "-m", "x").trimmingCharacters(in: .newlines)
            let check = PushCheck(gitDirectory: FilePath(repository.path), own: nil, settings: BranchSettings())
            #expect(try await check.objection(toMerging: commit) == "it has too many empty folders")
            #expect(try await check.objection(toBranch: commit, replacing: nil) == "it has too many empty folders")
            let base = try await repository.commit(["uuid.log": "u x timestamp=1s\n"])
            try await repository.git("update-ref", "refs/heads/git-annex", base)
            try await repository.git("update-ref", "refs/heads/synced/git-annex", commit)
            let branch = repository.branch()
            #expect(
                try await branch.mergePushed().unmerged == [
                    .init(ref: "refs/heads/synced/git-annex", reason: .failed)
                ])
            try await branch.close()
        }
    }
}
