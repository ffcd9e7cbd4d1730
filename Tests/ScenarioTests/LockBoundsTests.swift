// Attack: one reader locks content until there are no locks left for anybody else, or holds connections for ever.

import Foundation
import TestKit
import Testing

@Suite struct LockBoundsTests {
    private func lock(_ host: AnnexdHost, _ p2p: P2PCalls, _ key: String, from address: String) throws -> Bool {
        try Command([
            "curl", "-s", "--interface", address, "-X", "POST",
            host.baseURL + p2p.target("lockcontent", [("key", key)]),
        ]).check().text.contains("\"locked\":true")
    }

    @Test("with few descriptors one client has a fifth of the locks at most, and one key counts once")
    func fewDescriptors() throws {
        var options = AnnexdHost.Options()
        options.limits = ["-n 1024"]
        try withRepository(options) { repository, p2p, _ in
            let host = repository.host
            let keys = try (0..<30).map { try p2p.store(Array("key \($0)".utf8)) }
            let before = try host.readings.descriptors
            for _ in 0..<60 { #expect(try p2p.lock(keys[0]) != nil) }
            #expect(try eventually { try host.readings.descriptors <= before + 3 }, "locks of a key share a descriptor")
            let locked = try keys.filter { try p2p.lock($0) != nil }
            #expect(locked.count == 102 / 5)
            #expect(try lock(host, p2p, keys[29], from: "127.0.0.2"))
        }
    }

    @Test("a keeplocked whose lock is gone does not last")
    func brokenLock() throws {
        var options = AnnexdHost.Options()
        options.environment["ANNEXD_LIMITS_TRANSFER_TIMEOUT_SECONDS"] = "1"
        try withRepository(options) { repository, p2p, _ in
            let key = try p2p.store(Array("gone".utf8))
            let lock = try #require(try p2p.lock(key))
            let connections = try (0..<2).map { _ in
                let kept = try p2p.keepLocked(lock)
                try kept.sendChunk(Array("{\"unlock\":false}\n".utf8))
                return kept
            }
            #expect(try eventually { try repository.host.metrics()["annexd_connections"] ?? 0 >= 3 })
            #expect(try p2p.unlock(lock).bool("locked") == false)
            for kept in connections { #expect(try kept.readReply().status == 408) }
        }
    }

    @Test("a client may have an eighth of all connections to keep locks with")
    func connections() throws {
        var options = AnnexdHost.Options()
        options.environment["ANNEXD_LIMITS_MAX_CONNECTIONS"] = "40"
        options.environment["ANNEXD_LIMITS_TRANSFER_TIMEOUT_SECONDS"] = "1"
        try withRepository(options) { repository, p2p, _ in
            let keys = try (0..<6).map { try p2p.store(Array("key \($0)".utf8)) }
            var kept: [RawConnection] = []
            for key in keys { kept.append(try p2p.keepLocked(try #require(try p2p.lock(key)))) }
            #expect(try kept.removeLast().readReply().status == 408, "one too many")
            for connection in kept {
                try connection.sendChunk(Array("{\"unlock\":true}\n".utf8))
                try connection.sendLastChunk()
                #expect(try connection.readReply().status == 200, "silent for longer, and still there")
            }
        }
    }

    @Test("a lock whose answer nobody is there to read is let go")
    func vanishedClient() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            let key = try p2p.store(Array("unheard".utf8))
            let folder = ((try repository.object(key) ?? "") as NSString).deletingLastPathComponent
            // Whoever locks waits for this one, so that the client can leave meanwhile.
            let holder = try Command([
                "python3", "-c",
                """
                import fcntl, os, sys, time
                os.chmod(os.path.dirname(sys.argv[1]), 0o755)
                f = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
                fcntl.lockf(f, fcntl.LOCK_EX)
                print('held', flush=True)
                time.sleep(60)
                """, "\(repository.directory)/\(folder)/\(key).rtl",
            ]).start()
            defer { holder.signal(SIGKILL) }
            #expect(eventually { !holder.output.isEmpty }, "never held")
            let before = try host.metrics()["annexd_connections"] ?? 0
            let connection = try RawConnection(port: host.port)
            let target = p2p.target("lockcontent", [("key", key)])
            try connection.send("POST \(target) HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            let file = "\(repository.directory)/\(folder)/\(key).lck"
            #expect(eventually { exists(file) }, "never locked")
            connection.reset()
            #expect(try eventually { try host.metrics()["annexd_connections"] ?? 9 <= before }, "never noticed")
            holder.signal(SIGKILL)
            #expect(try eventually { try p2p.remove(key) == true }, "still locked, for nobody")
            #expect(try host.metrics()["annexd_locks"] == 0)
        }
    }
}
