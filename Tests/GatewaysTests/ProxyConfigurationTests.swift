import AnnexProtocol
import Remotes
import Testing

@testable import Gateways

@Suite struct ProxyConfigurationTests {
    private let node = RepositoryUUID("495a2bae-1d2a-4cdc-a197-bdf66722e764")!
    private let other = RepositoryUUID("a19cc9d5-d3e5-4fc6-bb2f-e8503d146656")!

    private func configuration(_ text: String) throws -> ProxyConfiguration {
        try ProxyConfiguration(parsing: text)
    }

    private func entry(_ uuid: RepositoryUUID, _ name: String) -> ProxyLog.Entry { .init(uuid: uuid, name: name) }

    private func name(_ gate: ProxyGate) -> String? {
        if case .remote(let remote) = gate { remote.name } else { nil }
    }

    @Test("spec 03 #3: proxy.log alone opens nothing, git config alone neither")
    func bothGates() throws {
        let allowed = try configuration("[remote \"n\"]\nurl = /n\nannex-uuid = \(node)\nannex-proxy = true\n")
        let plain = try configuration("[remote \"n\"]\nurl = /n\nannex-uuid = \(node)\n")
        let served: Set = [entry(node, "n")]
        #expect(name(allowed.decide(node, served: served)) == "n")
        #expect(allowed.decide(node, served: []) == .notServed)
        #expect(allowed.decide(other, served: served) == .notServed)
        #expect(plain.decide(node, served: served) == .notConfigured)
    }

    /// proxy.log is pushed by whoever may append, and keeps what became private since. Where such a remote is reached
    /// all the same, what it has is recorded in the branch that everybody reads.
    @Test("a private remote is not reached, whatever proxy.log says")
    func privateRemote() throws {
        let hidden = try configuration(
            "[remote \"n\"]\nurl = /n\nannex-uuid = \(node)\nannex-proxy = true\nannex-private = true\n")
        #expect(hidden.decide(node, served: [entry(node, "n")]) == .notConfigured)
    }

    @Test("spec 03 #6: the cheapest remote whose name proxy.log has is used, no other of that UUID")
    func names() throws {
        let both = try configuration(
            """
            [remote "dear"]
            url = /a
            annex-uuid = \(node)
            annex-proxy = true
            annex-cost = 300.5
            [remote "cheap"]
            url = /b
            annex-uuid = \(node)
            annex-proxy = true
            annex-cost = 50
            [remote "free"]
            url = /c
            annex-uuid = \(node)
            annex-proxy = true
            annex-cost = 1
            """)
        #expect(name(both.decide(node, served: [entry(node, "dear"), entry(node, "cheap")])) == "cheap")
        #expect(name(both.decide(node, served: [entry(node, "dear")])) == "dear")
        #expect(both.decide(node, served: [entry(node, "elsewhere")]) == .notConfigured)
    }

    @Test("a node of a cluster passes only where this repository is a gateway of that cluster")
    func clusterNodes() throws {
        let remote = "[remote \"n\"]\nurl = /n\nannex-uuid = \(node)\nannex-cluster-node = big other\n"
        #expect(try configuration(remote).decide(node, served: [entry(node, "n")]) == .notConfigured)
        let gateway = try configuration(remote + "[annex \"cluster\"]\nother = ac62637c-755e-82cf-a521-db9880915961\n")
        #expect(name(gateway.decide(node, served: [entry(node, "n")])) == "n")
        #expect(gateway.candidateUUIDs == [node])
        let noCluster = try configuration(remote + "[annex \"cluster\"]\nother = \(other)\n")
        #expect(noCluster.decide(node, served: [entry(node, "n")]) == .notConfigured, "spec 03 §2.1")
    }

    @Test(
        "how a remote is reached",
        arguments: [
            ("url = /a/b", "/a/b"), ("url = ../y.git", "/srv/y.git"), ("url = file:///a%20b", "/a b"),
            ("url = /x\nannexUrl = annex+http://h/y", "annex+http://h:9417/y"),
            ("url = annex+https://u:secret@h:1/y/", "annex+https://h:1/y"),
            ("url = https://u:secret@h/r.git", "https://h/r.git"),
            ("url = host:path", "remotes at host:path… are not proxied yet"),
            ("url = ssh://h/x", "remotes at ssh:… are not proxied yet"),
            ("annex-directory = /d", "special remotes are not proxied yet"),
        ])
    func addresses(_ lines: String, _ expected: String) throws {
        let remote = try #require(try configuration("[remote \"n\"]\n\(lines)\n").remotes.first)
        #expect(remote.reachability.address == expected, "and without credentials")
    }

    @Test("costs: as configured, else 100 on this machine and 200 elsewhere; equal ones stay in order")
    func costs() throws {
        let remotes = try configuration(
            """
            [remote "far"]
            url = http://h/x
            [remote "b"]
            url = /b
            [remote "a"]
            url = /a
            [remote "odd"]
            url = /c
            annex-cost = nan
            [remote "far2"]
            url = annex+http://h/
            annex-cost = 99.5
            """
        ).remotes
        #expect(remotes.map(\.name) == ["far2", "b", "a", "odd", "far"])
        #expect(remotes.map(\.cost) == [99.5, 100, 100, 100, 200])
    }
}
