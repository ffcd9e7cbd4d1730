import Foundation
import TestKit

/// Pushes commits with stock git: to a branch of its own, to names that do not exist yet, and to `synced/git-annex`.
final class PushWorker: CrashWorker, @unchecked Sendable {
    private let root: String
    private let main: String
    private let name: String
    private let local: String
    private var generator: SeededGenerator
    private var port = 0
    private var counter = 0
    /// Every commit that was pushed to the branch, in order, and how many of them are acknowledged at least.
    private var commits: [String] = []
    private var acknowledged = 0
    /// What pushes created: repository and commit.
    private var created: [(repository: String, commit: String)] = []
    /// Files of the git-annex branch that acknowledged pushes brought.
    private var logs: [String] = []

    init(_ hosted: HostedRepository, name: String, in scratch: ScratchDirectory, seed: UInt64) throws {
        root = hosted.host.root
        main = hosted.path
        self.name = name
        local = try scratch.makeDirectory("push-\(name)")
        generator = SeededGenerator(seed: seed)
        try Command(["git", "init", "-q", "--bare", local]).check()
    }

    private func git(_ arguments: [String], input: [UInt8] = [], variables: [String: String] = [:]) throws
        -> CommandResult
    {
        var environment = Command.plainEnvironment
        for key in ["AUTHOR", "COMMITTER"] {
            environment["GIT_\(key)_NAME"] = "crash"
            environment["GIT_\(key)_EMAIL"] = "crash@example.com"
        }
        environment.merge(variables) { $1 }
        return try Command(["git"] + arguments, environment: environment, directory: local, input: input, timeout: 60)
            .run()
    }

    private func text(_ arguments: String..., input: [UInt8] = [], variables: [String: String] = [:]) throws -> String {
        let result = try git(arguments, input: input, variables: variables)
        guard result.status == 0 else { throw TestKitError(.commandFailed, result.transcript) }
        return result.trimmed
    }

    private func url(_ repository: String) -> String { "http://127.0.0.1:\(port)/\(repository)" }

    func work(_ round: CrashRound) {
        port = round.port
        while !round.ended {
            do {
                switch Int.random(in: 0..<10, using: &generator) {
                case 0..<5: try pushBranch()
                case 5..<7: try pushToCreate()
                default: try pushAnnexBranch()
                }
            } catch {
                // The server was killed under this push.
            }
        }
    }

    private func commit(parent: String?) throws -> String {
        let blob = try text("hash-object", "-w", "--stdin", input: generator.bytes(20_000))
        let tree = try text("mktree", input: Array("100644 blob \(blob)\tfile\n".utf8))
        counter += 1
        return try text(
            "commit-tree", tree, "-m", "\(counter)", "-p", parent ?? "", input: [])
    }

    private func rootCommit() throws -> String {
        let blob = try text("hash-object", "-w", "--stdin", input: generator.bytes(2_000))
        let tree = try text("mktree", input: Array("100644 blob \(blob)\tfile\n".utf8))
        return try text("commit-tree", tree, "-m", "first")
    }

    private func pushBranch() throws {
        let next = try commits.last.map { try commit(parent: $0) } ?? rootCommit()
        commits.append(next)
        if try git(["push", "-q", url(main), "\(next):refs/heads/\(name)"]).status == 0 {
            acknowledged = commits.count
        }
    }

    private func pushToCreate() throws {
        let repository = "made/\(name)-\(counter)-\(UInt32.random(in: 0 ... .max, using: &generator))"
        let first = try rootCommit()
        if try git(["push", "-q", url(repository), "\(first):refs/heads/main"]).status == 0 {
            created.append((repository, first))
        }
    }

    /// As `git annex sync` does: on top of what was fetched, to the branch that the server merges.
    private func pushAnnexBranch() throws {
        counter += 1
        let key = "WORM-s1-m1--\(name)-\(counter)"
        let digest = try Tools.md5(Array(key.utf8))
        let file = "\(digest.prefix(3))/\(digest.dropFirst(3).prefix(3))/\(key).log"
        guard try git(["fetch", "-q", url(main), "+refs/heads/git-annex:refs/heads/git-annex"]).status == 0 else {
            return
        }
        let index = ["GIT_INDEX_FILE": "\(local)/index-of-annex"]
        let line = "\(wallSeconds())s 1 0d6a1f1e-6d0f-4a43-8f3c-5a1f0c0ffee0\n"
        let blob = try text("hash-object", "-w", "--stdin", input: Array(line.utf8))
        _ = try text("read-tree", "git-annex", variables: index)
        _ = try text("update-index", "--add", "--cacheinfo", "100644,\(blob),\(file)", variables: index)
        let tree = try text("write-tree", variables: index)
        let next = try text("commit-tree", tree, "-m", "update", "-p", "git-annex")
        if try git(["push", "-q", url(main), "+\(next):refs/heads/synced/git-annex"]).status == 0 { logs.append(file) }
    }

    func verify(_ findings: Findings) {
        do {
            let repository = DiskRepository(path: "\(root)/\(main).git")
            if !commits.isEmpty {
                let tip = try repository.git("rev-parse", "refs/heads/\(name)").trimmed
                let position = (commits.firstIndex(of: tip) ?? -1) + 1
                findings.expect(
                    position >= acknowledged,
                    "\(name): \(acknowledged) pushes were acknowledged, and the branch is at \(position): \(tip)")
                // Go on from where the server is.
                commits = Array(commits.prefix(position))
                acknowledged = commits.count
            }
            for (made, commit) in created {
                let tip = try DiskRepository(path: "\(root)/\(made).git").git("rev-parse", "refs/heads/main").trimmed
                findings.expect(tip == commit, "\(made): a push created it, and it is at \(tip)")
            }
            created = created.suffix(3)
            let branch = Set(try repository.git("ls-tree", "-r", "--name-only", "git-annex").lines)
            for file in logs { findings.expect(branch.contains(file), "\(file): pushed, and not in the branch") }
            logs = logs.suffix(20)
        } catch {
            findings.add("\(name): \(error)")
        }
    }
}
