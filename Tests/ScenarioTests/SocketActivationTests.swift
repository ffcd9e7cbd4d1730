// Sockets that somebody else holds, as systemd does: connections wait while the server is restarted.

import Foundation
import TestKit
import Testing

@Suite struct SocketActivationTests {
    @Test("a copy that is cut by kill -9 and a restart succeeds in the same run, and goes on from where it was")
    func copyOverRestart() throws {
        var options = AnnexdHost.Options()
        options.sockets = [try ListeningSocket.tcp()]
        try withRepository(options) { repository, _, alice in
            let host = repository.host
            let tree = try alice.annexClone(repository.url, as: "tree")
            let bytes = seededBytes(60_000_000, seed: 7)
            try tree.write("big", bytes)
            try tree.add("big")
            let key = try tree.key("big")
            // Slow enough to be met in the middle.
            try tree.git("config", "remote.origin.annex-bwlimit-upload", "20MB")
            let copy = try tree.begin("git", "annex", "copy", "--to", "origin", "big")
            func partialSize() -> Int {
                ((try? FileManager.default.attributesOfItem(atPath: repository.partial(key)))?[.size] as? Int) ?? 0
            }
            #expect(eventually { partialSize() > 5_000_000 || copy.status != nil })
            host.kill9()
            let kept = partialSize()
            let file = try Command(["stat", "-c", "%i", repository.partial(key)]).check().trimmed
            #expect(kept > 5_000_000 && kept < bytes.count)
            try host.restart()
            let result = copy.finish(within: 120)
            #expect(result.status == 0, "\(result.transcript)")
            let object = try #require(try repository.object(key))
            // The same file: what had come before the crash was not sent again.
            #expect(try Command(["stat", "-c", "%i", "\(repository.directory)/\(object)"]).check().trimmed == file)
            #expect(
                eventually { host.log.contains("operation=putoffset") && host.log.contains("operation=put ") },
                "\(host.log)")
            #expect(try repository.p2p().get(key).body == bytes)
        }
    }

    @Test("a request that comes while the server is stopped is answered when it is back, on TCP and Unix sockets")
    func requestsWait() throws {
        try ScratchDirectory.with { scratch in
            let path = scratch.child("socket")
            var options = AnnexdHost.Options()
            options.sockets = try [.tcp(), .unix(path), .tcp()]
            let host = try AnnexdHost(in: scratch, options)
            let ports = host.urls.compactMap { URL(string: $0)?.port }
            #expect(ports.count == 2 && host.urls.contains("unix:\(path)"), "\(host.urls)")
            let ends: [() throws -> Void] = [{ try host.stop() }, { host.kill9() }]
            for end in ends {
                try end()
                let early = try ports.map { port in
                    let connection = try RawConnection(port: port)
                    try connection.sendRequest("GET", "/-/ready", port: port)
                    return connection
                }
                let curl = try Command([
                    "curl", "-sS", "--max-time", "60", "--unix-socket", path, "http://localhost/-/ready",
                ]).start()
                try host.restart()
                for connection in early { #expect(try connection.readReply().status == 200) }
                let result = curl.finish(within: 60)
                #expect(result.text == "ok\n", "\(result.transcript)")
            }
            // Only the sockets that it was given: it does not remove the file that belongs to them.
            try host.stop()
            #expect(exists(path))
        }
    }

    @Test("sockets that are meant for another process are left alone")
    func otherProcess() throws {
        var options = AnnexdHost.Options()
        options.environment = ["LISTEN_PID": "1", "LISTEN_FDS": "1"]
        try withHost(options) { host, _ in
            let reply = try host.http.get("/-/ready")
            #expect(reply.status == 200)
        }
    }

    @Test("a descriptor that is no listening socket stops the start with words that say so")
    func noSocket() throws {
        try ScratchDirectory.with { scratch in
            let root = try scratch.makeDirectory("root")
            let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" serve --root \"$1\" 3</dev/null"
            let result = try Command(["sh", "-c", script, try Tools.annexd(), root], timeout: 60).run()
            #expect(result.status != 0 && !result.timedOut)
            #expect(result.errorText.contains("fd:3") && result.errorText.contains("listening"), "\(result.transcript)")
        }
    }

    /// The beginning of a pack of one blob of 10,000,000 bytes, more than the server reads ahead of git.
    private static var endlessPack: [UInt8] {
        var pack = Array("PACK".utf8) + [0, 0, 0, 2, 0, 0, 0, 1]
        var size = 10_000_000
        var byte = UInt8(3 << 4 | size & 15)
        size >>= 4
        while size > 0 {
            pack.append(byte | 0x80)
            byte = UInt8(size & 0x7f)
            size >>= 7
        }
        pack.append(byte)
        // zlib, with blocks that are stored as they are, none of them the last one.
        pack += [0x78, 0x01]
        for _ in 0..<4 { pack += [0, 0xff, 0xff, 0, 0] + [UInt8](repeating: 7, count: 0xffff) }
        return pack
    }

    @Test("git processes get their three pipes and no other descriptor of the server")
    func descriptorsOfChildren() throws {
        var options = AnnexdHost.Options()
        options.sockets = [try ListeningSocket.tcp()]
        try withRepository(options) { repository, p2p, _ in
            let host = repository.host
            // Something is open meanwhile: an upload, and a lock with its files.
            let key = try p2p.store(seededBytes(1000, seed: 1))
            let lock = try #require(try p2p.lock(key))
            let kept = try p2p.keepLocked(lock)
            let bytes = seededBytes(50_000, seed: 2)
            let upload = try p2p.beginPut(
                try Tools.sha256Key(bytes), part: Array(bytes[..<20_000]), declared: bytes.count)
            #expect(try eventually { try p2p.putOffset(Tools.sha256Key(bytes)) == 20_000 })

            let zero = String(repeating: "0", count: 40)
            let command = "\(zero) \(String(repeating: "1", count: 40)) refs/heads/x\0report-status"
            let line = String(command.utf8.count + 4, radix: 16)
            let push = try RawConnection(port: host.port)
            try push.send(
                """
                POST /team/data/git-receive-pack HTTP/1.1\r
                Host: 127.0.0.1\r
                Content-Type: application/x-git-receive-pack-request\r
                Transfer-Encoding: chunked\r
                \r

                """)
            try push.sendChunk(Array((String(repeating: "0", count: 4 - line.count) + line + command + "0000").utf8))
            // Git is started when more has come than is read ahead.
            try push.sendChunk(Self.endlessPack)
            var children: [Int32] = []
            #expect(
                try eventually {
                    children = try host.readings.children.filter { child in
                        let name = FileManager.default.contents(atPath: "/proc/\(child)/cmdline") ?? Data()
                        return String(decoding: name, as: UTF8.self).contains("receive-pack")
                    }
                    return !children.isEmpty
                })
            // A pipe that git opened for itself, to hear of its own children, is none of the server's.
            let ofServer = try Set(Self.pipes(of: host.pid))
            for child in children {
                let list = try Command(["ls", "-l", "/proc/\(child)/fd"]).run().lines.filter { $0.contains("->") }
                let foreign = list.filter { entry in
                    entry.contains("socket:") || entry.contains(".lck") || entry.contains("annex/")
                        || entry.contains("fd/")
                }
                #expect(!list.isEmpty && foreign.isEmpty, "\(list)")
                let shared = try Self.pipes(of: child).filter(ofServer.contains)
                #expect(shared.count == 3 && Set(shared).count == 3, "\(list)")
            }
            for connection in [push, upload, kept] { connection.close() }
        }
    }

    /// The pipes that a process has open, as `pipe:[INODE]`, one for each descriptor.
    private static func pipes(of process: Int32) throws -> [String] {
        try Command(["ls", "-l", "/proc/\(process)/fd"]).run().lines
            .compactMap { $0.components(separatedBy: " -> ").last }.filter { $0.hasPrefix("pipe:") }
    }
}
