import AnnexProtocol
import Testing

@Suite struct ProxyLogTests {
    private let gateway = RepositoryUUID("b11d3570-6218-4345-ba5b-123eb6b39332")!
    private let node = RepositoryUUID("495a2bae-1d2a-4cdc-a197-bdf66722e764")!
    private let archive = RepositoryUUID("a19cc9d5-d3e5-4fc6-bb2f-e8503d146656")!

    private func names(_ text: String) -> [String] {
        ProxyLog(parsing: Array(text.utf8)).entries(of: gateway).map(\.name).sorted()
    }

    @Test("spec 03 #2: of several lines for one gateway the newest counts, whatever their order")
    func newest() {
        #expect(names("10s \(gateway) \(node):old\n20.5s \(gateway) \(node):new \(archive):b\n") == ["b", "new"])
        #expect(names("20.5s \(gateway) \(node):new\n10 \(gateway) \(node):old\n") == ["new"])
        #expect(names("99s \(node) \(archive):foreign\n") == [])
    }

    @Test("spec 03 #2: an empty set has a trailing space, and is written so")
    func empty() {
        #expect(names("10s \(gateway) \(node):a\n11s \(gateway) \n") == [])
        var log = ProxyLog(parsing: Array("10s \(gateway) \(node):a\n".utf8))
        let isChanged = log.set([], of: gateway, now: BranchTimestamp(seconds: 50))
        #expect(isChanged)
        #expect(String(decoding: log.serialized, as: UTF8.self) == "50s \(gateway) \n")
        let isChangedAgain = log.set([], of: gateway, now: BranchTimestamp(seconds: 60))
        #expect(!isChangedAgain)
        var fresh = ProxyLog(parsing: [])
        let isFreshChanged = fresh.set([], of: gateway, now: BranchTimestamp(seconds: 60))
        #expect(!isFreshChanged)
        #expect(fresh.serialized.isEmpty)
    }

    @Test(
        "spec 03 #2: names that no remote can have are ignored",
        arguments: [
            ("node1", true), ("a.b_c-d", true), ("ünï", true), ("1", true), ("", false), (".hidden", false),
            ("-option", false), ("a/b", false), ("a b", false), ("a\tb", false), ("a:b", false), ("..", false),
        ])
    func legalNames(_ name: String, _ isLegal: Bool) {
        #expect(ProxyLog.isRemoteName(name) == isLegal)
        if !name.contains(" ") { #expect(names("1s \(gateway) \(node):\(name)\n") == (isLegal ? [name] : [])) }
    }

    /// Attack: a line of tens of thousands of entries, or of names of a megabyte each.
    @Test("docs/hostile-pushes.md: so many entries of each gateway are looked at, and no longer names")
    func bounds() {
        let many = (0..<(ProxyLog.maximumEntries + 1)).map { "\(node):n\($0)" }.joined(separator: " ")
        let log = ProxyLog(parsing: Array("1s \(gateway) \(many)\n1s \(node) \(archive):a\n1s x a:b\n".utf8))
        let reading = log.entries(of: [gateway, node])
        #expect(reading.entries[gateway]?.count == ProxyLog.maximumEntries && reading.cut == [gateway])
        #expect(reading.entries[node] == [ProxyLog.Entry(uuid: archive, name: "a")])
        #expect(Set(reading.entries.keys) == [gateway, node])
        let name = String(repeating: "n", count: ProxyLog.maximumNameLength)
        #expect(ProxyLog.isRemoteName(name) && !ProxyLog.isRemoteName(name + "n"))
    }

    @Test("entries are sorted by UUID and name, and the clock never goes back")
    func serialisation() {
        var log = ProxyLog(parsing: Array("100s \(gateway) \(node):a\n".utf8))
        let entries: Set = [
            ProxyLog.Entry(uuid: node, name: "b"), ProxyLog.Entry(uuid: node, name: "a"),
            ProxyLog.Entry(uuid: archive, name: "z"),
        ]
        let isChanged = log.set(entries, of: gateway, now: BranchTimestamp(seconds: 5))
        #expect(isChanged)
        #expect(
            String(decoding: log.serialized, as: UTF8.self) == "101s \(gateway) \(node):a \(node):b \(archive):z\n")
        #expect(ProxyLog(parsing: log.serialized).entries(of: gateway) == entries)
    }

    @Test("garbage between the entries is skipped")
    func garbage() {
        #expect(names("1s \(gateway) x \(node): :name \(node):ok \(node):also:not\n") == ["ok"])
    }
}
