import Testing

@testable import AnnexBranch

@Suite struct RawTreeTests {
    private func tree(_ entries: [(mode: String, name: String)]) -> [UInt8] {
        entries.flatMap { Array("\($0.mode) \($0.name)\u{0}".utf8) + [UInt8](repeating: 7, count: 20) }
    }

    @Test("docs/hostile-pushes.md: trees as git writes them")
    func sound() {
        #expect(RawTree.isSound([], idLength: 20))
        #expect(RawTree.isSound(tree([("100644", "a-b"), ("40000", "a"), ("100644", "a0")]), idLength: 20))
        #expect(RawTree.isSound(tree([("100644", "a"), ("100644", "a.b"), ("100644", "b")]), idLength: 20))
    }

    @Test(
        "docs/hostile-pushes.md: trees that only an attacker writes",
        arguments: [
            [("100644", "a/b")], [("100644", "")], [("100644", "b"), ("100644", "a")],
            [("100644", "a"), ("100644", "a")], [("40000", "a"), ("100644", "a-b")],
            [("100644", "a"), ("40000", "a")], [("100644", "a"), ("100644", "a-b"), ("40000", "a")],
        ])
    func broken(entries: [(String, String)]) {
        #expect(!RawTree.isSound(tree(entries.map { ($0.0, $0.1) }), idLength: 20))
    }

    @Test("docs/hostile-pushes.md: trees that end in the middle")
    func truncated() {
        let whole = tree([("100644", "a"), ("100644", "b")])
        for length in 1..<whole.count where length != whole.count / 2 {
            #expect(!RawTree.isSound(Array(whole[..<length]), idLength: 20), "\(length)")
        }
    }
}
