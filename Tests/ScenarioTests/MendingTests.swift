// A disk may change what is stored and keep its size. Whoever sends the content once more is compared with it: what
// proves to be the content of the key takes the place of what does not, and nothing else does.

import TestKit
import Testing

@Suite struct MendingTests {
    /// Changes one byte of a stored object in place, as a disk does that forgets.
    private func rot(_ repository: HostedRepository, _ key: String, at offset: Int) throws {
        let object = "\(repository.directory)/\(try repository.object(key) ?? "")"
        try Command([
            "sh", "-c", "chmod u+w \"$0\"; printf X | dd of=\"$0\" bs=1 seek=\(offset) conv=notrunc 2>&1", object,
        ])
        .check()
    }

    @Test(
        "the right content mends an object with one wrong byte, wherever it is, and needs no more than one put",
        arguments: [0, 500, 1_048_576, 2_999_999])
    func mended(offset: Int) throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(3_000_000, seed: 5)
            let key = try p2p.store(bytes)
            try rot(repository, key, at: offset)
            #expect(try p2p.get(key).body != bytes)
            let reply = try p2p.put(key, bytes)
            #expect(reply.bool("stored") == true, "\(reply.status) \(reply.text)")
            #expect(try p2p.get(key).body == bytes)
            #expect(try mode("\(repository.directory)/\(try repository.object(key) ?? "")") == "444")
            #expect(!exists(repository.partial(key)))
            #expect(repository.host.log.contains("was replaced by what a client sent"))
            let doctor = try repository.host.annexd("doctor", "--verify-objects", "--root", repository.host.root)
            #expect(doctor.status == 0, "\(doctor.transcript)")
        }
    }

    @Test("an upload that goes on in the middle mends as well, also what it did not send")
    func resumed() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(200_000, seed: 6)
            let key = try p2p.store(bytes)
            try rot(repository, key, at: 150_000)
            #expect(try p2p.put(key, Array(bytes[100_000...]), offset: 100_000).bool("stored") == true)
            #expect(try p2p.get(key).body == bytes)
            // What is bad before the offset can not be mended by what comes after it: nothing is stored, nothing lost.
            try rot(repository, key, at: 10)
            try rot(repository, key, at: 150_000)
            let bad = try p2p.get(key).body
            #expect(try p2p.put(key, Array(bytes[100_000...]), offset: 100_000).bool("stored") == false)
            #expect(try p2p.get(key).body == bad)
            #expect(try p2p.put(key, bytes).bool("stored") == true)
            #expect(try p2p.get(key).body == bytes)
        }
    }

    @Test("wrong content does not replace what is stored, be that good or bad, and a body that breaks off neither")
    func wrongContent() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(50_000, seed: 7)
            let key = try p2p.store(bytes)
            let wrong = seededBytes(50_000, seed: 8)
            _ = try p2p.put(key, wrong)
            #expect(try p2p.get(key).body == bytes)
            try rot(repository, key, at: 20_000)
            let bad = try p2p.get(key).body
            #expect(try p2p.put(key, wrong).bool("stored") == false)
            #expect(try p2p.get(key).body == bad)
            let broken = try p2p.beginPut(key, part: Array(bytes[..<30_000]), declared: 50_000)
            #expect(eventually { exists(repository.partial(key)) })
            broken.close()
            #expect(try p2p.get(key).body == bad)
            #expect(try p2p.put(key, bytes).bool("stored") == true)
            #expect(try p2p.get(key).body == bytes)
        }
    }

    /// Attack: two contents with one MD5 digest, which anybody can make; and keys that prove nothing.
    @Test("where no secure digest tells, good content stays, and bad content is mended")
    func insecure() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(50_000, seed: 9)
            let key = "MD5-s50000--\(try Tools.md5(bytes))"
            #expect(try p2p.put(key, bytes).bool("stored") == true)
            #expect(try p2p.put(key, seededBytes(50_000, seed: 10)).bool("stored") == true)
            #expect(try p2p.get(key).body == bytes)
            try rot(repository, key, at: 100)
            #expect(try p2p.put(key, bytes).bool("stored") == true)
            #expect(try p2p.get(key).body == bytes)
            let plain = "WORM-s5-m1--a"
            #expect(try p2p.put(plain, Array("first".utf8)).bool("stored") == true)
            #expect(try p2p.put(plain, Array("other".utf8)).bool("stored") == true)
            #expect(try p2p.get(plain).text == "first")
        }
    }

    /// The stock client asks before it sends, and is told that the content is here: for those who keep that, `doctor`
    /// finds it.
    @Test("what no client sends again is found by doctor, moved away, and taken from the next copy")
    func doctor() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("a", seededBytes(10_000, seed: 11))
            try tree.add("a")
            try tree.annex("push")
            let key = try tree.key("a")
            try rot(repository, key, at: 5_000)
            try tree.annex("copy", "--to", "origin", "a")
            let root = repository.host.root
            let found = try repository.host.annexd("doctor", "--verify-objects", "--root", root)
            #expect(found.status == 1 && found.text.contains("[object-bad]"), "\(found.transcript)")
            #expect(try repository.host.annexd("doctor", "--verify-objects", "--repair", "--root", root).status == 1)
            #expect(exists("\(repository.directory)/annex/bad/\(key)"))
            #expect(try p2p.checkPresent(key) == false)
            try tree.annex("sync")
            try tree.annex("copy", "--to", "origin", "a")
            #expect(try p2p.get(key).body == tree.read("a"))
        }
    }
}
