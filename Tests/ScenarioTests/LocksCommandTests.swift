// `annexd locks`: what is locked, for whom, and how an operator breaks a lock; with and without a running server.

import Foundation
import TestKit
import Testing

@Suite struct LocksCommandTests {
    /// What `annexd locks list --json` prints.
    private func list(_ host: AnnexdHost, _ names: String...) throws -> [[String: Any]] {
        let result = try host.locks(["list", "--json"] + names)
        #expect(result.status == 0, "\(result.transcript)")
        return try #require(try JSONSerialization.jsonObject(with: Data(result.output)) as? [[String: Any]])
    }

    @Test("a lock is listed with its client, and after a crash from the disk alone")
    func listing() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            #expect(try list(host).isEmpty)
            let key = try p2p.store(Array("listed".utf8))
            _ = try p2p.store(Array("not locked".utf8))
            let lock = try #require(try p2p.lock(key))
            let kept = try p2p.keepLocked(lock)
            try kept.sendChunk(Array("{\"unlock\":false}\n".utf8))

            func isConnected(_ row: [String: Any]?) -> Bool {
                ((row?["clients"] as? [[String: Any]])?.first?["connected"] as? Bool) == true
            }
            #expect(try eventually { isConnected(try list(host).first) })
            let row = try #require(try list(host, "team/data").first)
            #expect(row["path"] as? String == "team/data" && row["key"] as? String == key)
            #expect(row["uuid"] as? String == p2p.uuid && row["held"] as? Bool == true)
            let until = try Date(try #require(row["until"] as? String), strategy: .iso8601)
            #expect(Int(until.timeIntervalSince1970) > wallSeconds() + 500)
            let client = try #require((row["clients"] as? [[String: Any]])?.first)
            #expect(client["client"] as? String == "127.0.0.1")
            let people = try host.locks(["list"]).text
            #expect(people.contains("team/data \(key): until 2") && people.contains("held by 127.0.0.1, connected"))
            #expect(!people.contains(lock), "whoever knows the id may release the lock")
            // However many there are, a line stays short.
            for _ in 0..<30 { _ = try #require(try p2p.lock(key)) }
            let many = try host.locks(["list"]).text
            #expect(many.contains("held by 127.0.0.1, connected; promised to 127.0.0.1 (30 times)\n"), "\(many)")

            host.kill9()
            let left = try #require(try list(host).first)
            #expect(left["key"] as? String == key && left["held"] as? Bool == false)
            #expect((left["clients"] as? [Any])?.isEmpty == true)
            try host.restart()
            #expect(try list(host).count == 1)
        }
    }

    @Test("breaking a lock asks for --force, says what it means, and then lets the content be removed")
    func breaking() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            let key = try p2p.store(Array("to be broken".utf8))
            let lock = try #require(try p2p.lock(key))
            let kept = try p2p.keepLocked(lock)
            try kept.sendChunk(Array("{\"unlock\":false}\n".utf8))

            let refused = try host.locks(["break", "team/data", key])
            #expect(refused.status == 1 && refused.errorText.contains("--force"), "\(refused.transcript)")
            #expect(try p2p.remove(key) == false)

            let broken = try host.locks(["break", "--force", "--json", "team/data", key])
            #expect(broken.status == 0, "\(broken.transcript)")
            #expect(broken.text.contains("\"broken\":true") && broken.text.contains("127.0.0.1"))
            #expect(try list(host).isEmpty)
            #expect(try p2p.remove(key) == true)
            // The client that held it is told the same as always (spec 01 §6.7).
            try kept.sendChunk(Array("{\"unlock\":true}\n".utf8))
            try kept.sendLastChunk()
            #expect(try kept.readReply().bool("locked") == false)

            let again = try host.locks(["break", "--force", "team/data", key])
            #expect(again.status == 0 && again.text.contains("is not locked"))
            #expect(try host.locks(["break", "--force", "team/data", "nonsense"]).status == 64)
            #expect(try host.locks(["break", "--force", "no/such", key]).status == 1)
        }
    }

    @Test("a promise that a killed server left on disk can be broken, too")
    func breakingWithoutServer() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            let key = try p2p.store(Array("left behind".utf8))
            _ = try #require(try p2p.lock(key))
            host.kill9()
            let broken = try host.locks(["break", "--force", "team/data", key])
            #expect(broken.status == 0 && broken.text.contains("broke the lock"), "\(broken.transcript)")
            #expect(try list(host).isEmpty)
            try host.restart()
            #expect(try p2p.remove(key) == true)
        }
    }

    @Test("a lock that another program holds is shown with its process, and is not broken")
    func foreignLock() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            let key = try p2p.store(Array("foreign".utf8))
            let folder = ((try repository.object(key) ?? "") as NSString).deletingLastPathComponent
            let script = """
                import fcntl, os, sys, time
                os.chmod(os.path.dirname(sys.argv[1]), 0o755)
                f = open(sys.argv[1], 'a+')
                fcntl.lockf(f, fcntl.LOCK_SH)
                print('locked', flush=True)
                time.sleep(600)
                """
            let lockFile = "\(repository.directory)/\(folder)/\(key).lck"
            let holder = try Command(["python3", "-c", script, lockFile]).start()
            #expect(eventually { !holder.output.isEmpty })
            #expect(try list(host).first?["process"] as? Int == Int(holder.pid))
            let refused = try host.locks(["break", "--force", "team/data", key])
            #expect(refused.status == 1 && refused.errorText.contains("process \(holder.pid)"), "\(refused.transcript)")
            holder.signal(SIGKILL)
            _ = holder.finish()
            #expect(try list(host).isEmpty)
        }
    }

    @Test("budgets: one client, and all people without a login, get so many locks; the log says why there are no more")
    func budgets() throws {
        var options = AnnexdHost.Options()
        options.environment = [
            "ANNEXD_LIMITS_MAX_LOCKS_PER_CLIENT": "2", "ANNEXD_LIMITS_MAX_ANONYMOUS_LOCKS": "10",
            "ANNEXD_SERVER_TRUSTED_PROXIES": "127.0.0.1",
        ]
        try withRepository(options) { repository, p2p, _ in
            let keys = try (0..<3).map { try p2p.store(Array("wanted \($0)".utf8)) }
            // As through a proxy: each client has an address of its own.
            func lock(_ address: String, _ key: String) throws -> Bool? {
                let target = p2p.target("lockcontent", [("key", key)])
                let headers = [(name: "X-Forwarded-For", value: "10.9.9.9, \(address)")]
                return try p2p.http.request("POST", target, headers: headers).bool("locked")
            }
            for host in 1...2 { #expect(try lock("2001:db8:0:1::\(host)", keys[host]) == true) }
            #expect(try lock("2001:db8:0:1:ffff::4", keys[0]) == false, "another address of the same subscriber")
            #expect(try lock("2001:db8:0:1:ffff::4", keys[1]) == true, "it has locked this one already")
            #expect(
                eventually { repository.host.log.contains("2001:db8:0:1::/64 holds as many content locks as one may") })
            for host in 1...4 { for key in keys[..<2] { #expect(try lock("192.0.2.\(host)", key) == true) } }
            #expect(try lock("192.0.2.5", keys[0]) == false)
            #expect(eventually { repository.host.log.contains("for people without a login are taken") })
            #expect(try p2p.remove(keys[0]) == false)
        }
    }
}
