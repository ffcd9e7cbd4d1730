// Pushes of so many files that merging them takes a while: nobody else waits for that, and no crash in the middle loses
// anything. The process that makes the merge is halted, so that what happens meanwhile does so for certain.

import Foundation
import TestKit
import Testing

@Suite(.timeLimit(.minutes(10))) struct LargePushTests {
    private static let other = "11111111-1111-4111-8111-111111111111"
    private static let count = 9000

    /// A push that is being merged by a process that does not go on.
    private struct Halted {
        let repository: HostedRepository
        let push: ChildProcess
        let merger: Int32
        /// What the host has logged after the pushed branch was begun.
        let key: String

        init?(_ repository: HostedRepository, _ p2p: P2PCalls, _ alice: StockClient) throws {
            self.repository = repository
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.annex("sync")
            var input = "commit refs/forged\ncommitter x <x> 1 +0000\ndata 1\nx\nfrom \(try tree.tip("git-annex"))\n"
            for number in 0..<LargePushTests.count {
                let log = "1s 1 \(LargePushTests.other)\n"
                input += "M 100644 inline large/\(number).log\ndata \(log.utf8.count)\n\(log)\n"
            }
            var command = alice.command(["git", "fast-import", "--quiet"], in: tree.path)
            command.input = Array(input.utf8)
            try command.check()
            // The host's branch goes another way, so that the two have to be merged.
            let key = try p2p.store(Array("before".utf8))
            self.key = key
            guard try eventually({ try repository.tree(alice).committedLog(key) != nil }) else { return nil }
            push = try tree.begin("git", "push", "origin", "refs/forged:refs/heads/synced/git-annex")
            let host = repository.host
            var found: Int32?
            _ = eventually(within: 60) {
                found = ProcessReadings(of: host.pid)?.children.first(where: Self.isMerger)
                return found != nil
            }
            guard let found else { return nil }
            merger = found
            kill(merger, SIGSTOP)
        }

        private static func isMerger(_ pid: Int32) -> Bool {
            guard let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
            return String(decoding: line, as: UTF8.self).contains("fast-import")
        }

        func expectMerged(_ alice: StockClient, _ keys: [String], _ uuid: String) throws {
            let bare = repository.tree(alice)
            for key in keys { #expect(try bare.committedLog(key)?.contains("1 \(uuid)") == true) }
            let files = try bare.git("ls-tree", "-r", "--name-only", "git-annex", "large/").lines
            #expect(files.count == LargePushTests.count)
            let doctor = try repository.host.annexd("doctor", "--root", repository.host.root, "--verify-objects")
            #expect(doctor.status == 0, "\(doctor.allText)")
        }
    }

    @Test("docs/hostile-pushes.md: while a large push is merged, uploads, removals and fetches go on")
    func othersGoOn() throws {
        try withRepository { repository, p2p, alice in
            guard let halted = try Halted(repository, p2p, alice) else {
                Issue.record("no merge was seen")
                return
            }
            let key = try p2p.store(Array("meanwhile".utf8))
            #expect(try p2p.remove(halted.key) == true)
            #expect(try p2p.store(Array("before".utf8)) == halted.key)
            // A fetch commits what waits.
            let bob = try StockClient(in: alice.scratch, name: "bob")
            let tree = try bob.annexClone(repository.url, as: "tree-of-bob")
            #expect(try tree.git("ls-tree", "-r", "--name-only", "origin/git-annex").text.contains("\(key).log"))
            #expect(halted.push.status == nil)

            kill(halted.merger, SIGCONT)
            let pushed = halted.push.finish()
            #expect(pushed.status == 0, "\(pushed.allText)")
            try halted.expectMerged(alice, [halted.key, key], p2p.uuid)
        }
    }

    @Test("docs/hostile-pushes.md: a large push whose merge was ended by kill -9 is merged after the restart")
    func killed() throws {
        try withRepository { repository, p2p, alice in
            guard let halted = try Halted(repository, p2p, alice) else {
                Issue.record("no merge was seen")
                return
            }
            let key = try p2p.store(Array("meanwhile".utf8))
            repository.host.killWithChildren()
            kill(halted.merger, SIGKILL)
            _ = halted.push.finish()
            try repository.host.restart()
            let p2p = try repository.p2p()
            #expect(try p2p.checkPresent(key) == true)
            let bare = repository.tree(alice)
            #expect(
                try eventually(within: 60) {
                    try bare.git("ls-tree", "--name-only", "git-annex", "large/").text.isEmpty == false
                })
            #expect(try eventually { try bare.committedLog(key) != nil })
            try halted.expectMerged(alice, [halted.key, key], p2p.uuid)
        }
    }
}

extension WorkTree {
    fileprivate func tip(_ ref: String) throws -> String { try git("rev-parse", ref).trimmed }
}
