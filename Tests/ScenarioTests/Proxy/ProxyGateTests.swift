// Which repositories a gateway answers for: proxy.log and git config must both say so, and both are followed at once.

import Foundation
import TestKit
import Testing

@Suite struct ProxyGateTests {
    private func check(_ p2p: P2PCalls) throws -> HTTPReply { try p2p.call("checkpresent", [("key", emptyKey)]) }

    private func status(_ p2p: P2PCalls) throws -> Int { try check(p2p).status }

    private func status(_ setup: ProxySetup) throws -> Int { try status(setup.p2p) }

    private let emptyKey = "SHA256-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    @Test("spec 03 #3: in proxy.log, but not allowed by git config: 502 and the reason")
    func configuration() throws {
        try withProxy(.bare) { setup in
            #expect(try status(setup) == 200)
            try setup.gateway.setConfig("remote.node1.annex-proxy", "false")
            let reply = try check(setup.p2p)
            #expect(reply.status == 502)
            #expect(reply.reason.hasPrefix("not configured to proxy for repository"), "\(reply.reason)")
            try setup.gateway.setConfig("remote.node1.annex-proxy", "true")
            #expect(try status(setup) == 200)
        }
    }

    @Test("spec 03 #5: taken out of proxy.log, and put back, by annexd and by the stock program; no restart")
    func branch() throws {
        try withProxy(.bare) { setup in
            let tree = setup.gateway.tree(setup.client)
            try setup.gateway.setConfig("remote.node1.annex-proxy", "false")
            #expect(try setup.update().text == "Stopped proxying for node1\n")
            try setup.gateway.setConfig("remote.node1.annex-proxy", "true")
            #expect(try status(setup) == 404)
            let stock = try tree.annex("updateproxy")
            #expect(stock.allText.contains("Started proxying for node1"), "\(stock.transcript)")
            #expect(try status(setup) == 200)
            #expect(try setup.update().text == "No proxy changes to record.\n", "both write the same")
            try tree.git("config", "remote.node1.annex-proxy", "false")
            try tree.annex("updateproxy")
            try tree.git("config", "remote.node1.annex-proxy", "true")
            #expect(try status(setup) == 404)
            #expect(try setup.update().text == "Started proxying for node1\n")
            #expect(try status(setup) == 200)
            #expect(try tree.annex("updateproxy").allText.contains("No proxy changes to record."))
        }
    }

    @Test("spec 03 #1: annexd and the stock program write the same line, clock aside")
    func sameLine() throws {
        try withProxy(.workTree) { setup in
            let tree = setup.gateway.tree(setup.client)
            func line() throws -> [Substring] {
                let log = try tree.git("cat-file", "blob", "git-annex:proxy.log").text
                return log.split(separator: " ").dropFirst().map { $0 }
            }
            let ours = try line()
            try tree.git("config", "remote.node1.annex-proxy", "false")
            try tree.annex("updateproxy")
            #expect(try line().count == 2, "the UUID and nothing")
            try tree.git("config", "remote.node1.annex-proxy", "true")
            try tree.annex("updateproxy")
            #expect(try line() == ours)
        }
    }

