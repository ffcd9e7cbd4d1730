// SIGTERM ends the server, whatever its threads and its clients do; and what clients count on outlives it.

import Foundation
import TestKit
import Testing

@Suite struct ShutdownTests {
    /// Attack: connections that have sent half the head of a request, or of a TLS handshake, which nobody need wait
    /// for.
    @Test("half a request holds up nobody")
    func halfAHead() throws {
        try withRepository { repository, _, _ in
            let halves = try (0..<15).map { _ in
                let connection = try RawConnection(port: repository.host.port)
                try connection.send("GET /-/health HTTP/1.1\r\nHo")
                return connection
            }
            // A later one that is answered shows that the others have been taken.
            #expect(try repository.host.http.get("/-/health").status == 200)
            #expect(try eventually { try repository.host.metrics()["annexd_connections"] ?? 0 >= 15 })
            let began = ContinuousClock.now
            // Throws unless the server ends in time; the patience for requests is longer than that.
            try repository.host.stop()
            #expect(began.duration(to: .now) < .seconds(20))
            for half in halves { #expect(half.seesEnd()) }
            try repository.host.restart()
        }
    }

    /// A thread that waits for a lock for ever stands for one that waits for a disk: the server hears of it as little.
    @Test("a thread that is stuck in the file system does not keep the server from ending, nor locks from being kept")
    func stuckThread() throws {
        var options = AnnexdHost.Options()
        options.environment["ANNEXD_LIMITS_SHUTDOWN_SECONDS"] = "1"
        try ScratchDirectory.with { scratch in
            let host = try AnnexdHost(in: scratch, options)
            let repository = try host.create("team/data")
            let p2p = try repository.p2p()
            let key = try p2p.store(Array("locked".utf8))
            let kept = try p2p.keepLocked(try #require(try p2p.lock(key)))
            try kept.sendChunk(Array("{\"unlock\":false}\n".utf8))

            // The next look at the root finds an alias missing, and waits for this lock to write it.
            #expect(try host.create("old").exists)
            #expect(try host.repo("rename", "old", "new").status == 0)
            let holder = try Command([
                "python3", "-c",
                """
                import fcntl, os, sys, time
                f = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
                fcntl.lockf(f, fcntl.LOCK_EX)
                print('held', flush=True)
                time.sleep(600)
                """, "\(host.root)/.annexd/tmp.lck",
            ]).start()
            scratch.atEnd { holder.signal(SIGKILL) }
            #expect(eventually { !holder.output.isEmpty })
            try Command(["find", "\(host.root)/.annexd/aliases", "-type", "f", "-delete"]).check()
            try Command(["cp", "-r", "\(host.root)/new.git", "\(host.root)/noticed.git"]).check()
            let inode = try Command(["stat", "-c", "%i", "\(host.root)/.annexd/tmp.lck"]).check().trimmed
            #expect(
                eventually {
                    text("/proc/locks")?.split(separator: "\n").contains {
                        $0.contains("-> ") && $0.contains(":\(inode) ")
                    } == true
                }, "nobody waits for the lock")

            let folder = ((try repository.object(key) ?? "") as NSString).deletingLastPathComponent
            let file = "\(repository.directory)/\(folder)/\(key).rtm"
            try Command(["sh", "-c", "chmod u+w \"${0%/*}\"; printf 1s > \"$0\"", file]).check()
            let status = host.end(within: 40)
            #expect(status == 1, "\(String(describing: status))")
            #expect(host.log.contains("something is stuck"))
            let until = try #require(text(file)?.prefix { $0 != "." && $0 != "s" })
            #expect(try #require(Int(until)) > wallSeconds() + 500, "written anew at the end")
        }
    }
}
