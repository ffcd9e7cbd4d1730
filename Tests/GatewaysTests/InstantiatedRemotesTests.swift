import AnnexProtocol
import Remotes
import Testing

@testable import Gateways

@Suite struct InstantiatedRemotesTests {
    private let own = RepositoryUUID("11111111-2222-4333-8444-555555555555")!
    private let gateway = RepositoryUUID("495a2bae-1d2a-4cdc-a197-bdf66722e764")!
    private let node = RepositoryUUID("a19cc9d5-d3e5-4fc6-bb2f-e8503d146656")!

    private func entry(_ uuid: RepositoryUUID, _ name: String) -> ProxyLog.Entry { .init(uuid: uuid, name: name) }

    private func configuration(
        _ text: String, _ recorded: [RepositoryUUID: Set<ProxyLog.Entry>]
    ) throws -> ProxyConfiguration {
        try ProxyConfiguration(parsing: text).instantiating(recorded, own: own)
    }

    private func remote(_ name: String, _ url: String, _ more: String = "annex-proxy = true") -> String {
        "[remote \"\(name)\"]\nurl = \(url)\nannex-uuid = \(gateway)\n\(more)\n"
    }

    @Test("spec 03 §1.5: address, cost and annex-proxy are the gateway's; the clusters are not")
    func inherits() throws {
        let text = remote("G", "annex+http://h/g", "annex-proxy = true\nannex-cost = 7\nannex-cluster-node = big")
        let brought = try #require(try configuration(text, [gateway: [entry(node, "b")]]).remotes.last)
        #expect(brought.name == "G-b" && brought.uuid == node && brought.gateway == "G")
        #expect(brought.cost == 7 && brought.isProxied && brought.clusters.isEmpty)
        #expect(brought.reachability.address == "annex+http://h:9417/g")
    }

    @Test(
        "spec 03 §1.5: which remotes can be gateways",
        arguments: [
            ("annex+http://h/g", true), ("https://h/g.git", true), ("ssh://h/g", true), ("/srv/g.git", false),
            ("", false),
        ])
    func kinds(_ url: String, _ canBe: Bool) throws {
        let remotes = try configuration(remote("G", url), [gateway: [entry(node, "b")]]).remotes
        #expect(remotes.map(\.name) == (canBe ? ["G", "G-b"] : ["G"]))
    }

    @Test("left out: this repository itself, names with settings of their own, and what would lead back here")
    func leftOut() throws {
        let recorded = [gateway: Set([entry(own, "us"), entry(node, "b"), entry(node, "us-G-b"), entry(node, "us-x")])]
        let text = remote("G", "annex+http://h/g")
        #expect(try configuration(text, recorded).remotes.map(\.name) == ["G", "G-b", "G-us-x"])
        let taken = text + "[remote \"G-b\"]\nannex-cost = 1\n"
        #expect(try configuration(taken, recorded).remotes.map(\.name) == ["G-b", "G", "G-us-G-b", "G-us-x"])
        let alreadyOurs = recorded.merging([own: [entry(node, "x")]]) { old, _ in old }
        #expect(try configuration(text, alreadyOurs).remotes.map(\.name) == ["G", "G-b"])
        #expect(try configuration(text, [node: [entry(gateway, "G")]]).remotes.map(\.name) == ["G"])
    }

    @Test("spec 03 §1.4: allowed by the gateway's settings alone, and only under the name that proxy.log has")
    func gate() throws {
        let recorded = [gateway: Set([entry(node, "b")])]
        func gate(_ more: String, served name: String = "G-b") throws -> ProxyGate {
            try configuration(remote("G", "annex+http://h/g", more), recorded)
                .decide(node, served: [entry(node, name)])
        }
        func isAllowed(_ gate: ProxyGate) -> Bool { if case .remote = gate { true } else { false } }
        #expect(try isAllowed(gate("annex-proxy = true")))
        #expect(try isAllowed(gate("annex-cluster-gateway = ac62637c-755e-82cf-a521-db9880915961")))
        #expect(try gate("annex-proxy = false") == .notConfigured)
        #expect(try gate("annex-cluster-node = big") == .notConfigured)
        #expect(try gate("annex-proxy = true", served: "b") == .notConfigured)
    }
}
