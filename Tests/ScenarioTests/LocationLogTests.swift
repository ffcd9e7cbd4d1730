// The location log: every stored or removed key is in the git-annex branch's journal before the answer, in few commits
// soon after, and visible to whoever fetches.

import Foundation
import TestKit
import Testing

@Suite struct LocationLogTests {
    @Test("spec 01 #54: soon after a put the log says 1, after a remove 0")
    func putAndRemove() throws {
        try withRepository { repository, p2p, alice in
            let bare = repository.tree(alice)
            let key = try p2p.store(Array("logged".utf8))
            #expect(try eventually { try bare.committedLog(key)?.contains("s 1 \(p2p.uuid)") == true })
            #expect(try p2p.remove(key) == true)
            #expect(try eventually { try bare.committedLog(key)?.contains("s 0 \(p2p.uuid)") == true })
            #expect(try bare.committedLog(key)?.split(separator: "\n").count == 1)
        }
    }

    @Test("a fetch of the git-annex branch sees every acknowledged put, at once")
    func beforeFetch() throws {
        try withRepository { repository, p2p, alice in
            let clone = try alice.clone(repository.url, as: "clone")
            for number in 0..<5 {
                let key = try p2p.store(Array("fetch \(number)".utf8))
                try clone.git("fetch", "-q", "origin", "+git-annex:seen")
                let found = try clone.git("ls-tree", "-r", "--name-only", "seen").text
                #expect(found.contains("\(key).log"), "put \(number)")
            }
        }
    }

    @Test("spec 02 #35: hundreds of puts make few commits, and none is lost")
    func fewCommits() throws {
        try withRepository { repository, p2p, alice in
            let bare = repository.tree(alice)
            let connection = try RawConnection(port: repository.host.port)
            var keys: [String] = []
            for number in 0..<300 {
                let key = "FOO-s3--burst\(number)"
                let headers = [(name: "X-git-annex-data-length", value: "3")]
                try connection.sendRequest(
                    "POST", p2p.target("put", [("key", key)]), port: repository.host.port, headers: headers,
                    body: [1, 2, 3])
                #expect(try connection.readReply().bool("stored") == true)
                keys.append(key)
            }
            func names() throws -> String { try bare.attempt("git", "ls-tree", "-r", "--name-only", "git-annex").text }
            #expect(try eventually { try names().components(separatedBy: "burst").count == 301 })
            let commits = try Int(bare.git("rev-list", "--count", "git-annex").trimmed) ?? 0
            #expect(commits <= 60, "\(commits) commits for 300 puts")
            // The journal is cleared after the branch has moved.
            let journal = Command(["ls", "annex/journal"], directory: repository.directory)
            #expect(try eventually { try journal.run().lines.isEmpty })
            #expect(try bare.annex("whereis", "--key", keys[299]).text.contains(p2p.uuid))
        }
    }

    @Test("spec 02 #34: what a killed server left in the journal is not lost")
    func killedServer() throws {
        try withRepository { repository, p2p, alice in
            let key = try p2p.store(Array("killed".utf8))
            repository.host.kill9()
            let bare = repository.tree(alice)
            #expect(try bare.annex("whereis", "--key", key).text.contains(p2p.uuid))
            try repository.host.restart()
            #expect(try p2p.checkPresent(key) == true)
            let clone = try alice.clone(repository.url, as: "clone")
            let branch = try clone.git("ls-tree", "-r", "--name-only", "origin/git-annex").text
            #expect(branch.contains("\(key).log"))
        }
    }

    @Test("spec 02 #37, spec 01 #24: the server leaves index.lck, keysdb and the like to stock git-annex")
    func clientFiles() throws {
        try withRepository { repository, p2p, alice in
            let bare = repository.tree(alice)
            try bare.annex("info")
            let list = [
                "sh", "-c", "cd annex && stat -c '%n %Y %s %i' index.lck mergedrefs keysdb* 2>/dev/null; cat index.lck",
            ]
            let before = try Command(list, directory: repository.directory).run().text
            let key = try p2p.store(Array("leave".utf8))
            #expect(try eventually { try bare.committedLog(key) != nil })
            let after = try Command(list, directory: repository.directory).run().text
            #expect(before == after)
        }
    }
}
