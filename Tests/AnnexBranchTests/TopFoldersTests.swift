import AnnexProtocol
import Testing

@testable import AnnexBranch

@Suite struct TopFoldersTests {
    @Test("docs/performance.md: a file is looked up from its folder on, others from the commit")
    func names() {
        let commit = [UInt8](repeating: UInt8(ascii: "c"), count: 40)
        let id = (0..<20).map { UInt8($0 * 13) }
        func entry(_ name: String) -> [UInt8] { Array("40000 \(name)\u{0}".utf8) + id }
        let file = Array("100644 uuid.log\u{0}".utf8) + [UInt8](repeating: 1, count: 20)
        let tree = ["0", "000", "7ff", "abc", "abcd", "fff"].flatMap(entry) + file
        let folders = TopFolders(commit: commit, tree: tree, least: 4)
        func name(_ path: String) -> String { String(decoding: folders.name(of: Array(path.utf8)), as: UTF8.self) }
        #expect(name("abc/def/KEY.log") == "000d1a2734414e5b6875828f9ca9b6c3d0ddeaf7:def/KEY.log")
        #expect(name("000/x") == "000d1a2734414e5b6875828f9ca9b6c3d0ddeaf7:x")
        #expect(name("fff/x") == "000d1a2734414e5b6875828f9ca9b6c3d0ddeaf7:x")
        #expect(name("abcd/x") == String(repeating: "c", count: 40) + ":abcd/x")
        #expect(name("uuid.log") == String(repeating: "c", count: 40) + ":uuid.log")
        #expect(name("uuid.log/x") == String(repeating: "c", count: 40) + ":uuid.log/x")
        #expect(name("abd/x/y.log") == String(repeating: "c", count: 40) + ":abd/x/y.log")
        let few = TopFolders(commit: commit, tree: tree, least: 5)
        #expect(few.name(of: Array("abc/x".utf8)) == commit + Array(":abc/x".utf8))
    }

    @Test("docs/performance.md: what was known of an earlier commit, or of none, misleads nobody")
    func followsTheBranch() async throws {
        try await TestRepository.with(stockInit: false) { repository in
            let branch = repository.branch { $0.commitsAutomatically = false }
            #expect(try await branch.locations(of: key(1)).isEmpty)
            let path = try BranchPath(of: key(1), .location, levels: .two).description
            var tip: [String] = []
            for text in ["1s 1 u\n", "2s 0 u\n"] {
                tip = [try await repository.commit([path: text], parents: tip)]
                try await repository.git("update-ref", "refs/heads/git-annex", tip[0])
                let expected: PresenceLog.Status = text.contains(" 1 ") ? .present : .missing
                for _ in 0..<2 {
                    #expect(try await branch.locations(of: key(1)).values.map { $0 } == [expected])
                    #expect(try await branch.locations(of: key(2)).isEmpty)
                }
            }
            try await repository.git("update-ref", "-d", "refs/heads/git-annex")
            #expect(try await branch.locations(of: key(1)).isEmpty)
            try await branch.close()
        }
    }
}
