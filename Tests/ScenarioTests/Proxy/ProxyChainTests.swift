// A gateway whose remote is a gateway itself: what that one proxies is proxied as well, under both names.

import TestKit
import Testing

@Suite struct ProxyChainTests {
    enum Middle: CaseIterable { case annexd, stock }

    /// The line of a gateway in proxy.log, without its clock.
    private func line(of uuid: String, in tree: WorkTree) throws -> [Substring] {
        let log = try tree.git("cat-file", "blob", "git-annex:proxy.log").text
        let lines = log.split(separator: "\n").map { $0.split(separator: " ") }
        return lines.first { $0.dropFirst().first == uuid[...] }.map { Array($0.dropFirst()) } ?? []
    }

    private func proxy(_ tree: WorkTree, _ name: String, uuid: String, url: String, annexURL: String?) throws {
        try tree.git("config", "remote.\(name).url", url)
        if let annexURL { try tree.git("config", "remote.\(name).annexUrl", annexURL) }
        try tree.git("config", "remote.\(name).annex-uuid", uuid)
        try tree.git("config", "remote.\(name).annex-proxy", "true")
    }

    private func proxy(
        _ one: HostedRepository, _ name: String, _ other: HostedRepository, _ host: AnnexdHost, _ client: StockClient
    ) throws {
        try proxy(
            one.tree(client), name, uuid: other.uuid(), url: "\(host.baseURL)/\(other.path).git",
            annexURL: "annex+\(host.baseURL)/\(other.path)")
    }

    /// Brings one repository's git-annex branch into another's, as a `git annex sync` does.
    private func pull(_ tree: WorkTree, from path: String) throws {
        try tree.git("fetch", "-q", path, "+git-annex:refs/remotes/pulled/git-annex")
        try tree.annex("merge")
    }

    private func update(_ host: AnnexdHost, _ name: String) throws -> CommandResult {
        let result = try host.annexd("proxy", "update", "--root", host.root, name)
        #expect(result.status == 0, "\(result.transcript)")
        return result
    }

    @Test("spec 03 §1.2, §1.5: annexd and the stock program write the same line for chains of gateways")
    func sameLine() throws {
        try withHost { host, client in
            let (first, second, third) = (try host.create("g1"), try host.create("g2"), try host.create("g3"))
            let node = try host.create("b")
            let tree = first.tree(client)
            try proxy(second, "far.b", node, host, client)
            try proxy(third, "c", node, host, client)
            try proxy(second, "g3", third, host, client)
            try proxy(first, "G2", second, host, client)
            try third.tree(client).annex("updateproxy")
            try pull(second.tree(client), from: third.tree(client).path)
            try second.tree(client).annex("updateproxy")
            try pull(tree, from: second.tree(client).path)
            try tree.annex("updateproxy")
            let stock = try line(of: first.uuid(), in: tree)
            #expect(stock.count == 5 && stock.contains { $0.hasSuffix(":G2-g3-c") }, "\(stock)")
            #expect(try update(host, "g1").text == "No proxy changes to record.\n")

            try first.setConfig("remote.G2.annex-proxy", "false")
            #expect(try update(host, "g1").text.split(separator: "\n").count == 4)
            #expect(try line(of: first.uuid(), in: tree) == Array(stock.prefix(1)))
            try first.setConfig("remote.G2.annex-proxy", "true")
            // Any setting for the name says that it is a remote of its own.
            try first.setConfig("remote.G2-g3.annex-cost", "10")
            let update = try update(host, "g1").text
            #expect(!update.contains("G2-g3\n") && update.contains("G2-far.b"), "\(update)")
            #expect(try tree.annex("updateproxy").allText.contains("No proxy changes to record."))
            try tree.git("config", "--unset", "remote.G2-g3.annex-cost")
            #expect(try self.update(host, "g1").text == "Started proxying for G2-g3\n")
            #expect(try line(of: first.uuid(), in: tree) == stock)
            let shown = try host.annexd("proxy", "list", "--root", host.root, "g1").text
            #expect(shown.contains("G2-far.b \(try node.uuid())"), "\(shown)")
        }
    }

