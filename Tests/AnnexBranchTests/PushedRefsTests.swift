// Attack: somebody pushes hundreds of thousands of refs below refs/synced, or one that cannot be read. Listing them
// must neither take for ever nor keep what others push from being merged.

import AnnexProtocol
import Foundation
import SystemPackage
import Testing

@testable import AnnexBranch

@Suite(.timeLimit(.minutes(5)))
struct PushedRefsTests {
    private static let synced = "refs/heads/synced/git-annex"

    @Test("docs/hostile-pushes.md: what was just pushed is merged, however many refs there are besides")
    func pushedFirst() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let branch = repository.branch {
                $0.commitsAutomatically = false
                $0.maximumPushedRefs = 3
            }
            try await branch.describe(repository.uuid, as: Array("here".utf8))
            try await branch.flush()
            func ref(_ name: String, _ key: Key) async throws {
                let path = BranchPath(of: key, .location, levels: .two).description
                try await repository.git("update-ref", name, repository.commit([path: "1s 1 u\n"]))
            }
            for number in 0..<10 { try await ref("refs/synced/a\(number)/git-annex", key(number)) }
            // Not of the kind that is merged; they do not count.
            for number in 0..<10 { try await ref("refs/synced/0\(number)/main", key(100 + number)) }
            try await ref("refs/synced/z/git-annex", key(50))
            let merged = try await branch.mergePushed(first: [Array("refs/synced/z/git-annex".utf8)]).merged
            #expect(merged == ["z", "a0", "a1", "a2"].map { "refs/synced/\($0)/git-annex" }, "in this order")
            #expect(try await branch.locations(of: key(50)).count == 1)
            // synced/git-annex is always looked at; what nobody merges is not, whoever names it.
            try await ref(Self.synced, key(51))
            try await ref("refs/tags/git-annex", key(52))
            let names = ["refs/tags/git-annex", "refs/heads/git-annex", "refs/synced/00/main"].map { Array($0.utf8) }
            #expect(try await branch.mergePushed(first: names).merged == [Self.synced])
            try await branch.close()
        }
    }

    @Test("docs/hostile-pushes.md: a ref that git cannot read keeps no other from being merged")
    func unreadable() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            try await branch.describe(repository.uuid, as: Array("here".utf8))
            try await branch.flush()
            let folder = repository.path + "/refs/synced/a"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try (String(repeating: "1", count: 40) + "\n").write(
                toFile: folder + "/git-annex", atomically: false, encoding: .utf8)
            let path = BranchPath(of: try key(1), .location, levels: .two).description
            try await repository.git("update-ref", Self.synced, repository.commit([path: "1s 1 u\n"]))
            #expect(try await branch.mergePushed().merged == [Self.synced])
            #expect(try await branch.locations(of: key(1)).count == 1)
            try await branch.close()
        }
    }

    @Test("docs/hostile-pushes.md: beyond so many refs below refs/synced no new one is accepted")
    func bound() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            var settings = BranchSettings()
            settings.maximumPushedRefs = 2
            let commit = try await repository.commit(["uuid.log": "u x timestamp=1s\n"])
            func objection(creating ref: String?) async throws -> String? {
                try await PushCheck(gitDirectory: FilePath(repository.path), own: repository.uuid, settings: settings)
                    .objection(toMerging: commit, creating: ref)
            }
            for name in ["a", "b"] {
                #expect(try await objection(creating: "refs/synced/\(name)/git-annex") == nil)
                try await repository.git("update-ref", "refs/synced/\(name)/git-annex", commit)
                try await repository.git("update-ref", "refs/remotes/\(name)/git-annex", commit)
            }
            let reason = try await objection(creating: "refs/synced/c/git-annex")
            #expect(reason == "2 refs of its kind are there already; push to synced/git-annex, or delete some")
            #expect(try await objection(creating: nil) == nil, "one that is there may be moved")
            #expect(try await objection(creating: Self.synced) == nil)
        }
    }
}
