// The stock client's own test suite for remotes, its commands with many files and jobs, and what happens when it is
// interrupted.

import Foundation
import TestKit
import Testing

@Suite struct WholeClientTests {
    @Test("spec 01 #113: git annex testremote passes but for the three unavailable cases", .timeLimit(.minutes(10)))
    func testRemote() throws {
        try withRepository { repository, _, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            let result = try tree.attempt(
                "git", "annex", "testremote", "origin", "--fast", "--size=200kb", timeout: 550)
            #expect(result.allText.contains("3 out of 125 tests failed"), "\(result.allText.suffix(4000))")
            #expect(result.failedTests == unavailableCases, "\(result.allText.suffix(4000))")
            #expect(!result.timedOut)
        }
    }

    @Test("spec 01 #114: 200 files with eight jobs up, down, away and back", .timeLimit(.minutes(10)))
    func manyFiles() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            for number in 0..<200 { try tree.write("f/\(number)", seededBytes(500 + number, seed: UInt64(number))) }
            try tree.add("f")
            try tree.annex("copy", "-J8", "--to", "origin", "f")
            try tree.annex("drop", "-J8", "f")
            try tree.annex("get", "-J8", "f")
            try tree.annex("move", "-J8", "--to", "origin", "f")
            try tree.annex("move", "-J8", "--from", "origin", "f")
            try tree.annex("copy", "-J8", "--to", "origin", "f")
            try tree.annex("fsck", "-J2", "--fast", "--from", "origin", "f")
            #expect(try p2p.checkPresent(tree.key("f/199")) == true)
            try tree.annex("sync")
            let bare = repository.tree(alice)
            let found = try bare.annex("fsck", "--all").allText
            #expect(!found.contains("failed"), "\(found.suffix(2000))")
            let litter = try Command(
                [
                    "find", "annex", "-name", "*.lck", "-path", "*objects*", "-o", "-name", "*.rtm", "-o", "-path",
                    "annex/tmp/*",
                ],
                directory: repository.directory
            ).run().text
            #expect(litter.isEmpty, "\(litter)")
        }
    }

    @Test("spec 01 #115: SIGINT during copy and get; the next run goes on where it stopped", .timeLimit(.minutes(10)))
    func interrupted() throws {
        try withRepository { repository, p2p, alice in
            let size = 40_000_000
            let tree = try alice.annexClone(repository.url, as: "tree")
            try tree.write("big", seededBytes(size, seed: 1))
            try tree.add("big")
            let key = try tree.key("big")
            try tree.git("config", "annex.bwlimit", "8MB")
            let copy = try tree.begin("git", "annex", "copy", "--to", "origin", "big")
            let own = p2p.from(try tree.uuid())
            #expect(try eventually(within: 60) { try own.putOffset(key) ?? 0 > 1_000_000 })
            copy.signalGroup(SIGINT)
            #expect(copy.finish(within: 30).status != 0)
            let sent = try #require(try own.putOffset(key))
            #expect(sent > 1_000_000 && sent < size)
            try tree.git("config", "--unset", "annex.bwlimit")
            let resumed = try tree.annex("--debug", "copy", "--to", "origin", "big")
            #expect(try p2p.checkPresent(key) == true, "\(resumed.transcript)")

            try tree.annex("drop", "big")
            try tree.git("config", "annex.bwlimit", "8MB")
            let partial = "\(tree.path)/.git/annex/tmp/\(key)"
            let get = try tree.begin("git", "annex", "get", "big")
            #expect(
                try eventually(within: 60) {
                    Int(try Command(["stat", "-c", "%s", partial]).run().trimmed) ?? 0 > 1_000_000
                })
            get.signalGroup(SIGINT)
            #expect(get.finish(within: 30).status != 0)
            try tree.git("config", "--unset", "annex.bwlimit")
            try tree.annex("get", "big")
            #expect(tree.read("big") == seededBytes(size, seed: 1))
        }
    }

    @Test("clients that vanish in every phase free descriptors, locks and children")
    func vanishing() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(5_000_000, seed: 2)
            let key = try p2p.store(bytes)
            let before = try repository.host.readings
            for number in 0..<60 {
                let connection: RawConnection
                switch number % 4 {
                case 0:
                    connection = try p2p.beginPut(
                        "FOO-s1000000--\(number)", part: seededBytes(1_000, seed: 3), declared: 1_000_000)
                case 1:
                    connection = try RawConnection(port: repository.host.port, receiveBuffer: 8_192)
                    try connection.send("GET \(p2p.target("key/\(key)")) HTTP/1.1\r\nHost: h\r\n\r\n")
                    _ = try connection.readReply(bodyLimit: 100)
                case 2:
                    connection = try RawConnection(port: repository.host.port)
                    try connection.send(
                        "POST /team/data/git-receive-pack HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\n00")
                default:
                    connection = try RawConnection(port: repository.host.port)
                    try connection.send("GET /team/da")
                }
                connection.reset()
            }
            #expect(
                try eventually(within: 30) {
                    let now = try repository.host.readings
                    return now.descriptors <= before.descriptors + 4 && now.children.count <= before.children.count
                }, "before \(before), log \(repository.host.log.suffix(500))")
            #expect(try p2p.remove(key) == true)
            for number in stride(from: 0, to: 60, by: 4) {
                #expect(try p2p.putOffset("FOO-s1000000--\(number)") == 1_000, "spec 01 #44")
            }
        }
    }

    @Test("spec 01 #41: a stock get of a key that is being uploaded reports the transfer in progress")
    func transferInProgress() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            let bytes = seededBytes(100_000, seed: 4)
            try tree.write("a", bytes)
            try tree.add("a")
            let key = try tree.key("a")
            let upload = try p2p.beginPut(key, part: Array(bytes[..<1_000]), declared: bytes.count)
            #expect(try eventually { try p2p.putOffset(key) == 1_000 })
            let bare = repository.tree(alice)
            try bare.git("remote", "add", "tree", tree.path)
            let get = try bare.attempt("git", "annex", "get", "--from", "tree", "--key", key)
            #expect(get.status != 0 && get.allText.contains("transfer"), "\(get.transcript)")
            try upload.sendChunk(Array(bytes[1_000...]))
            try upload.sendLastChunk()
            #expect(try upload.readReply().bool("stored") == true)
        }
    }

    @Test("spec 01 #25: kill -9 during an upload leaves nothing wrong, and the upload goes on afterwards")
    func killedDuringUpload() throws {
        try withRepository { repository, p2p, _ in
            let bytes = seededBytes(1_000_000, seed: 5)
            let key = try Tools.sha256Key(bytes)
            let upload = try p2p.beginPut(key, part: Array(bytes[..<400_000]), declared: bytes.count)
            #expect(try eventually { try p2p.putOffset(key) == 400_000 })
            repository.host.kill9()
            upload.close()
            #expect(try repository.object(key) == nil)
            try repository.host.restart()
            let offset = try #require(try p2p.putOffset(key))
            #expect(offset <= 400_000)
            #expect(try p2p.put(key, Array(bytes[offset...]), offset: offset).bool("stored") == true)
            #expect(try p2p.get(key).body == bytes)
        }
    }
}