    @Test("spec 03 §1.2 step 5: nodes of a cluster that another gateway serves as well")
    func clusters() throws {
        try withHost { host, client in
            let (first, second, node) = (try host.create("g1"), try host.create("g2"), try host.create("b"))
            let (tree, other) = (first.tree(client), second.tree(client))
            try proxy(second, "b", node, host, client)
            try other.git("config", "remote.b.annex-proxy", "false")
            try other.annex("initcluster", "big")
            try other.git("config", "remote.b.annex-cluster-node", "big")
            try other.annex("updatecluster")
            try proxy(first, "G2", second, host, client)
            try tree.git("config", "remote.G2.annex-proxy", "false")
            try pull(tree, from: other.path)
            try tree.annex("extendcluster", "G2", "big")
            let stock = try line(of: first.uuid(), in: tree)
            #expect(stock.contains { $0.hasSuffix(":G2-b") }, "\(stock)")
            #expect(try update(host, "g1").text == "No proxy changes to record.\n")
            let p2p = P2PCalls(port: host.port, prefix: "/g1", uuid: try node.uuid())
            let key = try Tools.sha256Key([1])
            #expect(try p2p.call("checkpresent", [("key", key)]).status == 200, "by its gateway's cluster")
            // Listed for itself, it is not listed again.
            try proxy(first, "b", node, host, client)
            try tree.annex("updateproxy")
            #expect(try update(host, "g1").text == "No proxy changes to record.\n")
            try tree.git("config", "--remove-section", "remote.b")
            #expect(try update(host, "g1").text == "Started proxying for G2-b\nStopped proxying for b\n")
        }
    }

    @Test("two gateways that proxy each other: names do not grow with each update, and nothing goes round")
    func circle() throws {
        try withHost { host, client in
            let (first, second, node) = (try host.create("g1"), try host.create("g2"), try host.create("b"))
            let trees = (first.tree(client), second.tree(client))
            try proxy(second, "b", node, host, client)
            try proxy(first, "G2", second, host, client)
            try proxy(second, "G1", first, host, client)
            for _ in 0..<3 {
                _ = try update(host, "g2")
                try pull(trees.0, from: trees.1.path)
                _ = try update(host, "g1")
                try pull(trees.1, from: trees.0.path)
            }
            func names(_ line: [Substring]) -> [Substring] { line.dropFirst().map { $0.dropFirst(37) }.sorted() }
            #expect(try names(line(of: first.uuid(), in: trees.0)) == ["G2", "G2-b"])
            #expect(try names(line(of: second.uuid(), in: trees.1)) == ["G1", "b"])
            #expect(try update(host, "g1").text == "No proxy changes to record.\n")
        }
    }

