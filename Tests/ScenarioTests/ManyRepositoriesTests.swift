// Thousands of repositories on one host, copies of one another among them, and names that are used again.

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct ManyRepositoriesTests {
    /// How many repositories; the times and the memory for 10,000 of them are measured by `make bench`.
    private var count: Int {
        ProcessInfo.processInfo.environment["ANNEXD_TEST_REPOSITORIES"].flatMap { Int($0) } ?? 2000
    }

    /// Makes bare repositories `many/r0.git` and so on, without a git process for each, and answers the UUID of each.
    private func populate(_ root: String, _ count: Int) throws -> [String] {
        let script = """
            import os, sys, uuid
            root, count = sys.argv[1], int(sys.argv[2])
            for number in range(count):
                folder = f"{root}/many/r{number}.git"
                for part in ("objects/info", "objects/pack", "refs/heads"):
                    os.makedirs(f"{folder}/{part}")
                identity = uuid.uuid4()
                with open(f"{folder}/HEAD", "w") as file: file.write("ref: refs/heads/main\\n")
                with open(f"{folder}/config", "w") as file:
                    file.write(f"[core]\\n\\trepositoryformatversion = 0\\n\\tbare = true\\n[annex]\\n\\tuuid = {identity}\\n\\tversion = 10\\n")
                print(identity)
            """
        return try Command(["python3", "-c", script, root, "\(count)"]).check().lines
    }

    @Test("an idle repository costs neither a descriptor nor a child, and all are found by path and by UUID")
    func many() throws {
        try withHost { host, _ in
            try host.stop()
            let uuids = try populate(host.root, count)
            try host.restart()
            let before = try host.readings
            for number in stride(from: 0, to: count, by: max(1, count / 40)) {
                for prefix in ["/many/r\(number)", ""] {
                    let p2p = P2PCalls(port: host.port, prefix: prefix, uuid: uuids[number])
                    #expect(try p2p.checkPresent("SHA256-s1--absent") == false)
                }
            }
            #expect(
                try P2PCalls(port: host.port, prefix: "", uuid: "11111111-2222-3333-4444-555555555555").call(
                    "gettimestamp"
                ).status == 404)
            let after = try host.readings
            #expect(after.children.isEmpty)
            #expect(after.descriptors <= before.descriptors + 4, "\(before) \(after)")
            #expect(after.threads <= before.threads + 2, "\(before) \(after)")
            #expect(after.residentBytes < 100 << 20, "\(after)")
        }
    }

    @Test("a request by UUID alone that comes before the repositories are known waits for that")
    func early() throws {
        var options = AnnexdHost.Options()
        options.sockets = [try ListeningSocket.tcp()]
        try withHost(options) { host, _ in
            try host.stop()
            let uuids = try populate(host.root, count)
            let p2p = P2PCalls(port: host.port, prefix: "", uuid: uuids[count - 1])
            let early = try RawConnection(port: host.port)
            let target = p2p.target("checkpresent", [("key", "SHA256-s1--absent")])
            try early.send("POST \(target) HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            try host.restart()
            let reply = try early.readReply()
            #expect(reply.status == 200 && reply.bool("present") == false, "\(reply.status) \(reply.text)")
        }
    }

    @Test("two repositories with one UUID are told apart by path, refused by UUID alone, and reported")
    func copies() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            let key = try p2p.store(Array("the original".utf8))
            try Command(["cp", "-a", repository.directory, "\(host.root)/team/copy.git"]).check()
            let copy = P2PCalls(port: host.port, prefix: "/team/copy", uuid: p2p.uuid)
            let plain = P2PCalls(port: host.port, prefix: "", uuid: p2p.uuid)
            #expect(try eventually { try plain.call("gettimestamp").status == 404 })
            let other = try copy.store(Array("only in the copy".utf8))
            #expect(try p2p.checkPresent(other) == false && copy.checkPresent(other) == true)
            #expect(try p2p.remove(key) == true)
            #expect(try copy.checkPresent(key) == true)

            #expect(eventually { host.log.contains("several repositories have one UUID") })
            #expect(host.log.contains("team/copy") && host.log.contains(p2p.uuid))
            let listed = try host.repo("list", "--json").text
            #expect(listed.contains("\"sameUUID\":[\"team/copy\"]") && listed.contains("\"sameUUID\":[\"team/data\"]"))
            #expect(try host.repo("show", "team/data").text.contains("same UUID: team/copy"))
            #expect(try host.repo("show", "--json", "team/copy").text.contains("\"sameUUID\":[\"team/data\"]"))

            // Once told apart it is reachable by its UUID again, and reported no more.
            try host.hosted("team/copy").setConfig("annex.uuid", "11111111-2222-3333-4444-555555555555")
            #expect(try eventually { try host.repo("list", "--json").text.contains("\"sameUUID\":[\"") == false })
        }
    }

    @Test("a repository that was deleted and made anew gets nothing that was meant for the old one")
    func recreated() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            let (kept, uploaded) = (Array("kept".utf8), seededBytes(500_000, seed: 6))
            let old = try p2p.store(kept)
            let key = try Tools.sha256Key(uploaded)
            let lock = try #require(try p2p.lock(old))
            let held = try p2p.keepLocked(lock)
            try held.sendChunk(Array("{\"unlock\":false}\n".utf8))
            let upload = try p2p.beginPut(key, part: Array(uploaded[..<400_000]), declared: uploaded.count)
            #expect(try eventually { try p2p.putOffset(key) == 400_000 })

            #expect(try host.repo("delete", "team/data").status == 0)
            let fresh = try host.create("team/data").p2p()
            #expect(fresh.uuid != p2p.uuid)
            // The upload comes to its end, in a place that is not its own any more.
            try upload.sendChunk(Array(uploaded[400_000...]))
            try upload.sendLastChunk()
            let answer = try upload.readReply()
            #expect(answer.bool("stored") != true, "\(answer.status) \(answer.reason) \(answer.text)")
            try held.sendChunk(Array("{\"unlock\":true}\n".utf8))
            try held.sendLastChunk()
            _ = try? held.readReply()

            // Every operation for the old UUID, by path and by UUID.
            for calls in [p2p, P2PCalls(port: host.port, prefix: "", uuid: p2p.uuid)] {
                #expect(try eventually { try calls.call("checkpresent", [("key", old)]).status == 404 })
                #expect(try calls.put(key, uploaded).status == 404)
                #expect(try calls.call("remove", [("key", old)]).status == 404)
                #expect(try calls.call("lockcontent", [("key", old)]).status == 404)
            }
            #expect(try fresh.checkPresent(key) == false && fresh.checkPresent(old) == false)
            let ours = try fresh.store(Array("for the new one".utf8))
            #expect(try fresh.checkPresent(ours) == true)
            try host.stop()
            let directory = repository.directory
            #expect(
                try Command(["git", "--git-dir", directory, "grep", "-l", p2p.uuid, "git-annex"]).run().lines.isEmpty,
                "no log of the new repository names the old one")
            #expect(try Command(["grep", "-rl", p2p.uuid, "\(directory)/annex"]).run().lines.isEmpty)
            #expect(try Command(["find", "annex/objects", "-type", "f"], directory: directory).run().lines.count == 1)
            try host.restart()
        }
    }
}
