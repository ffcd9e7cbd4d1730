import FileIO
import SystemPackage
import Testing

@testable import GitHost

@Suite(.timeLimit(.minutes(10))) struct GitObjectsTests {
    @Test func resolvesRefsAndAncestry() async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let objects = GitObjects(fixture.git)
            #expect(try await objects.resolve("HEAD") == nil)
            #expect(try await objects.refs() == [])
            let first = try await fixture.commit("1")
            let second = try await fixture.commit("2", parents: [first])
            try await fixture.setRef("refs/heads/main", second)
            try await fixture.setRef("refs/heads/x/git-annex", first)
            #expect(try await objects.resolve("HEAD") == second)
            #expect(try await objects.resolve("main^{tree}")?.count == 40)
            #expect(try await objects.resolve("--all") == nil)
            #expect(try await objects.resolve("") == nil)
            #expect(try await objects.refs(matching: ["refs/heads/*/git-annex"]).map(\.object) == [first])
            #expect(try await objects.refs().map(\.name.text) == ["refs/heads/main", "refs/heads/x/git-annex"])
            #expect(try await objects.isAncestor(first, of: second))
            #expect(try await objects.isAncestor(second, of: first) == false)
            await #expect(throws: GitError.self) { try await objects.isAncestor("nothing", of: first) }
        }
    }

    @Test func readsManyObjectsAndNoticesMissingOnes() async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let large = String(repeating: "0123456789\n", count: 30_000)
            try await fixture.setRef("refs/heads/main", try await fixture.commit(large, file: "a b missing"))
            let objects = GitObjects(fixture.git)
            var specs: [[UInt8]] = []
            for index in 0..<20_000 {
                specs.append(Array((index % 100 == 0 ? "main:a b missing" : "main:no \(index) blob 5").utf8))
            }
            let contents = try await objects.batch(contentsOf: specs)
            #expect(contents.count == specs.count)
            #expect(contents.indices.allSatisfy { contents[$0] == ($0 % 100 == 0 ? Array(large.utf8) : nil) })
            await #expect { try await objects.batch(contentsOf: specs, limit: 400_000) } throws: {
                ($0 as? GitError)?.code == .tooMuchOutput
            }
            await #expect { try await objects.batch(contentsOf: [[97, 10, 98]]) } throws: {
                ($0 as? GitError)?.code == .unexpectedOutput
            }
            #expect(try await objects.batch(contentsOf: []) == [])
            #expect(try await objects.batch(contentsOf: [Array("main:x".utf8), []]) == [nil, nil])
        }
    }

    @Test func aDirectoryThatIsNoRepositoryIsAnError() async throws {
        try await withScratch { directory in
            await #expect(throws: GitError.self) { try await GitObjects(directory).batch(contentsOf: [[97]]) }
            await #expect(throws: GitError.self) { try await GitObjects(directory).refs() }
        }
    }
}
