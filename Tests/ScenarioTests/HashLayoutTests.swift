// Where objects are: both hash layouts, bare and non-bare repositories, and tuned ones; stock fsck agrees afterwards.

import TestKit
import Testing

@Suite struct HashLayoutTests {
    @Test("spec 01 #16, #17: a bare repository uses lower directories, and finds what lies in the mixed ones")
    func bare() throws {
        try withRepository { repository, p2p, alice in
            let tree = repository.tree(alice)
            let key = try p2p.store(Array("layout".utf8))
            let places = try tree.annex("examinekey", "--format=${hashdirlower} ${hashdirmixed}", key).trimmed.split(
                separator: " ")
            let lower = "annex/objects/\(places[0])"
            let mixed = "annex/objects/\(places[1])"
            #expect(exists("\(repository.directory)/\(lower)/\(key)/\(key)"))
            let move = "mkdir -p \"$1\" && mv \"$0/$2\" \"$1/\""
            try Command(["sh", "-c", move, lower, mixed, key], directory: repository.directory).check()
            #expect(try p2p.checkPresent(key) == true)
            #expect(try p2p.get(key).text == "layout")
            let lock = try #require(try p2p.lock(key))
            #expect(exists("\(repository.directory)/\(mixed)/\(key)/\(key).lck"))
            #expect(try p2p.remove(key) == false)
            _ = try p2p.unlock(lock)
            #expect(try p2p.put(key, Array("layout".utf8)).bool("stored") == true)
            #expect(!exists("\(repository.directory)/\(lower)/\(key)/\(key)"), "not stored twice")
            #expect(try p2p.remove(key) == true)
            #expect(!exists("\(repository.directory)/\(mixed)/\(key)"))
        }
    }

    @Test(
        "spec 01 #18: tuned repositories",
        arguments: ["annex.tune.objecthash1", "annex.tune.objecthashlower", "annex.tune.branchhash1"])
    func tuned(setting: String) throws {
        for isBare in [true, false] {
            try withHost { host, alice in
                let folder = "\(host.root)/tuned\(isBare ? ".git" : "")"
                try Command(["git", "init", "-q"] + (isBare ? ["--bare"] : []) + [folder]).check()
                let tree = WorkTree(client: alice, path: folder)
                try tree.git("-c", "\(setting)=true", "annex", "init")
                let p2p = P2PCalls(port: host.port, prefix: "/tuned", uuid: try tree.config("annex.uuid") ?? "")
                #expect(try eventually { try p2p.call("checkpresent", [("key", "FOO-s1--x")]).status == 200 })
                let bytes = Array("tuned".utf8)
                let key = try p2p.store(bytes)
                let stock = try tree.annex("contentlocation", key).trimmed
                #expect(exists("\(folder)/\(stock)"), "\(stock)")
                // The client's own clone makes the stock program look at the log where it expects it.
                #expect(
                    try eventually {
                        try tree.attempt("git", "annex", "whereis", "--key", key).text.contains(p2p.uuid)
                    })
                let names = try tree.git("ls-tree", "-r", "--name-only", "git-annex").lines.filter { $0.contains(key) }
                #expect(names.count == 1, "\(names)")
                let found = try tree.annex("fsck", "--all").allText
                #expect(!found.contains("failed") && !found.contains("fixing"), "\(found)")
                #expect(try p2p.remove(key) == true)
            }
        }
    }
}