    @Test("what the stock command proxies and annexd cannot yet stays recorded")
    func kept() throws {
        try withHost { host, client in
            let gateway = try host.create("g1")
            let tree = gateway.tree(client)
            let uuid = "b11d3570-6218-4345-ba5b-123eb6b39332"
            try proxy(tree, "far", uuid: uuid, url: "ssh://example.invalid/x", annexURL: nil)
            let directory = try host.scratch.makeDirectory("special")
            try tree.annex("initremote", "dir", "type=directory", "directory=\(directory)", "encryption=none")
            try tree.git("config", "remote.dir.annex-proxy", "true")
            let before = try update(host, "g1")
            #expect(before.text == "No proxy changes to record.\n", "it adds none by itself")
            try tree.annex("updateproxy")
            let stock = try line(of: gateway.uuid(), in: tree)
            #expect(stock.count == 3)
            let after = try update(host, "g1")
            #expect(after.text == "No proxy changes to record.\n")
            #expect(
                after.errorText.contains("far stays recorded") && after.errorText.contains("dir stays recorded"),
                "\(after.transcript)")
            #expect(try line(of: gateway.uuid(), in: tree) == stock)
            try tree.git("config", "remote.far.annex-proxy", "false")
            #expect(try update(host, "g1").text == "Stopped proxying for far\n")
        }
    }

    @Test(
        "spec 03 §1.5: a stock client copies to, gets and drops from a repository behind two gateways",
        arguments: Middle.allCases)
    func throughTwo(_ kind: Middle) throws {
        try withHost { host, client in
            let node = try client.newRepository("node")
            let uuid = try #require(try node.config("annex.uuid"))
            let other = kind == .annexd ? try AnnexdHost(in: host.scratch, .init(), name: "-two") : nil
            let middle = try other?.create("middle").tree(client) ?? client.newRepository("middle")
            try proxy(middle, "b", uuid: uuid, url: node.path, annexURL: nil)
            try middle.annex("updateproxy")
            let server = kind == .stock ? try StockServer(middle) : nil
            let gateway = try host.create("team/gateway")
            let tree = gateway.tree(client)
            try proxy(
                tree, "mid", uuid: try #require(try middle.config("annex.uuid")),
                url: other.map { "\($0.baseURL)/middle.git" } ?? "http://127.0.0.1:\(server?.port ?? 0)/",
                annexURL: server?.url)
            try pull(tree, from: middle.path)
            let update = try update(host, "team/gateway")
            let lines = update.text.split(separator: "\n").sorted()
            #expect(lines == ["Started proxying for mid", "Started proxying for mid-b"], "\(update.transcript)")

            let alice = try client.annexClone(gateway.url, as: "alice")
            try alice.write("f", seededBytes(300_000, seed: 1))
            try alice.add("f")
            try alice.annex("copy", "--to", "origin-mid-b")
            #expect(try alice.whereis("f").contains(uuid))
            #expect(
                try tree.attempt("git", "annex", "whereis", "--json", "--key", try alice.key("f")).text.contains(uuid))
            try alice.git("push", "-q", "origin", "main", "git-annex")
            let bob = try StockClient(in: host.scratch, name: "bob").annexClone(gateway.url, as: "bob")
            try bob.annex("get", "f")
            #expect(bob.read("f") == seededBytes(300_000, seed: 1))
            let key = try alice.key("f")
            let bare = P2PCalls(port: host.port, prefix: "", uuid: uuid)
            #expect(try eventually { try bare.checkPresent(key) == true }, "by the UUID alone")
            try alice.annex("drop", "--from", "origin-mid-b", "f")
            #expect(try bare.checkPresent(key) == false)
            try other?.stop()
        }
    }

    @Test(
        "spec 03 §1.4: what proxy.log says a gateway proxies is out of reach where git config does not proxy the gateway"
    )
    func gate() throws {
        try withHost { host, client in
            let (first, second, node) = (try host.create("g1"), try host.create("g2"), try host.create("b"))
            let tree = first.tree(client)
            try proxy(second, "b", node, host, client)
            try proxy(first, "G2", second, host, client)
            _ = try update(host, "g2")
            try pull(tree, from: second.tree(client).path)
            let p2p = P2PCalls(port: host.port, prefix: "/g1", uuid: try node.uuid())
            let bare = P2PCalls(port: host.port, prefix: "", uuid: try node.uuid())
            let key = try Tools.sha256Key([1])
            func status(_ calls: P2PCalls) throws -> Int { try calls.call("checkpresent", [("key", key)]).status }
            #expect(try status(p2p) == 404, "not recorded for this gateway")
            _ = try update(host, "g1")
            #expect(try status(p2p) == 200)
            try first.setConfig("remote.G2.annex-proxy", "false")
            #expect(try status(p2p) == 502)
            try first.setConfig("remote.G2.annex-proxy", "true")
            try first.setConfig("remote.G2.annex-uuid", "99999999-2222-4333-8444-555555555555")
            #expect(try status(p2p) == 502, "the gateway is another one")
            try first.setConfig("remote.G2.annex-uuid", second.uuid())
            try first.setConfig("remote.G2-b.annex-cost", "1")
            #expect(try status(p2p) == 502, "a remote of its own now")
            #expect(try status(bare) == 200, "the repository itself")
        }
    }
}
