// Remotes on the gateway's own machine are worked on directly: no process is started for them, content leaves by
// sendfile, and what is stored there has the permissions that their repository wants.

import Foundation
import TestKit
import Testing

@Suite struct LocalRemoteTests {
    private static let kinds = ProxySetup.Kind.allCases.filter(\.isLocal)

    /// What the server and its children ask the kernel for while `body` runs.
    private func trace(_ calls: String, _ host: AnnexdHost, _ body: () throws -> Void) throws -> [String] {
        let file = host.scratch.child("trace")
        let words = ["strace", "-f", "-y", "-s", "500", "-e", "trace=\(calls)", "-o", file, "-p", "\(host.pid)"]
        let tracer = try Command(words).start()
        #expect(eventually { String(decoding: tracer.errors, as: UTF8.self).contains("attached") })
        try body()
        tracer.signal(SIGINT)
        _ = tracer.finish(within: 20)
        return try #require(text(file)).split(separator: "\n").map(String.init)
    }

    /// Every operation once, on content of its own.
    private func workThrough(_ p2p: P2PCalls, seed: UInt64) throws {
        let bytes = seededBytes(300_000, seed: seed)
        let key = try Tools.sha256Key(bytes)
        let cut = try p2p.beginPut(key, part: Array(bytes[..<100_000]), declared: bytes.count)
        #expect(try eventually { try p2p.putOffset(key) == 100_000 })
        cut.close()
        #expect(try p2p.put(key, Array(bytes[100_000...]), offset: 100_000).bool("stored") == true)
        try read(p2p, key, bytes)
        #expect(try p2p.remove(key) == true)
    }

    /// Every operation that changes nothing.
    private func read(_ p2p: P2PCalls, _ key: String, _ bytes: [UInt8]) throws {
        #expect(try p2p.checkPresent(key) == true)
        #expect(try p2p.get(key).body == bytes)
        #expect(try p2p.get(key, offset: "1000").body == Array(bytes[1000...]))
        let lock = try #require(try p2p.lock(key))
        #expect(try p2p.unlock(lock).bool("locked") == false)
        #expect(try p2p.removeBefore(key, timestamp: bootSeconds() - 10) == false)
    }

    @Test("spec 03 §3.1: no process is started, and content leaves by sendfile", arguments: kinds)
    func direct(_ kind: ProxySetup.Kind) throws {
        try withProxy(kind) { setup in
            try workThrough(setup.p2p, seed: 1)
            let lines = try trace("execve,sendfile", setup.host) {
                for seed in 2...4 as ClosedRange<UInt64> { try workThrough(setup.p2p, seed: seed) }
            }
            // Commits of the location logs, which wait for the end of a burst, are all that git may be started for.
            let commits = ["\"fast-import\"", "\"unpack-objects\"", "\"cat-file\"", "\"update-ref\"", "\"rev-parse\""]
            let started = lines.filter { line in
                line.contains("execve(") && !commits.contains { line.contains($0) }
            }
            #expect(started.isEmpty, "\(started)")
            let sent = lines.filter { $0.contains("sendfile(") && $0.contains(setup.targetGitDirectory) }
            #expect(sent.count >= 6, "\(sent)")
        }
    }

    @Test(
        "spec 01 #21, #22 through a gateway: what is stored has the modes of the remote's core.sharedRepository",
        arguments: [
            ("group", "444", "2775", "664"), ("0660", "440", "2570", "660"), ("0600", "400", "500", "600"),
        ])
    func sharedModes(setting: String, file: String, folder: String, partial: String) throws {
        try withHost { host, client in
            let setup = try ProxySetup(.bare, host, client, shared: setting)
            let key = try setup.p2p.store(seededBytes(10, seed: 3))
            let object = try #require(try setup.targetObject(key))
            #expect(try mode(object) == file)
            #expect(try mode((object as NSString).deletingLastPathComponent) == folder)
            #expect(try setup.targetLists(key))
            // Others of the group can go on with an upload.
            let part = try Tools.sha256Key([1, 2, 3])
            let upload = try setup.p2p.beginPut(part, part: [1], declared: 3)
            #expect(try eventually { try setup.partialSize(part) == 1 })
            #expect(try mode("\(setup.targetGitDirectory)/annex/tmp/\(part)") == partial)
            upload.close()
        }
    }
}