    @Test("spec 03 §1.2: clusters are recorded as the stock program does; private and unsuitable remotes are not")
    func otherEntries() throws {
        try withProxy(.bare) { setup in
            let tree = setup.gateway.tree(setup.client)
            try tree.annex("initcluster", "big")
            try tree.annex("updatecluster")
            #expect(try setup.update().text == "No proxy changes to record.\n")
            try tree.git("config", "annex.cluster.odd", "b11d3570-6218-4345-ba5b-123eb6b39332")
            #expect(try setup.update().text == "No proxy changes to record.\n")
            try tree.git("config", "remote.node1.annex-private", "true")
            let update = try setup.update()
            #expect(
                update.text == "Stopped proxying for node1\n" && update.errorText.contains("private"),
                "\(update.transcript)")
            try tree.git("config", "remote.far.url", "ssh://example.invalid/x")
            try tree.git("config", "remote.far.annex-proxy", "true")
            #expect(try setup.update().errorText.contains("far is not proxied"))
        }
    }

    @Test("repo show and proxy list tell what is proxied, whether it answers, and which connections are open")
    func shown() throws {
        try withProxy(.annexd) { setup in
            _ = try setup.p2p.store(seededBytes(1000, seed: 1))
            func proxies() throws -> [[String: Any]] {
                let result = try setup.host.repo("show", "--json", "team/gateway")
                let object = try JSONSerialization.jsonObject(with: Data(result.text.utf8)) as? [String: Any]
                return object?["proxies"] as? [[String: Any]] ?? []
            }
            let shown = try #require(try proxies().first)
            #expect(shown["name"] as? String == "node1" && shown["uuid"] as? String == setup.targetUUID)
            #expect(shown["state"] as? String == "proxied" && shown["reachable"] as? Bool == true)
            let connections = try #require(shown["connections"] as? [String: Int])
            #expect(connections["inUse"] == 0 && connections["waiting"] == 0 && connections["open"] ?? 0 > 0)
            let text = try setup.host.repo("show", "team/gateway").text
            #expect(text.contains("proxies node1 \(setup.targetUUID)") && text.contains("reachable"), "\(text)")

            setup.otherHost?.kill9()
            let gone = try #require(try proxies().first)
            #expect(gone["reachable"] as? Bool == false && (gone["reason"] as? String)?.contains("node1") == true)
            try setup.host.stop()
            let offline = try #require(try proxies().first)
            #expect(offline["connections"] is NSNull, "nobody to ask")
            try setup.host.restart()
            try setup.otherHost?.restart()
        }
    }

    @Test("spec 03 #5: proxy.log that a client pushes is followed at once")
    func pushed() throws {
        try withProxy(.bare) { setup in
            try setup.gateway.setConfig("remote.node1.annex-proxy", "false")
            try setup.update()
            try setup.gateway.setConfig("remote.node1.annex-proxy", "true")
            let tree = try setup.client.annexClone(setup.gateway.url, as: "tree")
            // As somebody does who runs the gateway's git-annex in a clone: the line of the gateway in the clone's
            // branch.
            let uuid = try setup.gateway.uuid()
            try tree.annex("merge")
            try tree.write("line", "\(wallSeconds() + 10)s \(uuid) \(setup.targetUUID):node1\n")
            let blob = try tree.git("hash-object", "-w", "line").trimmed
            try tree.git("read-tree", "--index-output=.git/i", "git-annex")
            let edited = setup.client.command(
                [
                    "sh", "-c",
                    "GIT_INDEX_FILE=.git/i git update-index --add --cacheinfo 100644,\(blob),proxy.log && GIT_INDEX_FILE=.git/i git write-tree",
                ],
                in: tree.path)
            let written = try edited.check().trimmed
            let commit = try tree.git("commit-tree", "-p", "git-annex", "-m", "x", written).trimmed
            #expect(try status(setup) == 404)
            try tree.git("push", "-q", "origin", "\(commit):refs/heads/synced/git-annex")
            #expect(try status(setup) == 200)
        }
    }

    @Test("spec 03 #4: an unknown UUID is a 404, and everything known still answers")
    func unknown() throws {
        try withProxy(.bare) { setup throws in
            let uuid = "00000000-0000-4000-8000-000000000000"
            #expect(try status(P2PCalls(port: setup.host.port, prefix: "/team/gateway", uuid: uuid)) == 404)
            #expect(try status(P2PCalls(port: setup.host.port, prefix: "", uuid: uuid)) == 404)
            #expect(try status(setup) == 200)
            #expect(try setup.gateway.p2p().checkPresent(emptyKey) == false)
        }
    }

    @Test("by UUID alone: where one gateway proxies for it; not where two do; the repository itself before any gateway")
    func bareForm() throws {
        try withProxy(.bare) { setup in
            var bare = setup.p2p
            bare.prefix = ""
            #expect(try eventually { try status(bare) == 200 })
            let second = try setup.host.create("team/second")
            try second.setConfig("remote.other.url", setup.target.path)
            try second.setConfig("remote.other.annex-uuid", setup.targetUUID)
            try second.setConfig("remote.other.annex-proxy", "true")
            var byPath = setup.p2p
            byPath.prefix = "/team/second"
            #expect(try status(byPath) == 404, "and the server knows its git config now")
            #expect(try status(bare) == 200, "the second may proxy for it, and its proxy.log does not say so")
            #expect(try setup.host.annexd("proxy", "update", "--root", setup.host.root, "team/second").status == 0)
            #expect(try eventually { try status(bare) == 404 })
            #expect(try status(byPath) == 200)
            #expect(try status(setup) == 200)
        }
        try withProxy(.hosted) { setup in
            var bare = setup.p2p
            bare.prefix = ""
            #expect(try eventually { try status(bare) == 200 })
            let key = try bare.store(Array("direct".utf8))
            #expect(try setup.targetLists(key))
            #expect(try setup.gatewayLists(key) == false, "not through the gateway")
        }
    }

    @Test("spec 03 #68: a path that has become another repository is not used")
    func replaced() throws {
        try withProxy(.bare) { setup in
            #expect(try status(setup) == 200)
            try setup.target.git("config", "annex.uuid", "11111111-2222-4333-8444-555555555555")
            let reply = try check(setup.p2p)
            #expect(reply.status == 502 && reply.reason.contains("node1"), "\(reply.status) \(reply.reason)")
            try Command(["mv", setup.target.path, setup.target.path + "-away"]).check()
            let gone = try check(setup.p2p)
            #expect(gone.status == 502 && gone.reason.contains("node1"), "\(gone.status) \(gone.reason)")
        }
    }

    @Test("spec 03 #99: a repository that proxies itself serves itself; two that proxy each other answer 508")
    func loops() throws {
        try withHost { host, _ in
            let (a, b) = (try host.create("a"), try host.create("b"))
            let absent = "99999999-2222-4333-8444-555555555555"
            for (one, other) in [(a, b), (b, a), (a, a)] {
                let name = one.path == other.path ? "itself" : "other"
                let uuid = name == "itself" ? try a.uuid() : absent
                try one.setConfig("remote.\(name).url", "http://127.0.0.1:\(host.port)/\(other.path).git")
                try one.setConfig("remote.\(name).annexUrl", "annex+http://127.0.0.1:\(host.port)/\(other.path)")
                try one.setConfig("remote.\(name).annex-uuid", uuid)
                try one.setConfig("remote.\(name).annex-proxy", "true")
            }
            let update = try host.annexd("proxy", "update", "--root", host.root, "a", "b")
            #expect(
                update.status == 0 && update.allText.contains("it is this repository itself"), "\(update.transcript)")
            var p2p = try a.p2p()
            #expect(try p2p.checkPresent(emptyKey) == false)
            p2p.uuid = absent
            let reply = try check(p2p)
            #expect(reply.status == 508, "\(reply.status) \(reply.reason)")
        }
    }
}
