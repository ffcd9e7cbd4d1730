// Stock git-annex commands that run in the served repository at the same time as the server: neither loses what the
// other has recorded, and both see the same content.

import Foundation
import TestKit
import Testing

@Suite struct CoexistenceTests {
    @Test(
        "spec 02 #38, #36: interleaved server writes and stock setpresentkey/merge lose no record",
        .timeLimit(.minutes(10)))
    func interleaved() throws {
        try withRepository { repository, p2p, alice in
            let bare = repository.tree(alice)
            let script = """
                for i in $(seq 1 25); do
                    git annex setpresentkey "FOO--stock$i" 33333333-3333-4333-8333-333333333333 1 || exit 1
                    if [ $((i % 5)) = 0 ]; then git annex merge || exit 1; fi
                done
                """
            let stock = try bare.begin("sh", "-c", script)
            var keys: [String] = []
            while stock.status == nil, keys.count < 4_000 {
                let key = "FOO-s1--server\(keys.count)"
                let reply = try p2p.put(key, [1])
                #expect(reply.bool("stored") == true)
                keys.append(key)
                usleep(20_000)
            }
            let ended = stock.finish()
            #expect(ended.status == 0, "\(ended.transcript)")
            try bare.annex("merge")
            let branch = try bare.git("ls-tree", "-r", "--name-only", "git-annex").text
            for number in 1...25 { #expect(branch.contains("FOO--stock\(number).log"), "stock record \(number)") }
            for key in keys { #expect(branch.contains("\(key).log"), "\(key)") }
            try bare.git("fsck", "--strict")
        }
    }

    @Test("spec 02 #33: journal files of stock commands are committed by the server")
    func stockJournal() throws {
        try withRepository { repository, p2p, alice in
            let bare = repository.tree(alice)
            _ = try p2p.store(Array("first".utf8))
            try bare.annex("setpresentkey", "FOO--journal", "33333333-3333-4333-8333-333333333333", "1")
            let key = try p2p.store(Array("second".utf8))
            #expect(try eventually { try bare.committedLog(key) != nil })
            #expect(try bare.committedLog("FOO--journal")?.contains("1 33333333") == true)
        }
    }

    @Test("spec 02 #32: while stock holds journal.lck the server waits with its answer", .timeLimit(.minutes(10)))
    func journalLock() throws {
        try withRepository { repository, p2p, _ in
            _ = try p2p.store(Array("makes the files".utf8))
            let script = """
                import fcntl, sys, time
                f = open(sys.argv[1], 'a+')
                fcntl.lockf(f, fcntl.LOCK_EX)
                print('locked', flush=True)
                time.sleep(600)
                """
            let holder = try Command(["python3", "-c", script, "\(repository.directory)/annex/journal.lck"]).start()
            #expect(eventually { !holder.output.isEmpty })
            let bytes = Array("waits".utf8)
            let key = try Tools.sha256Key(bytes)
            let upload = try p2p.beginPut(key, part: bytes, declared: bytes.count)
            try upload.sendLastChunk()
            #expect(try eventually { try p2p.checkPresent(key) == true }, "other requests go on")
            holder.signal(SIGKILL)
            _ = holder.finish()
            #expect(try upload.readReply().bool("stored") == true)
        }
    }

    @Test("stock add, drop and fsck in a served work tree and the server agree (spec 01 #23)")
    func workTree() throws {
        try withHost { host, alice in
            let made = try alice.newRepository("made")
            try Command(["mv", made.path, "\(host.root)/shared"]).check()
            let tree = WorkTree(client: alice, path: "\(host.root)/shared")
            try tree.write("a", "in the work tree\n")
            try tree.add("a")
            let p2p = P2PCalls(port: host.port, prefix: "/shared", uuid: try tree.config("annex.uuid") ?? "")
            let key = try tree.key("a")
            #expect(try eventually { try p2p.checkPresent(key) == true })
            #expect(try p2p.get(key).text == "in the work tree\n")
            try tree.annex("drop", "--force", "a")
            #expect(try p2p.checkPresent(key) == false)
            #expect(try p2p.put(key, Array("in the work tree\n".utf8)).bool("stored") == true)
            #expect(tree.has("a"), "spec 01 #16: the object is where the link of a non-bare repository points")
            let found = try tree.annex("fsck").allText
            #expect(!found.contains("failed") && !found.contains("fixing"), "\(found)")
        }
    }
}
