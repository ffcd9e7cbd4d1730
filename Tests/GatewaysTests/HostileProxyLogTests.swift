// Attack: a pushed proxy.log of 0.9 MB has 9,000 names for the host and 60,000 other entries. Were each name compared
// with each entry, for each request and on the event loop, a handful of requests would stop the whole host.

import AnnexBranch
import AnnexProtocol
import GitHost
import Hosting
import SystemPackage
import Testing

@testable import Gateways

@Suite(.timeLimit(.minutes(5)))
struct HostileProxyLogTests {
    private let gateway = RepositoryUUID("495a2bae-1d2a-4cdc-a197-bdf66722e764")!

    @Test("60 requests at once compute once what the log comes to, and look at a bounded number of entries")
    func once() async throws {
        let root = try Site(commitDelay: .seconds(600))
        let catalog = root.catalog
        try await root.manager.create(name("gw"))
        let repository = try #require(try await catalog.repository(named: name("gw")))
        let own = try #require(repository.uuid)
        let config = GitConfigFile(repository.gitDirectory.appending("config"))
        for (key, value) in [
            "annexurl": "annex+http://127.0.0.1:1/x", "annex-uuid": "\(gateway)", "annex-proxy": "true",
        ] {
            try await config.set("remote.far.\(key)", value)
        }
        let names = (0..<9000).map { "\(own):z\($0)" }
        let entries = (0..<60_000).map { "b:m\($0)" }
        let line = "9s \(gateway) \((names + entries).joined(separator: " "))\n9s \(own) \(gateway):other\n"
        try await repository.branch?.change(.proxyLog, regarding: nil) { _, _ in Array(line.utf8) }

        let nobody = try #require(RepositoryUUID("nobody"))
        let view = root.gateways.view(of: repository)
        let before = view.derivations
        try await withThrowingTaskGroup(of: ProxyGate.self) { group in
            for _ in 0..<60 { group.addTask { try await view.routes.decide(nobody) } }
            for try await gate in group { #expect(gate == .notServed) }
        }
        #expect(view.derivations == before + 1)
        let routes = try await view.routes
        #expect(routes.decide(gateway) == .notConfigured && routes.name(of: gateway) == "other")
        #expect(routes.configuration.remotes.count <= 1 + ProxyLog.maximumEntries)

        // A push that changes it counts at once.
        try await repository.branch?.change(.proxyLog, regarding: nil) { _, _ in
            Array("9s \(own) \(gateway):far\n".utf8)
        }
        guard case .remote(let remote) = try await view.routes.decide(gateway) else {
            Issue.record("the remote is not proxied")
            return
        }
        #expect(remote.name == "far")
        #expect(view.derivations == before + 2)
        await catalog.closeAll()
    }

    @Test("the work grows with what is listed, and not with names times entries")
    func work() throws {
        let own = try #require(RepositoryUUID("11111111-2222-4333-8444-555555555555"))
        let plain = try ProxyConfiguration(
            parsing: "[remote \"G\"]\nurl = annex+http://h/g\nannex-uuid = \(gateway)\nannex-proxy = true\n")
        let node = try #require(RepositoryUUID("b"))
        func lookups(names: Int, entries: Int, hyphens: Int) -> Int {
            var count = 0
            let ours = (0..<names).map { ProxyLog.Entry(uuid: own, name: "z\($0)") }
            let others = (0..<entries).map {
                ProxyLog.Entry(uuid: node, name: "z\($0)" + String(repeating: "-z", count: hyphens))
            }
            _ = plain.instantiating([gateway: Set(ours + others)], own: own, lookups: &count)
            return count
        }
        #expect(lookups(names: 1000, entries: 1000, hyphens: 0) == 0)
        #expect(lookups(names: 1000, entries: 1000, hyphens: 1) <= 1000)
        #expect(lookups(names: 10, entries: 1000, hyphens: 100) <= 100_000)
    }

    @Test("the names that another one begins with are the same as when each is compared")
    func prefixes() {
        let parts = ["a", "b", "ab", "é", "1"]
        func random(_ count: Int) -> String {
            (0..<count).map { _ in parts.randomElement() ?? "" }.joined(separator: "-")
        }
        for _ in 0..<2000 {
            let names = (0..<Int.random(in: 0...5)).map { _ in random(Int.random(in: 1...3)) }
            let text = random(Int.random(in: 1...6))
            var lookups = 0
            let found = NamePrefixes(names).remainders(of: text, lookups: &lookups)
            let expected = Set(names).filter { text.hasPrefix($0 + "-") }.map { String(text.dropFirst($0.count + 1)) }
            #expect(found.sorted() == expected.sorted(), "\(names), \(text)")
            #expect(lookups <= text.count { $0 == "-" })
        }
    }
}
