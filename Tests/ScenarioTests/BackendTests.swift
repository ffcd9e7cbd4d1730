// Every backend of the stock program, end to end: it makes the key, annexd verifies the content, and a flipped bit is
// found out.

import TestKit
import Testing

@Suite struct BackendTests {
    private static let hashes = [
        "SHA256", "SHA256E", "SHA512", "SHA224", "SHA384", "SHA3_256", "SHA3_512", "SHA3_224", "SHA3_384", "SKEIN256",
        "SKEIN512", "BLAKE2B160", "BLAKE2B224", "BLAKE2B256", "BLAKE2B384", "BLAKE2B512", "BLAKE2S160", "BLAKE2S224",
        "BLAKE2S256", "BLAKE2BP512", "BLAKE2SP224", "BLAKE2SP256", "BLAKE3_256", "XXH3", "SHA1", "MD5",
    ]

    @Test("spec 01 #7, #8 over HTTP: right content of every hash backend is stored, one flipped bit is not")
    func hashes() throws {
        try withRepository { _, p2p, alice in
            let tree = try alice.newRepository("tree")
            for size in [0, 3, 5_000, 1_048_576] {
                let bytes = seededBytes(size, seed: UInt64(size))
                try tree.write("file.bin", bytes)
                for backend in Self.hashes {
                    let key = try tree.annex("calckey", "--backend=\(backend)", "file.bin").trimmed
                    if size > 0 {
                        var flipped = bytes
                        flipped[size / 2] ^= 1
                        #expect(try p2p.put(key, flipped).bool("stored") == false, "\(key)")
                    }
                    #expect(try p2p.put(key, bytes).bool("stored") == true, "\(key)")
                    #expect(try p2p.get(key).body == bytes, "\(key)")
                }
            }
        }
    }

    @Test(
        "spec 01 #9 to #13: keys that are verified in part or not at all",
        arguments: [
            ("SHA256-s3--2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae.txt", "foo", true),
            ("SHA256-s3--\\2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "foo", true),
            ("SHA256-s3--2C26B46B68FFC68FF99B453C1D30413413422D706483BFA0F98A5E886266E7AE", "foo", false),
            ("WORM-s3-m1--x", "food", false), ("WORM-s3-m1--x", "foo", true), ("FOO-s3--x", "foo", true),
            ("FOO-s3--x", "fo", false), ("GITMANIFEST--u", "anything", true),
            ("GITBUNDLE-s3--u-2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "foo", true),
            ("GITBUNDLE-s3--u-2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "fop", false),
            ("URL--http://example.com/a%b&c:d", "anything", true), ("VURL--http://example.com/x", "anything", true),
        ])
    func partly(key: String, content: String, isStored: Bool) throws {
        try withRepository { repository, p2p, _ in
            let reply = try p2p.put(key, Array(content.utf8))
            #expect(reply.status == 200 && reply.bool("stored") == isStored, "\(reply.status) \(reply.text)")
            #expect(try p2p.checkPresent(key) == isStored)
            if key.hasPrefix("URL") {
                #expect(try repository.object("URL--http&c%%example.com%a&sb&ac&cd") != nil, "spec 01 #5")
            }
        }
    }

    @Test("spec 01 #12: a VURL key with a recorded equivalent is verified against it")
    func equivalent() throws {
        try withRepository { repository, p2p, alice in
            let bare = repository.tree(alice)
            let key = "VURL--http://example.com/y"
            let folder = try bare.annex("examinekey", "--format=${hashdirlower}", key).trimmed
            let path = "\(folder.hasSuffix("/") ? folder : folder + "/")VURL--http&c%%example.com%y.log.ek"
            let line = "1795332484s 1 SHA256-s3--2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\n"
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.annex("sync")
            let script = """
                set -e
                export GIT_INDEX_FILE=.git/tmpindex
                git read-tree git-annex
                git update-index --add --cacheinfo "100644,$(printf %s "$2" | git hash-object -w --stdin),$1"
                c=$(git commit-tree -p git-annex -m equivalent "$(git write-tree)")
                git push -q origin "$c:refs/heads/git-annex"
                """
            try alice.command(["sh", "-c", script, "sh", path, line], in: tree.path).check()
            #expect(try p2p.put(key, Array("bar".utf8)).bool("stored") == false)
            #expect(try p2p.put(key, Array("foo".utf8)).bool("stored") == true)
        }
    }
}
