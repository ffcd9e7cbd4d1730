import Foundation
import Testing

/// Every input that the fuzzers have kept, and every regression among them: each runs again in each test run.
@Suite struct ReplayTests {
    private static let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Corpus")

    @Test("every input of the corpus keeps every property", arguments: FuzzTarget.all.map(\.name))
    func replay(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let folder = Self.corpus.appending(path: name)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty, "no inputs for \(name)")
        for file in files {
            let input = FuzzInput(try Data(contentsOf: file))
            #expect(throws: Never.self, "\(name)/\(file.lastPathComponent)") { try target.check(input) }
        }
        #expect(throws: Never.self) { try target.check(FuzzInput([])) }
    }

    @Test("no folder of the corpus is left without its target")
    func folders() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.corpus.path)
        #expect(Set(names).subtracting(FuzzTarget.all.map(\.name)) == [])
    }
}
