// Locking content: while a client relies on the server's copy nothing may remove it, neither another client, nor a
// stock program in the served repository, nor a restart of the server.

import Foundation
import TestKit
import Testing

@Suite struct LockTests {
    private func files(_ repository: HostedRepository, _ key: String) throws -> [String] {
        let folder = ((try repository.object(key) ?? "") as NSString).deletingLastPathComponent
        return try Command(["ls", "-A", "\(repository.directory)/\(folder)"]).run().lines.sorted()
    }

    @Test("spec 01 #31, #34, #35: a lock stops stock drop; its files are right, and go away when released")
    func lockAndRelease() throws {
        try withRepository { repository, p2p, alice in
            let key = try p2p.store(Array("locked".utf8))
            let lock = try #require(try p2p.lock(key))
            let kept = try p2p.keepLocked(lock)
            try kept.sendChunk(Array("{\"unlock\":false}\n".utf8))

            let folder = ((try repository.object(key) ?? "") as NSString).deletingLastPathComponent
            let retention = try #require(text("\(repository.directory)/\(folder)/\(key).rtm"))
            #expect(retention.wholeMatch(of: /[0-9]+(\.[0-9]+)?s/) != nil, "\(retention)")
            let until = Double(retention.dropLast()) ?? 0
            #expect(until >= Double(wallSeconds() + 590) && until < Double(wallSeconds() + 900))

            let bare = repository.tree(alice)
            let drop = try bare.attempt("git", "annex", "drop", "--force", "--key", key)
            #expect(drop.status != 0 && drop.allText.contains("locked"), "\(drop.allText)")
            #expect(try p2p.remove(key) == false)
            let before = try p2p.removeBefore(key, timestamp: bootSeconds() + 1_000)
            #expect(before == false)

            try kept.sendChunk(Array("{\"unlock\":true}\n".utf8))
            try kept.sendLastChunk()
            #expect(try kept.readReply().bool("locked") == false)
            #expect(try files(repository, key) == [key])
            #expect(try p2p.remove(key) == true)
        }
    }

    @Test("spec 01 #33: two locks on one key; releasing one keeps it locked")
    func twoLocks() throws {
        try withRepository { _, p2p, _ in
            let key = try p2p.store(Array("twice".utf8))
            let first = try #require(try p2p.lock(key))
            let second = try #require(try p2p.lock(key))
            _ = try p2p.unlock(first)
            #expect(try p2p.remove(key) == false)
            _ = try p2p.unlock(second)
            #expect(try p2p.remove(key) == true)
        }
    }

    @Test("spec 01 #91: keeplocked takes JSON in any pieces, with spaces and heartbeats")
    func pieces() throws {
        try withRepository { _, p2p, _ in
            let key = try p2p.store(Array("pieces".utf8))
            let lock = try #require(try p2p.lock(key))
            let kept = try p2p.keepLocked(lock)
            for piece in [
                "{\"unlock\":false}", "\n", " { \"unl", "ock\" : fal", "se }\n\n", "{\"unlock\":false}\n{\"unlock\":",
            ] {
                try kept.sendChunk(Array(piece.utf8))
            }
            #expect(try p2p.remove(key) == false)
            try kept.sendChunk(Array("true}".utf8))
            try kept.sendLastChunk()
            #expect(try kept.readReply().bool("locked") == false)
            #expect(try p2p.remove(key) == true)
        }
    }

