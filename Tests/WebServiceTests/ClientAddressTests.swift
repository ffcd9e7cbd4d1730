import Testing

@testable import WebService

@Suite struct ClientAddressTests {
    @Test(
        "an IPv6 subscriber counts as one client, whatever address it takes",
        arguments: [
            ("192.0.2.7", "192.0.2.7", "192.0.2.7"), ("::1", "::1", "::/64"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:DB8:1:2::ffff", "2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"),
            ("fe80::1%eth0", "fe80::1", "fe80::/64"),
        ])
    func groups(text: String, address: String, group: String) throws {
        let parsed = try #require(ClientAddress(text))
        #expect(parsed.description == address)
        #expect(parsed.group == group)
    }

    @Test(arguments: ["", "unknown", "192.0.2", "192.0.2.7:80", "[::1]", "::g", "_hidden"])
    func othersAreNoAddresses(text: String) { #expect(ClientAddress(text) == nil) }

    @Test func nothingFollowsANul() { #expect(ClientAddress("192.0.2.7\u{0}x") == nil) }

    @Test(
        "only a proxy that is trusted is believed about the client",
        arguments: [
            ([], "192.0.2.1", ["203.0.113.5"], "192.0.2.1"),
            (["192.0.2.1"], "192.0.2.1", ["203.0.113.5"], "203.0.113.5"),
            (["192.0.2.1"], "192.0.2.9", ["203.0.113.5"], "192.0.2.9"),
            // What the client itself sent stands before what the proxy appended.
            (["192.0.2.1"], "192.0.2.1", ["10.0.0.1, 203.0.113.5"], "203.0.113.5"),
            (["192.0.2.1"], "192.0.2.1", ["10.0.0.1", " 203.0.113.5\t"], "203.0.113.5"),
            // Two proxies in a row.
            (["192.0.2.1", "192.0.2.2"], "192.0.2.1", ["10.0.0.1, 203.0.113.5, 192.0.2.2"], "203.0.113.5"),
            (["192.0.2.1"], "192.0.2.1", [], "192.0.2.1"), (["192.0.2.1"], "192.0.2.1", ["nonsense"], "192.0.2.1"),
            (["unix"], nil, ["2001:db8::7"], "2001:db8::7"), ([], nil, ["2001:db8::7"], "unix"),
            (["::1"], "::1", ["192.0.2.7"], "192.0.2.7"),
            // Some proxies write the port as well; without that all of their clients would count as one.
            (["192.0.2.1"], "192.0.2.1", ["10.0.0.1:1, 203.0.113.5:49152"], "203.0.113.5"),
            (["192.0.2.1"], "192.0.2.1", ["[2001:db8::7]:49152"], "2001:db8::7"),
            (["192.0.2.1"], "192.0.2.1", ["[2001:db8::7]"], "2001:db8::7"),
            (["192.0.2.1"], "192.0.2.1", ["203.0.113.5:x:y"], "192.0.2.1"),
            (["192.0.2.1"], "192.0.2.1", ["[203.0.113.5"], "203.0.113.5"),
        ] as [([String], String?, [String], String)])
    func forwarded(trusted: [String], peer: String?, headers: [String], client: String) throws {
        let proxies = try #require(TrustedProxies(trusted))
        #expect(proxies.client(peer: peer, forwardedFor: headers).description == client)
    }

    @Test func namesAreNotTrusted() { #expect(TrustedProxies(["localhost"]) == nil) }
}
