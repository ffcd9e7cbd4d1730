// Attack: somebody who may push makes branches that call the host's repository dead or a second name of a dead one,
// perform transitions, lose folders, and claim or deny its copies; somebody with a shell rewinds the branch. Whatever
// it was, the branch then says of every key what is in the object store, and still has the host's line in uuid.log.

import AnnexProtocol
import Foundation
import Logging
import Synchronization
import SystemPackage
import Testing

@testable import AnnexBranch

@Suite(.timeLimit(.minutes(10)))
struct HostileBranchTests {
    private static let dead = ["dddddddd-0000-4000-8000-000000000001", "dddddddd-0000-4000-8000-000000000002"]

    /// SplitMix64: the same branches in each run of a seed.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var value = state
            value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
            return value ^ (value >> 31)
        }
    }

    /// What is in the object store, and who is attacked.
    private final class Scene: Sendable {
        let repository: TestRepository
        let keys: [Key]
        let held = Mutex<Set<Key>>([])
        let generator: Mutex<Generator>

        init(_ repository: TestRepository, seed: UInt64) throws {
            self.repository = repository
            keys = try (0..<10).map { try key($0) }
            generator = Mutex(Generator(state: seed))
        }

        func pick<Value>(_ values: [Value]) -> Value {
            values[number(0...(values.count - 1))]
        }

        func number(_ range: ClosedRange<Int>) -> Int { generator.withLock { Int.random(in: range, using: &$0) } }
        func chance(_ percent: Int) -> Bool { number(1...100) <= percent }
        func holds(_ key: Key) -> Bool { held.withLock { $0.contains(key) } }

        func open() -> AnnexBranch {
            var settings = BranchSettings()
            settings.commitsAutomatically = false
            let own = OwnRepository(
                description: Array("fallback".utf8), parts: { [[1]] },
                keys: { _ in self.held.withLock { Array($0) } })
            return AnnexBranch(
                gitDirectory: FilePath(repository.path), uuid: repository.uuid, settings: settings,
                executor: DispatchExecutor(), logger: Logger(label: "test"), own: own)
        }

        func tip() async throws -> String? {
            let found = try? await repository.git("rev-parse", "-q", "--verify", "refs/heads/git-annex")
            return found.map { $0.trimmingCharacters(in: .newlines) }
        }
    }

    @Test(
        "docs/hostile-pushes.md: whatever is pushed, the host says what is so about its own copies",
        arguments: UInt64(1)...8)
    func survives(seed: UInt64) async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let scene = try Scene(repository, seed: seed)
            var branch = scene.open()
            try await branch.describe(repository.uuid, as: Array("the host".utf8))
            try await branch.flush()
            try await work(scene, branch)
            var commits = [try #require(try await scene.tip())]
            for round in 0..<5 {
                if scene.chance(60) { try await work(scene, branch) }
                if let tip = try await scene.tip() { commits.append(tip) }
                if scene.chance(25) { try await rewind(scene, to: commits) }
                if scene.chance(30) {
                    // A crash, or the end of the process.
                    branch = scene.open()
                    if try await branch.hasUnverifiedChanges {
                        try await branch.verifyOwnLocations { scene.holds($0) }
                    }
                }
                try await push(scene, branch, onto: &commits)
                try await check(scene, branch, "seed \(seed), push \(round)")
            }
            try await branch.flush()
            try await branch.close()
            let again = scene.open()
            #expect(try await !again.hasUnverifiedChanges)
            try await check(scene, again, "seed \(seed), at the end")
            try await again.close()
        }
    }

    /// Uploads and removals.
    private func work(_ scene: Scene, _ branch: AnnexBranch) async throws {
        for key in scene.keys where scene.chance(40) {
            scene.held.withLock { held in
                if held.remove(key) == nil { held.insert(key) }
            }
            try await branch.recordLocation(of: key, in: branch.uuid, present: scene.holds(key))
        }
        if scene.chance(70) { try await branch.flush() }
    }

    /// What no push can do, and an operator can.
    private func rewind(_ scene: Scene, to commits: [String]) async throws {
        if scene.chance(20) {
            try await scene.repository.git("update-ref", "-d", "refs/heads/git-annex")
        } else {
            try await scene.repository.git("update-ref", "refs/heads/git-annex", scene.pick(commits))
        }
    }

    private func push(_ scene: Scene, _ branch: AnnexBranch, onto commits: inout [String]) async throws {
        let repository = scene.repository
        try await branch.prepareForPush()
        try await branch.pushBegins()
        let tip = try await scene.tip()
        for _ in 0...scene.number(0...1) {
            let commit = try await forge(scene, on: scene.chance(75) ? tip : scene.pick(commits + [""]))
            commits.append(commit)
            let ref = scene.pick([
                "refs/heads/git-annex", "refs/heads/synced/git-annex", "refs/heads/synced/git-annex",
                "refs/synced/u/git-annex",
            ])
            let check = PushCheck(
                gitDirectory: FilePath(repository.path), own: branch.uuid, settings: branch.settings)
            if ref == "refs/heads/git-annex" {
                let old = try await scene.tip()
                if let old, try await repository.gitStatus("merge-base", "--is-ancestor", old, commit) != 0 { continue }
                if try await check.objection(toBranch: commit, replacing: old) != nil { continue }
            } else if try await check.objection(toMerging: commit) != nil {
                continue
            }
            try await repository.git("update-ref", ref, commit)
        }
        _ = try await branch.mergePushed()
        try await branch.pushEnded { scene.holds($0) }
    }

    /// A commit that no git-annex would make.
    private func forge(_ scene: Scene, on parent: String?) async throws -> String {
        let own = "\(scene.repository.uuid)"
        let uuids = Self.dead + [own, own]
        func clock() -> String { scene.pick(["1s", "5.5s", "2000000000s", "9999999999999s", "99999999999999999s"]) }
        func lines(_ line: () -> String) -> String {
            (0...scene.number(0...3)).map { _ in line() + scene.pick(["\n", "\n", "\r", "\r\n"]) }.joined()
        }
        var input = "commit refs/forged\ncommitter x <x> 1 +0000\ndata 1\nx\n"
        if let parent, !parent.isEmpty { input += "from \(parent)\n" }
        if scene.chance(30) { input += "deleteall\n" }
        func add(_ path: String, _ percent: Int, _ line: () -> String) {
            guard scene.chance(percent) else { return }
            let text = lines(line)
            input += "M 100644 inline \(path)\ndata \(text.utf8.count)\n\(text)\n"
        }
        add("trust.log", 70) { "\(scene.pick(uuids)) \(scene.pick(["X", "X", "1", "0"])) timestamp=\(clock())" }
        add("remote.log", 70) {
            "\(scene.pick(uuids)) name=x sameas-uuid=\(scene.pick(uuids)) timestamp=\(clock())"
        }
        add("transitions.log", 60) { "\(scene.pick(["ForgetDeadRemotes", "ForgetGitHistory"])) \(clock())" }
        add("uuid.log", 50) { "\(scene.pick(uuids)) \(scene.pick(["", "name", "X"])) timestamp=\(clock())" }
        for key in scene.keys {
            let path = BranchPath(of: key, .location, levels: .two)
            add("\(path)", 40) { "\(clock()) \(scene.pick(["0", "1", "X"])) \(scene.pick(uuids))" }
            if scene.chance(15) {
                // A whole folder of logs.
                input += "D \(String(decoding: path.bytes.prefix(3), as: UTF8.self))\n"
            }
        }
        try await scene.repository.git("fast-import", "--quiet", "--force", input: input + "\n")
        return try await scene.repository.git("rev-parse", "refs/forged").trimmingCharacters(in: .newlines)
    }

    private func check(_ scene: Scene, _ branch: AnnexBranch, _ when: String) async throws {
        for key in scene.keys {
            let status = try await branch.locations(of: key)[branch.uuid]
            #expect((status == .present) == scene.holds(key), "\(key), \(when)")
        }
        let log = OldUUIDLog(parsing: try await branch.read(.uuidLog) ?? [])
        #expect(log[branch.uuid] != nil, "uuid.log, \(when)")
    }

    @Test("docs/hostile-pushes.md: a branch that was rewound while nobody served it is put right when it is opened")
    func openedAfterRewind() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let scene = try Scene(repository, seed: 1)
            let branch = scene.open()
            try await branch.describe(repository.uuid, as: Array("the host".utf8))
            try await branch.flush()
            let early = try #require(try await scene.tip())
            let keys = scene.keys
            scene.held.withLock { $0 = Set(keys) }
            for key in keys { try await branch.recordLocation(of: key, in: branch.uuid, present: true) }
            try await branch.flush()
            try await branch.close()
            let late = try #require(try await scene.tip())
            #expect(try await !scene.open().hasUnverifiedChanges)

            // Back to a commit of its own; to somebody else's; and away.
            let empty = try await repository.commit(["numcopies.log": "1s 2\n"])
            for target in [early, empty, nil] {
                if let target {
                    try await repository.git("update-ref", "refs/heads/git-annex", target)
                } else {
                    try await repository.git("update-ref", "-d", "refs/heads/git-annex")
                }
                let opened = scene.open()
                #expect(try await opened.hasUnverifiedChanges)
                #expect(try await opened.verifyOwnLocations { scene.holds($0) } == keys.count)
                try await check(scene, opened, target ?? "deleted")
                #expect(try await repository.show("uuid.log").contains("the host"))
                #expect(try await !opened.hasUnverifiedChanges)
                try await opened.close()
            }
            // Git has thrown away what it was before: the whole object store is compared.
            try await repository.git("update-ref", "refs/heads/git-annex", empty)
            try await repository.git("reflog", "expire", "--expire=now", "--all")
            try await repository.git("gc", "-q", "--prune=now")
            #expect(try await repository.gitStatus("cat-file", "-e", late) != 0)
            let opened = scene.open()
            #expect(try await opened.hasUnverifiedChanges)
            #expect(try await opened.verifyOwnLocations { scene.holds($0) } == keys.count)
            try await check(scene, opened, "everything")
            #expect(try await repository.show("uuid.log").contains("fallback"))
            try await opened.close()
        }
    }
}