    @Test(
        "spec 01 #93: a keeplocked that ends in any other way leaves the content locked",
        arguments: ["reset", "end", "garbage", "close"])
    func lostConnection(how: String) throws {
        try withRepository { repository, p2p, _ in
            let key = try p2p.store(Array("lost".utf8))
            let lock = try #require(try p2p.lock(key))
            let kept = try p2p.keepLocked(lock)
            try kept.sendChunk(Array("{\"unlock\":false}\n".utf8))
            switch how {
            case "reset": kept.reset()
            case "close": kept.close()
            case "garbage":
                try kept.sendChunk(Array("this is not JSON\n".utf8))
                try kept.sendLastChunk()
                _ = try? kept.readReply()
            default:
                try kept.sendLastChunk()
                #expect(try kept.readReply().status == 200)
            }
            // The server has noticed once nothing of the connection is left; the answer must not change either way.
            for _ in 0..<5 { #expect(try p2p.remove(key) == false) }
            let folder = ((try repository.object(key) ?? "") as NSString).deletingLastPathComponent
            #expect(exists("\(repository.directory)/\(folder)/\(key).rtm"))
            // A later keeplocked with the same id attaches again and may release.
            #expect(try p2p.unlock(lock).bool("locked") == false)
            #expect(try p2p.remove(key) == true)
        }
    }

    /// Attack: connections that wait for locks nobody has, which would never end and use up all there are.
    @Test("a keeplocked that says nothing is left alone only where it keeps a lock")
    func silence() throws {
        var options = AnnexdHost.Options()
        options.environment["ANNEXD_LIMITS_TRANSFER_TIMEOUT_SECONDS"] = "1"
        try withRepository(options) { _, p2p, _ in
            let key = try p2p.store(Array("silence".utf8))
            let kept = try p2p.keepLocked(try #require(try p2p.lock(key)))
            let stranger = try p2p.keepLocked(UUID().uuidString)
            #expect(try stranger.readReply().status == 408)
            // The other one has been silent for longer.
            try kept.sendChunk(Array("{\"unlock\":true}\n".utf8))
            #expect(try kept.readReply().bool("locked") == false)
            #expect(try p2p.remove(key) == true)
        }
    }

    /// A machine that is switched off sends no end of its connections, and `keeplocked` may be silent for hours.
    /// Keepalive of the system then ends it within three minutes; that it is asked for is what can be seen without
    /// waiting for them.
    @Test("a client that is gone without a word is looked for while it keeps a lock")
    func keepalive() throws {
        try withRepository { repository, p2p, _ in
            let key = try p2p.store(Array("kept".utf8))
            let kept = try p2p.keepLocked(try #require(try p2p.lock(key)))
            try kept.sendChunk(Array("{\"unlock\":false}\n".utf8))
            let hex = String(repository.host.port, radix: 16, uppercase: true)
            let port = ":" + String(repeating: "0", count: 4 - hex.count) + hex
            // proc_net_tcp(5): local address, other end, state (01 is established), queues, timer (02 is keepalive) and
            // its time.
            func times() -> [Int] {
                (text("/proc/net/tcp") ?? "").split(separator: "\n").compactMap { line in
                    let fields = line.split(separator: " ")
                    guard fields.count > 5, fields[1].hasSuffix(port), fields[3] == "01", fields[5].hasPrefix("02:")
                    else {
                        return nil
                    }
                    return Int(fields[5].dropFirst(3), radix: 16)
                }
            }
            #expect(eventually { !times().isEmpty }, "no keepalive")
            // In hundredths of a second; the system's own would be two hours.
            #expect(times().allSatisfy { $0 <= 6100 }, "\(times())")
            kept.close()
        }
    }

    @Test("spec 01 #94, #36: a restart, even by kill -9, keeps the promise until the retention time has passed")
    func restart() throws {
        try withRepository { repository, p2p, _ in
            let key = try p2p.store(Array("survives".utf8))
            _ = try #require(try p2p.lock(key))
            repository.host.kill9()
            try repository.host.restart()
            #expect(try p2p.remove(key) == false)
            try repository.host.stop()
            try repository.host.restart()
            #expect(try p2p.remove(key) == false)

            let folder =
                "\(repository.directory)/\(((try repository.object(key) ?? "") as NSString).deletingLastPathComponent)"
            try Command([
                "sh", "-c", "chmod u+w \"$0\"; rm -f \"$0/$1.rtm\"; printf %s \"$2\" > \"$0/$1.rtm\"; chmod u-w \"$0\"",
                folder, key, "\(wallSeconds() - 10)s",
            ]).check()
            #expect(try p2p.remove(key) == true)
            #expect(!exists(folder), "lock files, key folder and empty hash folders are gone")
        }
    }

    @Test("spec 01 #32: while stock holds the lock, remove is refused", .timeLimit(.minutes(10)))
    func stockLock() throws {
        try withRepository { repository, p2p, _ in
            let key = try p2p.store(Array("stock".utf8))
            let folder = ((try repository.object(key) ?? "") as NSString).deletingLastPathComponent
            let lockFile = "\(repository.directory)/\(folder)/\(key).lck"
            // As stock does it: a POSIX read lock on the .lck file, without a retention file.
            let script = """
                import fcntl, os, sys, time
                os.chmod(os.path.dirname(sys.argv[1]), 0o755)
                f = open(sys.argv[1], 'a+')
                fcntl.lockf(f, fcntl.LOCK_SH)
                print('locked', flush=True)
                time.sleep(600)
                """
            let holder = try Command(["python3", "-c", script, lockFile]).start()
            #expect(eventually { !holder.output.isEmpty })
            #expect(try p2p.remove(key) == false)
            holder.signal(SIGKILL)
            _ = holder.finish()
            #expect(try p2p.remove(key) == true)
        }
    }

    @Test("spec 01 #40: locking what is not there makes nothing")
    func missing() throws {
        try withRepository { repository, p2p, _ in
            let reply = try p2p.call("lockcontent", [("key", "SHA256-s1--absent")])
            #expect(reply.status == 200 && reply.bool("locked") == false && reply.fields == ["locked"])
            #expect(
                try Command(["find", "annex/objects", "-mindepth", "1"], directory: repository.directory).run()
                    .text.isEmpty)
        }
    }

    @Test("spec 01 #37: serving content does not release its lock", arguments: ["10", "9", "8"])
    func getWhileLocked(version: String) throws {
        try withRepository { repository, p2p, _ in
            try Command(["git", "config", "annex.version", version], directory: repository.directory).check()
            let key = try p2p.store(Array("read me".utf8))
            let lock = try #require(try p2p.lock(key))
            for _ in 0..<3 { #expect(try p2p.get(key).text == "read me") }
            #expect(try p2p.remove(key) == false)
            let hasLockFile = try files(repository, key).contains("\(key).lck")
            #expect(hasLockFile == (version == "10"), "spec 01 #38")
            _ = try p2p.unlock(lock)
            #expect(try p2p.remove(key) == true)
        }
    }

    @Test("spec 01 #39: a repository upgraded to v10 while the server runs uses the new kind of lock from then on")
    func upgrade() throws {
        try withRepository { repository, p2p, _ in
            try Command(["git", "config", "annex.version", "9"], directory: repository.directory).check()
            let key = try p2p.store(Array("upgrade".utf8))
            let old = try #require(try p2p.lock(key))
            _ = try p2p.unlock(old)
            try Command(["git", "config", "annex.version", "10"], directory: repository.directory).check()
            let new = try #require(try p2p.lock(key))
            #expect(try files(repository, key).contains("\(key).lck"))
            _ = try p2p.unlock(new)
        }
    }

    @Test("the stock client drops only while the server's copy is locked, and then says so (spec 01 §6.7)")
    func stockDrop() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("a", "content\n")
            try tree.add("a")
            try tree.annex("push")
            let drop = try tree.annex("--debug", "drop", "a").errorText
            #expect(drop.contains("keeplocked") || drop.contains("lockcontent") || !tree.has("a"))
            #expect(!tree.has("a"))
            #expect(try files(repository, tree.key("a")) == [tree.key("a")])
            #expect(try p2p.checkPresent(tree.key("a")) == true)
        }
    }
}
