// Many at once: uploads of one key, readers of one key, slow git clients, and clones that drop and get without end.

import Foundation
import Synchronization
import TestKit
import Testing

@Suite(.serialized) struct ContentionTests {
    /// Puts `bytes` from several threads at once; answers how many were told that it is stored.
    private func putAtOnce(_ count: Int, _ p2p: P2PCalls, _ key: String, _ bytes: [UInt8]) -> Int {
        let stored = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: count) { _ in
            if (try? p2p.put(key, bytes))?.bool("stored") == true { stored.add(1, ordering: .relaxed) }
        }
        return stored.load(ordering: .relaxed)
    }

    @Test(
        "spec 01 #51: 8 uploads of one key all succeed with one object, also when the first one crawls or is stuck",
        arguments: ["crawls", "is stuck", "is in no hurry"])
    func firstCrawls(how: String) throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(4_000_000, seed: 7)
            let key = try Tools.sha256Key(bytes)
            let first = try p2p.beginPut(key, part: Array(bytes[..<100_000]), declared: bytes.count)
            #expect(try eventually { try p2p.putOffset(key) == 100_000 })
            var sent = 100_000
            let others = Mutex<Int?>(nil)
            let thread = Thread { others.withLock { $0 = putAtOnce(7, p2p, key, bytes) } }
            if how == "is in no hurry" {
                // Comes to its end before anybody loses patience.
                thread.start()
            } else {
                thread.start()
                #expect(
                    try eventually(within: 60) {
                        if how == "crawls" {
                            try first.sendChunk([bytes[sent]])
                            sent += 1
                        }
                        return try p2p.checkPresent(key) == true
                    })
            }
            // The slow one is heard out, and told that the content is there.
            try first.sendChunk(Array(bytes[sent...]))
            try first.sendLastChunk()
            #expect(try first.readReply().bool("stored") == true)
            #expect(eventually(within: 60) { others.withLock { $0 } != nil })
            #expect(others.withLock { $0 } == 7)
            #expect(try p2p.get(key).body == bytes)
            let objects = Command(
                ["find", "annex", "-type", "f", "-name", "*\(key)*", "-not", "-path", "*/journal/*"],
                directory: repository.directory)
            #expect(try objects.run().lines.count == 1, "one object, no partial file, no lock")
            #expect(
                try eventually {
                    try repository.host.http.get("/-/metrics").text.contains("annexd_uploads_waiting 0")
                })
        }
    }

    @Test("a slow upload that stepped back goes on where it was when the quicker one breaks off")
    func steppedBackGoesOn() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(1_000_000, seed: 8)
            let key = try Tools.sha256Key(bytes)
            let slow = try p2p.beginPut(key, part: Array(bytes[..<50_000]), declared: bytes.count)
            #expect(try eventually { try p2p.putOffset(key) == 50_000 })
            let quick = try p2p.beginPut(key, part: Array(bytes[..<400_000]), declared: bytes.count)
            var sent = 50_000
            #expect(
                try eventually(within: 60) {
                    try slow.sendChunk([bytes[sent]])
                    sent += 1
                    return try p2p.putOffset(key) == 400_000
                })
            quick.reset()
            try slow.sendChunk(Array(bytes[sent...]))
            try slow.sendLastChunk()
            #expect(try slow.readReply().bool("stored") == true)
            #expect(try p2p.get(key).body == bytes)
        }
    }

    @Test("a client that leaves while its large partial upload is read back holds no thread")
    func leavingWhileHashing() throws {
        try withRepository { repository, p2p, _ in
            // 40 GB that take no room on the disk, and minutes to hash.
            let size = 40_000_000_000
            let key = "SHA256-s\(size + 1)--\(String(repeating: "a", count: 64))"
            try Command(
                ["sh", "-c", "mkdir -p annex/tmp && truncate -s \(size) annex/tmp/\(key)"],
                directory: repository.directory
            )
            .check()
            let metrics = { try repository.host.http.get("/-/metrics").text }
            let resumed = try p2p.beginPut(key, part: [1], declared: 1, offset: size)
            let locks = Command(["find", "annex/transfer", "-name", "lck.*"], directory: repository.directory)
            #expect(try eventually { try !locks.run().lines.isEmpty })
            resumed.reset()
            #expect(try eventually { try locks.run().lines.isEmpty })
            #expect(try eventually { try metrics().contains("annexd_blocking_running 0") })
            #expect(try p2p.putOffset(key) == size, "kept for the next try")
        }
    }

    @Test("20 clients get one key at once")
    func manyReaders() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(5_000_000, seed: 4)
            let key = try p2p.store(bytes)
            let crowd = Storm.crowd(20, on: repository.host.port, target: p2p.target("key/\(key)")) { $0.body == bytes }
            #expect(crowd.complete == 20, "\(crowd)")
        }
    }

    @Test("clients that read their clone slowly, or not at all, keep nobody from git")
    func slowClones() throws {
        var options = AnnexdHost.Options()
        options.environment = ["ANNEXD_LIMITS_GIT_PROCESSES": "2"]
        try withRepository(options) { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("history", seededBytes(8_000_000, seed: 5))
            try tree.git("add", "history")
            try tree.git("commit", "-qm", "history")
            try tree.annex("push")
            let commit = try tree.git("rev-parse", "HEAD").trimmed
            let body = "0011command=fetch0001" + "0032want \(commit)\n0009done\n0000"
            let stuck = try (0..<6).map { _ in
                let connection = try RawConnection(port: repository.host.port, receiveBuffer: 4096)
                try connection.send(
                    """
                    POST /team/data.git/git-upload-pack HTTP/1.1\r
                    Host: h\r
                    Content-Type: application/x-git-upload-pack-request\r
                    Git-Protocol: version=2\r
                    Content-Length: \(body.utf8.count)\r
                    \r
                    \(body)
                    """)
                return connection
            }
            let metrics = { try repository.host.http.get("/-/metrics").text }
            #expect(try eventually { try metrics().contains("annexd_git_slow 6") })
            #expect(try alice.clone(repository.url, as: "again").read("history") == tree.read("history"))
            for connection in stuck { connection.reset() }
            #expect(try eventually { try metrics().contains("annexd_git_slow 0") })
            #expect(try eventually { try repository.host.readings.children.isEmpty })
        }
    }

    /// Rounds of `drop` and `get` for each of four clones; `ANNEXD_TEST_LOOP_SECONDS` makes it minutes.
    @Test(
        "spec 01 #117: four clones that drop and get in a loop neither hang nor leave locks", .timeLimit(.minutes(120)))
    func loops() throws {
        let seconds = ProcessInfo.processInfo.environment["ANNEXD_TEST_LOOP_SECONDS"].flatMap { Double($0) }
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "origin-tree")
            for number in 0..<8 { try tree.write("file\(number)", seededBytes(200_000, seed: UInt64(number))) }
            try alice.command(["git", "annex", "add", "--quiet", "."], in: tree.path).check()
            try tree.git("commit", "-qm", "files")
            try tree.annex("push")
            let clones = try (0..<4).map { try alice.annexClone(repository.url, as: "clone\($0)") }
            let before = try repository.host.readings
            let end = Date(timeIntervalSinceNow: seconds ?? 0)
            let loops = try clones.map { clone in
                let rounds = seconds == nil ? "2" : "100000"
                let script = """
                    for i in $(seq \(rounds)); do
                        git annex get -q -J3 . || exit 1
                        git annex drop -q -J3 . || exit 2
                        [ -z "$0" ] || [ "$(date +%s)" -lt "$0" ] || break
                    done
                    """
                let until = seconds == nil ? "" : "\(Int(end.timeIntervalSince1970))"
                return try clone.client.command(["sh", "-c", script, until], in: clone.path).start()
            }
            for loop in loops {
                let result = loop.finish(within: (seconds ?? 0) + 300)
                #expect(result.status == 0 && !result.timedOut, "\(result.transcript)")
            }
            #expect(
                try eventually {
                    let now = try repository.host.readings
                    return now.descriptors <= before.descriptors + 2 && now.children.isEmpty
                })
            let left = Command(
                [
                    "find", "annex", "(", "-name", "*.lck", "-o", "-name", "*.rtm", "-o", "-name", "lck.*", ")",
                    "-path", "*/*/*",
                ],
                directory: repository.directory)
            #expect(try eventually { try left.run().lines.isEmpty })
            #expect(try repository.host.annexd("locks", "list", "--root", repository.host.root).text.isEmpty)
        }
    }
}
