// A disk that becomes full: people are told what is missing, nothing is lost, and content can still be dropped.

import Foundation
import TestKit
import Testing

/// A server whose root folder is on a disk of 48 MiB, 1 MiB of which is held in reserve.
private func withSmallDisk(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (SmallDisk, AnnexdHost, StockClient) throws -> Void
) throws {
    try ScratchDirectory.with("full") { scratch in
        let disk = try SmallDisk(in: scratch, as: "root", mebibytes: 48)
        var options = AnnexdHost.Options()
        options.environment["ANNEXD_LIMITS_DISK_RESERVE_MEBIBYTES"] = "1"
        let host = try AnnexdHost(in: scratch, options)
        do {
            try body(disk, host, StockClient(in: scratch))
            try host.stop()
        } catch {
            Issue.record("\(error)\n--- server log ---\n\(host.log.suffix(3000))", sourceLocation: sourceLocation)
        }
    }
}

/// The number of bytes in `Not enough space: need 18.6 MB more`.
private func missingBytes(_ reason: String) -> Double? {
    let words = reason.split(separator: " ")
    guard reason.hasPrefix("Not enough space: need "), words.count == 7, let number = Double(words[4]) else {
        return nil
    }
    return ["kB": 1e3, "MB": 1e6, "GB": 1e9][String(words[5])].map { $0 * number }
}

