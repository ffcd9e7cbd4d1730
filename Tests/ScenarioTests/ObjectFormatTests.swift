// Repositories whose objects have SHA-256 names: a push makes one, `annexd repo create --object-format` does, and where
// the formats differ git says so in a sentence, instead of `protocol error: unexpected capabilities^{}`.

import TestKit
import Testing

@Suite struct ObjectFormatTests {
    private func repository(_ alice: StockClient, _ name: String, _ format: String) throws -> WorkTree {
        try alice.command(["git", "init", "-q", "--object-format=\(format)", name], in: alice.scratch.path).check()
        let tree = WorkTree(client: alice, path: alice.scratch.child(name))
        try tree.annex("init", name)
        try tree.write("a", "hello\n")
        try tree.add("a")
        return tree
    }

    private func format(_ served: HostedRepository) throws -> String {
        try Command(["git", "--git-dir", served.directory, "rev-parse", "--show-object-format"]).check().trimmed
    }

    /// Everything an annex needs, to the end.
    private func use(_ tree: WorkTree, _ served: HostedRepository, _ alice: StockClient) throws {
        try tree.git("remote", "add", "origin", served.url)
        try tree.annex("push")
        #expect(try served.p2p().checkPresent(tree.key("a")) == true)
        let other = try alice.annexClone(served.url, as: "clone")
        try other.annex("get", "a")
        #expect(other.read("a") == tree.read("a"))
        try other.write("b", "more\n")
        try other.add("b")
        try other.annex("sync", "--content")
        try tree.annex("sync", "--content")
        #expect(tree.has("b"))
        try tree.annex("drop", "b")
        #expect(try served.p2p().checkPresent(tree.key("b")) == true)
        let doctor = try served.host.annexd("doctor", "--root", served.host.root, served.path)
        #expect(doctor.status == 0, "\(doctor.transcript)")
    }

    @Test("a push to a new name creates a repository of the pusher's format", arguments: ["sha256", "sha1"])
    func pushToCreate(format: String) throws {
        try withHost { host, alice in
            let tree = try repository(alice, format, format)
            let served = host.hosted("team/pushed")
            try use(tree, served, alice)
            #expect(try self.format(served) == format)
        }
    }

    @Test("`annexd repo create --object-format sha256`, and the setting for all new ones")
    func create() throws {
        try withHost { host, alice in
            #expect(try host.repo("create", "--object-format", "sha256", "team/made").status == 0)
            let served = host.hosted("team/made")
            #expect(try format(served) == "sha256")
            try use(try repository(alice, "work", "sha256"), served, alice)

            let config = host.scratch.child("annexd.toml")
            try write(config, "[repositories]\nobject_format = \"sha256\"\n")
            #expect(try host.repo("create", "--config", config, "team/set").status == 0)
            #expect(try format(host.hosted("team/set")) == "sha256")
            #expect(try host.repo("create", "--config", config, "--object-format", "sha1", "team/old").status == 0)
            #expect(try format(host.hosted("team/old")) == "sha1")
            #expect(try host.repo("create", "--object-format", "md5", "team/no").status == 64)
        }
    }

    @Test(
        "where the formats differ, git says so in a sentence, whether the repository is empty or not",
        arguments: [("sha1", "sha256"), ("sha256", "sha1")])
    func differ(host hosted: String, client: String) throws {
        try withHost { host, alice in
            #expect(try host.repo("create", "--object-format", hosted, "team/data").status == 0)
            let served = host.hosted("team/data")
            let tree = try repository(alice, "other", client)
            let sentence = "the receiving end does not support this repository's hash algorithm"
            for _ in 0..<2 {
                let refused = try tree.attempt("git", "push", served.url, "main")
                #expect(refused.status != 0)
                #expect(refused.errorText.contains(sentence), "\(refused.transcript)")
                #expect(!refused.errorText.contains("protocol error"), "\(refused.transcript)")
                let right = try repository(alice, "right\(Int.random(in: 0..<1_000_000))", hosted)
                try right.git("push", "-q", "--force", served.url, "main")
            }
        }
    }
}
