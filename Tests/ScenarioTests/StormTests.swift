// Nothing a client does holds the server: after a storm of interruptions it has the descriptors, threads, children,
// files and connections that it had before, and exactly the content locks that it promised.
//
// `make storm` makes it ten thousand interruptions, and asks for this two seconds after the last one; a test run makes
// do with hundreds, and with whatever time a busy machine takes.

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct StormTests {
    private var interruptions: Int {
        ProcessInfo.processInfo.environment["ANNEXD_TEST_STORM"].flatMap { Int($0) } ?? 520
    }

    /// What must be as before.
    private struct Picture: Equatable, CustomStringConvertible {
        var descriptors: Int
        var threads: Int
        var children: Int
        var connections: Int
        var working: Int
        var locks: Int
        var files: [String]

        var description: String {
            "\(descriptors) descriptors, \(threads) threads, \(children) children, \(connections) connections, "
                + "\(working) pieces of work, \(locks) locks, files \(files)"
        }
    }

    private func picture(_ repository: HostedRepository) throws -> Picture {
        let host = repository.host
        // First, so that the connection that asks for the others is none of them.
        let readings = try host.readings
        let metrics = try host.metrics()
        let busy = [
            "annexd_git_working", "annexd_git_slow", "annexd_git_queue", "annexd_uploads_waiting",
            "annexd_blocking_waiting", "annexd_blocking_running", "annexd_remote_requests", "annexd_remote_queue",
            "annexd_remote_connections",
        ]
        // Locks of transfers, temporary files of git and of the host; partial uploads stay on purpose.
        let files = try Command([
            "sh", "-c",
            """
            cd "$0" && find annex/transfer annex/othertmp objects "$1/.annexd/tmp" \
            \\( -name 'lck.*' -o -name 'tmp_*' -o -name 'incoming-*' -o -path '*/othertmp/*' -o -path '*/.annexd/tmp/*' \
            -o -path 'annex/transfer/*' -type f \\) 2>/dev/null | sort
            """, repository.directory, host.root,
        ]).run().lines
        return Picture(
            descriptors: readings.descriptors, threads: readings.threads, children: readings.children.count,
            connections: try #require(metrics["annexd_connections"]),
            working: try busy.reduce(0) { $0 + (try #require(metrics[$1], "\($1)")) },
            locks: try #require(metrics["annexd_locks"]), files: files)
    }

    /// Waits until everything is as before but for content locks, each of which has a descriptor, and says how long
    /// that took: docs/reliability.md promises two seconds on a machine that does nothing else.
    private func expectQuiet(after what: String, _ repository: HostedRepository, as before: Picture) throws {
        var after = before
        var seen = ""
        let began = ProcessInfo.processInfo.systemUptime
        let seconds = try timeUntil(within: max(30, secondsUntilQuiet)) {
            after = try picture(repository)
            seen += "\n  after \(Int((ProcessInfo.processInfo.systemUptime - began) * 1000)) ms: \(after)"
            after.descriptors -= after.locks
            after.locks = before.locks
            // A thread that the runtime had to spare may have ended meanwhile, and the connection of the question
            // itself.
            after.threads = max(after.threads, before.threads)
            after.descriptors = max(after.descriptors, before.descriptors)
            return after == before
        }
        print("as before \(seconds.map { "\(Int($0 * 1000)) ms" } ?? "never") after \(what):\(seen)")
        #expect(
            seconds.map { $0 <= secondsUntilQuiet } ?? false,
            "\(what): after \(seconds.map { "\($0)" } ?? "30") s, not \(secondsUntilQuiet); before: \(before)\(seen)")
    }

    /// Locks in the eyes of the server, by key.
    private func heldLocks(_ host: AnnexdHost) throws -> [String: Int] {
        let listed = try host.locks(["list", "--json"])
        let rows = try JSONSerialization.jsonObject(with: Data(listed.output)) as? [[String: Any]] ?? []
        return rows.reduce(into: [:]) { counts, row in
            counts[row["key"] as? String ?? ""] = (row["clients"] as? [Any])?.count
        }
    }

    private func breakLocks(_ repository: HostedRepository, _ targets: Storm.Targets) throws {
        let result = try repository.host.locks(["break", "--force", repository.path, targets.locked, targets.unheard])
        #expect(result.status == 0, "\(result.transcript)")
    }

    /// A history that takes more than a pipe's buffer to send, content to get and to lock, and content to upload.
    private func prepare(
        _ repository: HostedRepository, _ p2p: P2PCalls, _ alice: StockClient
    ) throws -> (Storm.Targets, WorkTree) {
        let tree = try alice.annexClone(repository.url, as: "tree")
        try tree.write("history", seededBytes(2_000_000, seed: 5))
        try tree.git("add", "history")
        try tree.git("commit", "-qm", "history")
        for number in 0..<20 { try tree.write("file\(number)", seededBytes(400_000, seed: UInt64(100 + number))) }
        try alice.command(["git", "annex", "add", "--quiet", "."], in: tree.path).check()
        try tree.git("commit", "-qm", "files")
        try tree.annex("push")
        let uploads = try (0..<5).map { number in
            let bytes = seededBytes(600_000, seed: UInt64(10 + number))
            return (key: try Tools.sha256Key(bytes), bytes: bytes)
        }
        return (
            Storm.Targets(
                content: try p2p.store(seededBytes(3_000_000, seed: 1)), locked: try p2p.store(Array("locked".utf8)),
                unheard: try p2p.store(Array("unheard".utf8)), uploads: uploads,
                commit: try tree.git("rev-parse", "HEAD").trimmed),
            tree
        )
    }

    /// Ctrl-C for stock clients in the middle of what they do.
    private func interruptStockClients(_ tree: WorkTree, rounds: Int) throws {
        for round in 0..<rounds {
            let works = [
                ["git", "annex", "get", "-J4", "."], ["git", "annex", "copy", "-J4", "--to=origin", "."],
                ["git", "annex", "drop", "-J2", "."], ["git", "annex", "push"],
            ]
            let child = try tree.client.command(works[round % works.count], in: tree.path).start()
            // Not to wait for something, but to hit it at different moments.
            usleep(UInt32(150_000 + (round * 37 % 10) * 40_000))
            child.signalGroup(SIGINT)
            _ = child.finish(within: 60)
        }
    }

    @Test("clients that leave in every way leave nothing behind but promised locks", .timeLimit(.minutes(60)))
    func storm() throws {
        var options = AnnexdHost.Options()
        for name in ["MAX_LOCKS", "MAX_LOCKS_PER_CLIENT", "MAX_ANONYMOUS_LOCKS"] {
            options.environment["ANNEXD_LIMITS_\(name)"] = "100000"
        }
        try withRepository(options) { repository, p2p, alice in
            let host = repository.host
            let (targets, tree) = try prepare(repository, p2p, alice)
            // Once in every way, so that what is made once and kept is there.
            Storm(p2p, targets).rage(Storm.Interruption.allCases.count)
            try breakLocks(repository, targets)
            // Until nothing moves any more: a piece of work that reads itself counts none.
            var before = try picture(repository)
            #expect(
                try eventually(within: 60) {
                    let last = before
                    before = try picture(repository)
                    usleep(300_000)
                    return before == last && before.children == 0 && before.connections == 1 && before.working == 0
                }, "\(before)")

            let storm = Storm(p2p, targets)
            storm.rage(interruptions)
            try expectQuiet(after: "\(interruptions) interruptions", repository, as: before)
            #expect(storm.troubles.isEmpty, "\(storm.troubles.prefix(5))")
            let stockClients = max(4, interruptions / 100)
            try interruptStockClients(tree, rounds: stockClients)
            try expectQuiet(after: "\(stockClients) times Ctrl-C", repository, as: before)

            // What was promised, and what was answered to somebody who did not listen, is all that is left.
            let locks = try heldLocks(host)
            #expect(try locks.values.reduce(0, +) == picture(repository).locks)
            #expect(locks[targets.locked] == storm.promises)
            let unheard = locks[targets.unheard] ?? 0
            #expect(unheard <= interruptions / Storm.Interruption.allCases.count + 1)
            // A stock client that was interrupted while it dropped a file may have been promised its content.
            let files = try Set((0..<20).map { try tree.key("file\($0)") })
            #expect(Set(locks.keys).subtracting(files).isSubset(of: [targets.locked, targets.unheard]), "\(locks)")
            #expect(try p2p.remove(targets.locked) == false)

            try breakLocks(repository, targets)
            #expect(
                try eventually {
                    let others = try heldLocks(host).values.reduce(0, +)
                    return try host.readings.descriptors - others <= before.descriptors
                })

            // And it works as on the first day.
            for (key, bytes) in targets.uploads {
                let offset = try #require(try p2p.putOffset(key))
                let answer = try p2p.put(key, Array(bytes[offset...]), offset: offset)
                #expect(answer.bool("stored") == true, "\(answer.status) \(answer.reason) \(answer.text)")
            }
            #expect(try p2p.get(targets.content).body.count == 3_000_000)
            #expect(try p2p.remove(targets.locked) == true)
            try tree.annex("push")
            try tree.annex("get", ".")
            #expect(try alice.clone(repository.url, as: "again").read("history") == tree.read("history"))
        }
    }

    @Test("a head that comes byte by byte is given up in the end, and one that is stuck at a body as well")
    func slowLoris() throws {
        var options = AnnexdHost.Options()
        options.environment = [
            "ANNEXD_LIMITS_HEADER_TIMEOUT_SECONDS": "1", "ANNEXD_LIMITS_TRANSFER_TIMEOUT_SECONDS": "1",
        ]
        try withRepository(options) { repository, p2p, _ in
            let bytes = seededBytes(8_000_000, seed: 3)
            let key = try p2p.store(bytes)
            let loris = try RawConnection(port: repository.host.port)
            // Each byte is progress, and still there is one deadline for the whole head.
            var sent = 0
            #expect(
                eventually(within: 30) {
                    sent += 1
                    return (try? loris.send(sent == 1 ? "GET /" : "x")) == nil
                })
            #expect(sent > 3)

            let reader = try RawConnection(port: repository.host.port, receiveBuffer: 4096)
            try reader.send("GET \(p2p.target("key/\(key)")) HTTP/1.1\r\nHost: h\r\n\r\n")
            let writer = try p2p.beginPut(try Tools.sha256Key([1, 2, 3]), part: [1], declared: 3)
            #expect(try writer.readReply().status == 408, "answered when the rest did not come")
            #expect(try eventually { try picture(repository).connections == 1 })
            withExtendedLifetime(reader) {}

            // Slow ones that move are left alone, for much longer than any timeout.
            let slowKey = try Tools.sha256Key(Array(bytes.prefix(12)))
            let slow = try p2p.beginPut(slowKey, part: [], declared: 12)
            for byte in bytes.prefix(12) {
                usleep(250_000)
                try slow.sendChunk([byte])
            }
            try slow.sendLastChunk()
            #expect(try slow.readReply().bool("stored") == true)
        }
    }

    @Test("with few descriptors, more clients than that are served in the end, or told why not")
    func fewDescriptors() throws {
        var options = AnnexdHost.Options()
        options.limits = ["-n 128"]
        try withRepository(options) { repository, p2p, alice in
            let host = repository.host
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("a", seededBytes(1_000_000, seed: 9))
            try tree.add("a")
            try tree.annex("push")
            let key = try p2p.store(seededBytes(2_000_000, seed: 2))
            #expect(eventually { host.log.contains("ulimit") })
            let answers = Storm.crowd(200, on: host.port, target: p2p.target("key/\(key)")) {
                $0.body.count == 2_000_000
            }
            #expect(answers.complete > 0 && answers.other.allSatisfy { $0 == 503 || $0 == 429 }, "\(answers)")
            #expect(answers.complete + answers.other.count == 200, "\(answers)")
            // Everybody may lock something, and still files can be opened.
            var locks = 0
            for number in 0..<40 {
                guard try p2p.lock(try p2p.store(Array("content \(number)".utf8))) != nil else { break }
                locks += 1
            }
            #expect(locks > 0 && locks < 32)
            #expect(eventually { host.log.contains("content locks") })
            #expect(try alice.clone(repository.url, as: "again").read("a") == nil)
            _ = try p2p.store(Array("recovered".utf8))
            #expect(host.isRunning)
        }
    }

    @Test("spec 02 #39: with few descriptors, the first push of a branch finds its way into a repository of many keys")
    func firstPushWithFewDescriptors() throws {
        var options = AnnexdHost.Options()
        options.limits = ["-n 128"]
        try withRepository(options) { repository, p2p, alice in
            let keys = try (0..<150).map { try p2p.store(Array("content \($0)".utf8)) }
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.git("push", "-q", "origin", "git-annex")
            let bare = repository.tree(alice)
            let log = try #require(try bare.committedLog(keys[149]))
            #expect(log.contains("1 \(p2p.uuid)"))
        }
    }
}
