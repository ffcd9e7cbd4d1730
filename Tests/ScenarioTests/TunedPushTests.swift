// Tuned repositories (`annex.tune.*`): the layout is chosen once and for all when a repository is initialised. So one
// that is made by a push, and one that is empty, take over that of the first branch; a later one that differs is
// refused.

import TestKit
import Testing

@Suite struct TunedPushTests {
    private static let settings = ["annex.tune.objecthash1=true", "annex.tune.branchhash1=true"]

    private func tuned(_ alice: StockClient, _ name: String, _ settings: [String] = settings) throws -> WorkTree {
        let tree = try alice.newRepository(name, annex: false)
        let options = settings.flatMap { ["-c", $0] }
        try alice.command(["git"] + options + ["annex", "init", name], in: tree.path).check()
        try tree.write("a", "hello of \(name)\n")
        try tree.add("a")
        return tree
    }

    private func use(_ tree: WorkTree, _ served: HostedRepository, _ alice: StockClient) throws {
        #expect(try served.config("annex.tune.objecthash1") == "true")
        #expect(try served.config("annex.tune.branchhash1") == "true")
        let key = try tree.key("a")
        #expect(try eventually { try served.p2p().checkPresent(key) == true })
        let other = try alice.clone(served.url, as: "clone-of-\(served.path.dropFirst(5))")
        try other.annex("init", "other")
        try other.annex("get", "a")
        #expect(other.read("a") == tree.read("a"))
        try other.annex("drop", "a")
        // What the host logged itself is where the stock program looks for it.
        let names = try served.tree(alice).git("ls-tree", "-r", "--name-only", "git-annex").lines
        let logs = names.filter { $0.hasSuffix("\(key).log") }
        #expect(logs.count == 1 && logs[0].split(separator: "/").count == 2, "\(logs)")
        let found = try served.tree(alice).annex("fsck", "--all").allText
        #expect(!found.contains("failed") && !found.contains("fixing"), "\(found)")
        #expect(try served.tree(alice).git("show", "git-annex:difference.log").text.contains(try served.uuid()))
    }

    @Test("`git annex push` to a new name, and a plain push of both branches", arguments: [true, false])
    func firstPush(annex: Bool) throws {
        try withHost { host, alice in
            let tree = try tuned(alice, "work")
            let served = host.hosted("team/tuned")
            try tree.git("remote", "add", "origin", served.url)
            if annex {
                try tree.annex("push")
            } else {
                try tree.git("push", "-q", "origin", "main", "git-annex")
                try tree.annex("copy", "--to", "origin", "a")
            }
            try use(tree, served, alice)
        }
    }

    @Test("a repository that `repo create` made takes over the tuning as well, and one made with --tune has it")
    func created() throws {
        try withHost { host, alice in
            let tree = try tuned(alice, "work")
            _ = try host.create("team/later")
            #expect(try host.repo("create", "--tune", "objecthash1", "--tune", "branchhash1", "team/now").status == 0)
            for name in ["later", "now"] {
                let served = host.hosted("team/\(name)")
                try tree.git("remote", "add", name, served.url)
                // `git annex push` sends content first where it knows the UUID already, and content settles the layout.
                if name == "later" { try tree.git("push", "-q", name, "main", "git-annex") }
                try tree.annex("push", name)
                try use(tree, served, alice)
            }
            #expect(try host.repo("create", "--tune", "objecthash9", "team/no").status == 64)
        }
    }

    @Test("a branch that is tuned in another way is refused later on, with the command that makes a fitting repository")
    func laterPush() throws {
        try withHost { host, alice in
            let plain = try alice.newRepository("plain")
            try plain.write("a", "plain\n")
            try plain.add("a")
            let other = try tuned(alice, "other")
            for (name, first, second) in [("plain", plain, other), ("tuned", other, plain)] {
                let served = host.hosted("team/\(name)")
                try first.git("push", "-q", served.url, "main", "git-annex")
                let config = text("\(served.directory)/config")
                let refused = try second.attempt("git", "push", "-f", served.url, "git-annex:refs/synced/x/git-annex")
                #expect(refused.status != 0)
                #expect(refused.errorText.contains("annexd repo create --tune"), "\(refused.transcript)")
                #expect(text("\(served.directory)/config") == config)
            }
        }
    }

    /// Attack: a tuning that is taken over where content lies already would hide it.
    @Test("a repository with content keeps its layout, whatever is pushed first")
    func withContent() throws {
        try withRepository { repository, p2p, alice in
            let key = try p2p.store(Array("here".utf8))
            let tree = try tuned(alice, "work")
            let refused = try tree.attempt("git", "push", repository.url, "git-annex")
            #expect(refused.status != 0)
            #expect(refused.errorText.contains("annexd repo create --tune"), "\(refused.transcript)")
            #expect(try repository.config("annex.tune.objecthash1") == nil)
            #expect(try p2p.checkPresent(key) == true)
        }
    }
}