@Suite(.enabled(if: SmallDisk.isAvailable, "needs a tmpfs of its own, which only root can mount"))
struct FullDiskTests {
    @Test(
        "uploads until the disk is full: 507 says how much is missing, nothing is lost, and space makes them work again"
    )
    func uploads() throws {
        try withSmallDisk { disk, host, _ in
            let repository = try host.create()
            try repository.setConfig("annex.diskreserve", "0")
            let p2p = try repository.p2p()
            var stored: [(key: String, bytes: [UInt8])] = []
            var refused: (key: String, bytes: [UInt8])?
            for seed in 0..<20 where refused == nil {
                let bytes = seededBytes(6_000_000 + seed, seed: UInt64(seed))
                let key = try Tools.sha256Key(bytes)
                let free = disk.free
                let reply = try p2p.put(key, bytes)
                if reply.status == 200 {
                    #expect(reply.bool("stored") == true)
                    stored.append((key, bytes))
                    continue
                }
                #expect(reply.status == 507)
                let missing = try #require(missingBytes(reply.reason), "\(reply.reason)")
                #expect(abs(missing - Double(bytes.count - free)) < 150_000, "\(reply.reason), \(free) bytes are free")
                refused = (key, bytes)
            }
            #expect(stored.count > 3)
            let (key, bytes) = try #require(refused)
            // To the last byte: now not even the locks of an upload find room.
            try disk.fill()
            let full = try p2p.put(key, bytes)
            #expect(full.status == 507)
            #expect(abs(try #require(missingBytes(full.reason), "\(full.reason)") - Double(bytes.count)) < 150_000)
            #expect(try p2p.checkPresent(key) == false)

            for object in stored { #expect(try p2p.get(object.key).body == object.bytes) }
            try disk.empty()
            #expect(try p2p.remove(stored[0].key) == true)
            #expect(try p2p.put(key, bytes).bool("stored") == true)
            #expect(try p2p.get(key).body == bytes)
        }
    }

    @Test("an upload that the disk becomes too full for is told so, and goes on from where it was")
    func uploadInProgress() throws {
        try withSmallDisk { disk, host, _ in
            let repository = try host.create()
            try repository.setConfig("annex.diskreserve", "0")
            let p2p = try repository.p2p()
            let bytes = seededBytes(8_000_000, seed: 1)
            let key = try Tools.sha256Key(bytes)
            let upload = try p2p.beginPut(key, part: Array(bytes[..<2_000_000]), declared: bytes.count)
            #expect(try eventually { try p2p.putOffset(key) == 2_000_000 })
            try disk.fill(leaving: 1_000_000)
            try? upload.sendChunk(Array(bytes[2_000_000...]))
            try? upload.sendLastChunk()
            let reply = try upload.readReply()
            #expect(reply.status == 507)
            let missing = try #require(missingBytes(reply.reason), "\(reply.reason)")
            #expect(missing < 6_000_000 && missing > 4_000_000, "\(reply.reason)")
            #expect(try p2p.checkPresent(key) == false)
            try disk.empty()
            let offset = try #require(try p2p.putOffset(key))
            #expect(offset >= 2_000_000 && offset < bytes.count)
            #expect(try p2p.put(key, Array(bytes[offset...]), offset: offset).bool("stored") == true)
            #expect(try p2p.get(key).body == bytes)
        }
    }

    /// Attack: several uploads are let in where there is room for one, as what they announce counts only as it comes.
    @Test("an upload does not take what is to stay free, though there was room when it began")
    func reserveWhileReceiving() throws {
        try withSmallDisk { disk, host, _ in
            let repository = try host.create()
            let p2p = try repository.p2p()
            try repository.setConfig("annex.diskreserve", "2 MB")
            let bytes = seededBytes(20_000_000, seed: 1)
            let key = try Tools.sha256Key(bytes)
            let upload = try p2p.beginPut(key, part: Array(bytes[..<1000]), declared: bytes.count)
            #expect(try eventually { try p2p.putOffset(key) == 1000 })
            // It is looked at every 8 MiB: the second time less than the reserve is left.
            try disk.fill(leaving: 18_300_000)
            try? upload.sendChunk(Array(bytes[1000...]))
            try? upload.sendLastChunk()
            let reply = try upload.readReply()
            #expect(reply.status == 507, "\(reply.status) \(reply.reason)")
            #expect(try p2p.checkPresent(key) == false)
            #expect(disk.free > 1_000_000, "the reserve is not what stopped it: \(disk.free) bytes are free")
            try disk.empty()
            let offset = try #require(try p2p.putOffset(key))
            #expect(try p2p.put(key, Array(bytes[offset...]), offset: offset).bool("stored") == true)
        }
    }

    @Test("on a full disk content can be locked, unlocked and removed, and that is logged; the reserve comes back")
    func reserve() throws {
        try withSmallDisk { disk, host, _ in
            let repository = try host.create()
            let p2p = try repository.p2p()
            try repository.setConfig("annex.diskreserve", "0")
            let keys = try (0..<12).map { try p2p.store(seededBytes(3000, seed: UInt64($0))) }
            let disk0 = DiskRepository(path: repository.directory)
            let reserve = "\(host.root)/.annexd/reserve"
            #expect(try size(reserve) == 1 << 20)
            for key in keys {
                // What the last removal made free is taken at once.
                try disk.fill()
                let lock = try #require(try p2p.lock(key))
                #expect(try p2p.remove(key) == false)
                #expect(try p2p.unlock(lock).status == 200)
                #expect(try p2p.remove(key) == true)
                #expect(try p2p.checkPresent(key) == false)
                #expect(try !disk0.isLogged(key, in: p2p.uuid))
            }
            #expect(eventually { host.log.contains("the reserve is used") })
            // A server that is started on a full disk works as well.
            try disk.fill()
            host.kill9()
            try host.restart()
            for key in keys { #expect(try !disk0.isLogged(key, in: p2p.uuid)) }
            try disk.empty()
            #expect(try eventually { try size(reserve) == 1 << 20 })
            // The branch has it all in the end.
            #expect(
                try eventually {
                    _ = try p2p.http.get("/team/data/info/refs?service=git-upload-pack")
                    let waiting = try Command(["ls", "\(repository.directory)/annex/journal"]).run().lines
                    return waiting.isEmpty
                })
            for key in keys { #expect(try !disk0.isLogged(key, in: p2p.uuid)) }
            #expect(try disk0.git("fsck", "--no-dangling").status == 0)
        }
    }

    @Test("a gateway on a full disk logs what its remotes have stored and removed")
    func gateway() throws {
        try withSmallDisk { disk, host, client in
            let setup = try ProxySetup(.bare, host, client)
            let log = DiskRepository(path: setup.gateway.directory)
            let p2p = setup.p2p
            for number in 0..<4 {
                try disk.fill()
                let key = try p2p.store(seededBytes(3000, seed: UInt64(number)))
                #expect(try log.isLogged(key, in: setup.targetUUID))
                try disk.fill()
                #expect(try p2p.remove(key) == true)
                #expect(try !log.isLogged(key, in: setup.targetUUID))
            }
            #expect(eventually { host.log.contains("the reserve is used") })
        }
    }

    private func size(_ path: String) throws -> Int? {
        Int(try Command(["stat", "-c", "%s", path]).run().trimmed)
    }

    @Test("pushes to a full disk fail with words for people, move no ref and leave nothing behind")
    func pushes() throws {
        try withSmallDisk { disk, host, alice in
            let repository = try host.create()
            let tree = try alice.newRepository("tree", annex: false)
            try tree.write("small", "one")
            try tree.git("add", ".")
            try tree.git("commit", "-qm", "one")
            try tree.git("remote", "add", "origin", repository.url)
            try tree.git("push", "-q", "origin", "main")
            let before = try tree.git("rev-parse", "main").trimmed
            try tree.write("large", seededBytes(6_000_000, seed: 3))
            try tree.git("add", ".")
            try tree.git("commit", "-qm", "two")
            let served = DiskRepository(path: repository.directory)

            func expectRefused(_ arguments: String..., words: [String]) throws {
                let push = try alice.command(["git", "push"] + arguments, in: tree.path).run()
                #expect(push.status != 0)
                #expect(words.contains { push.errorText.contains($0) }, "\(push.transcript)")
                #expect(try served.git("rev-parse", "main").trimmed == before)
                let left = try Command(["find", host.root, "-name", "tmp_*", "-o", "-name", "*.lock"]).run().lines
                #expect(left.isEmpty, "\(left)")
            }
            // Room for the beginning of the pack only: git itself tells.
            try disk.fill(leaving: 3_000_000)
            try expectRefused("origin", "main", words: ["No space left on device"])
            // No room at all: refused before anything is sent.
            try disk.fill()
            try expectRefused("origin", "main", words: ["Not enough space: need 1"])
            try expectRefused("\(host.baseURL)/team/fresh", "main", words: ["Not enough space: need 1"])
            #expect(!host.hosted("team/fresh").exists)
            #expect(try Command(["ls", "-A", "\(host.root)/.annexd/tmp"]).run().lines.isEmpty)
            #expect(try host.repo("create", "team/other").status != 0)
            #expect(!host.hosted("team/other").exists)
            #expect(try Command(["ls", "-A", "\(host.root)/.annexd/tmp"]).run().lines.isEmpty)

            try disk.empty()
            try tree.git("push", "-q", "origin", "main")
            #expect(try served.git("rev-parse", "main").trimmed == tree.git("rev-parse", "main").trimmed)
            try tree.git("push", "-q", "\(host.baseURL)/team/fresh", "main")
            #expect(try served.git("fsck", "--no-dangling").status == 0)
        }
    }

    @Test("the stock client shows why a full disk takes no content, and frees it by dropping")
    func stockClient() throws {
        try withSmallDisk { disk, host, alice in
            let repository = try host.create()
            try repository.setConfig("annex.diskreserve", "0")
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("old", seededBytes(5_000_000, seed: 1))
            try tree.write("new", seededBytes(4_000_001, seed: 2))
            try tree.add(".")
            try tree.annex("push")
            try tree.annex("drop", "--from", "origin", "new")
            try disk.fill()
            let copy = try tree.attempt("git", "annex", "copy", "--to", "origin", "new")
            #expect(
                copy.status != 0 && copy.allText.contains("Not enough space: need 4"), "\(copy.transcript)")
            try tree.annex("drop", "--from", "origin", "old")
            try tree.annex("copy", "--to", "origin", "new")
            #expect(try repository.p2p().get(tree.key("new")).body == tree.read("new"))
        }
    }
}
