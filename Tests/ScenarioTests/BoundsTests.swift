// Bounds: objects are never in memory whole, whatever clients do; threads and descriptors stay few.

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct BoundsTests {
    /// Bytes of each of the eight objects; 128 MiB each would already be 1 GiB if they were held in memory.
    private var objectBytes: Int {
        ProcessInfo.processInfo.environment["ANNEXD_TEST_BOUNDS_BYTES"].flatMap { Int($0) } ?? 134_217_728
    }

    @Test("8 writers, then 8 fast readers: at most 120 MiB resident, and few threads", .timeLimit(.minutes(10)))
    func eightWritersAndReaders() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            let size = objectBytes
            let files = (0..<8).map { host.scratch.child("object\($0)") }
            var keys: [String] = []
            for (number, file) in files.enumerated() {
                try Command(["sh", "-c", "truncate -s \(size) \"$0\" && printf %s \(number) >> \"$0\"", file]).check()
                let digest = try Command(["sha256sum", file]).check().text.prefix(64)
                keys.append("SHA256-s\(size + 1)--\(digest)")
            }
            ProcessReadings.resetPeak(of: host.pid)
            let writers = try zip(files, keys).map { file, key in
                try Command([
                    "curl", "-sS", "-H", "X-git-annex-data-length: \(size + 1)", "-H", "Expect:", "-X", "POST", "-T",
                    file,
                    "\(host.baseURL)\(p2p.target("put", [("key", key)]))",
                ]).start()
            }
            for writer in writers {
                let answer = writer.finish(within: 500)
                #expect(answer.text.contains("\"stored\":true"), "\(answer.transcript)")
            }
            let writing = try host.readings
            #expect(writing.peakResidentBytes < 120 << 20, "writing: \(writing)")

            ProcessReadings.resetPeak(of: host.pid)
            let readers = try keys.map { key in
                try Command([
                    "curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}",
                    "\(host.baseURL)\(p2p.target("key/\(key)"))",
                ]).start()
            }
            for reader in readers { #expect(reader.finish(within: 500).text == "\(size + 1)") }
            let reading = try host.readings
            #expect(reading.peakResidentBytes < 120 << 20, "reading: \(reading)")
            #expect(reading.threads < 100, "\(reading)")
        }
    }

    @Test("2,000 idle connections cost neither threads nor more than 64 KiB each, and new clients are served")
    func idleConnections() throws {
        ProcessReadings.allowDescriptors(4096)
        try withRepository { repository, p2p, _ in
            let host = repository.host
            _ = try p2p.store(Array("warm".utf8))
            let before = try host.readings
            let idle = try (0..<2000).map { _ in
                let connection = try RawConnection(port: host.port)
                try connection.sendRequest("GET", "/team/data/config", port: host.port)
                #expect(try connection.readReply().status == 200)
                return connection
            }
            let during = try host.readings
            #expect(during.threads <= before.threads + 2, "\(before) \(during)")
            #expect(during.residentBytes - before.residentBytes < 2000 * (64 << 10), "\(before) \(during)")
            #expect(try host.http.get("/team/data/config").status == 200)
            for connection in idle { connection.close() }
            #expect(try eventually { try host.readings.descriptors <= before.descriptors + 4 })
        }
    }

    @Test("few descriptors: the server answers on, or refuses in words, and recovers")
    func fewDescriptors() throws {
        var options = AnnexdHost.Options()
        options.limits = ["-n 64"]
        try withRepository(options) { repository, p2p, _ in
            let host = repository.host
            let crowd = (0..<100).compactMap { _ in try? RawConnection(port: host.port, timeout: 2) }
            for connection in crowd { connection.close() }
            #expect(try eventually { try host.http.get("/team/data/config").status == 200 })
            _ = try p2p.store(Array("recovered".utf8))
        }
    }

    @Test("a client that reads slowly holds up nobody", .timeLimit(.minutes(10)))
    func slowReader() throws {
        try withRepository { repository, p2p, _ in
            let key = try p2p.store(seededBytes(30_000_000, seed: 1))
            let slow = try (0..<40).map { _ in
                let connection = try RawConnection(port: repository.host.port, receiveBuffer: 8_192)
                try connection.send("GET \(p2p.target("key/\(key)")) HTTP/1.1\r\nHost: h\r\n\r\n")
                return connection
            }
            #expect(try p2p.get(key).body.count == 30_000_000)
            _ = try p2p.store(Array("meanwhile".utf8))
            for connection in slow { connection.close() }
        }
    }
}
