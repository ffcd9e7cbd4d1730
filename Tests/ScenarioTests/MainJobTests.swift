// The main job, as a person does it: a repository is created on the server, cloned, filled with files of every kind,
// pushed, cloned a second time, fetched, dropped, copied and moved about; in the end every clone and the server agree,
// and the stock programs find nothing wrong in the served repository.

import Foundation
import TestKit
import Testing

@Suite struct MainJobTests {
    /// Bytes of the large file; 3 GiB shows that no 31-bit length is left anywhere.
    private var largeBytes: Int {
        ProcessInfo.processInfo.environment["ANNEXD_TEST_LARGE_BYTES"].flatMap { Int($0) } ?? 3_221_225_472
    }

    @Test("the main job: create, clone, push, get, drop, copy, move, sync, fsck (spec 01 #23, #107, #114)")
    func mainJob() throws {
        try withHost { host, alice in
            let served = try host.create("team/data")
            let one = try alice.annexClone(served.url, as: "one")
            #expect(try one.config("remote.origin.annex-uuid") == served.uuid())
            #expect(try one.config("remote.origin.annexurl") == "annex+http://127.0.0.1:\(host.port)/team/data")

            let odd = ["with space.txt", "per%cent&amp;#", "[bracket]", "-dash", "ünïcode", "tab\there", "a+b:c"]
            try one.write("small", "small content\n")
            try one.write("empty", "")
            try writeLarge("\(one.path)/large.bin")
            for name in odd { try one.write(name, "odd \(name)\n") }
            try one.git("config", "annex.addunlocked", "false")
            try one.annex("add", ".", timeout: 600)
            try one.write("unlocked", seededBytes(100_000, seed: 2))
            try one.git("-c", "annex.addunlocked=true", "annex", "add", "unlocked")
            try one.git("commit", "-qm", "everything")
            try one.annex("push", timeout: 900)

            // A second clone gets everything, byte for byte.
            let two = try alice.annexClone(served.url, as: "two")
            try two.annex("get", ".", timeout: 900)
            for name in ["small", "empty", "unlocked"] + odd {
                #expect(two.read(name) == one.read(name), "content of \(name)")
            }
            try Command(["cmp", "\(one.path)/large.bin", "\(two.path)/large.bin"]).check()
            let serverUUID = try served.uuid()
            #expect(try one.whereis("large.bin").contains(serverUUID))

            // Dropping needs the server to lock its copy meanwhile.
            try two.annex("drop", "large.bin", "small", "unlocked")
            #expect(!two.has("large.bin"))
            #expect(two.has("empty"))

            // New content goes up by copy and by move, and comes back by move.
            try two.write("from two", seededBytes(300_000, seed: 3))
            try two.write("moved", seededBytes(200_000, seed: 4))
            try two.add("from two", "moved")
            try two.annex("copy", "--to", "origin", "from two")
            try two.annex("move", "--to", "origin", "moved")
            #expect(!two.has("moved"))
            #expect(two.has("from two"))
            try two.annex("move", "--from", "origin", "moved")
            #expect(two.has("moved"))
            #expect(try !two.whereis("moved").contains(serverUUID))

            try two.annex("sync", "--content", timeout: 900)
            try one.annex("sync", "--content", timeout: 900)
            try two.annex("fsck", "--from", "origin", timeout: 900)
            try one.annex("get", ".")
            #expect(one.read("moved") == seededBytes(200_000, seed: 4))

            try one.annex("drop", "--from", "origin", "small")
            let key = try one.key("small")
            #expect(try served.p2p().checkPresent(key) == false)
            try one.annex("sync")
            try two.annex("sync")

            // Everyone agrees about every file.
            let bare = served.tree(try StockClient(in: host.scratch, name: "admin"))
            for name in ["small", "empty", "large.bin", "from two", "moved", "unlocked"] + odd {
                let places = try one.whereis(name)
                #expect(try two.whereis(name) == places, "whereis \(name)")
                let present = try served.p2p().checkPresent(try one.key(name))
                #expect(present == places.contains(serverUUID), "\(name) on the server")
                let inBare = try bare.annex("whereis", "--key", one.key(name)).text
                for place in places { #expect(inBare.contains(place), "\(name): \(place) in the served repository") }
            }
            try bare.git("fsck", "--full", "--strict")
            let found = try bare.annex("fsck", "--all", timeout: 900).allText
            #expect(!found.contains("failed") && !found.contains("bad"), "\(found)")
        }
    }

    /// Writes a large file, sparse but with random parts: quick to make, and no two stretches of it alike.
    private func writeLarge(_ path: String) throws {
        try Command(["truncate", "-s", "\(largeBytes)", path]).check()
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        defer { try? file.close() }
        for part in 0..<12 {
            try file.seek(toOffset: UInt64(largeBytes / 12 * part))
            try file.write(contentsOf: seededBytes(min(1_000_003, largeBytes / 12), seed: UInt64(part)))
        }
    }
}
