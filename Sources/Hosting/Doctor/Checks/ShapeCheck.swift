import Blocking
import SystemPackage

/// Links and special files, which have no place in a repository.
struct ShapeCheck: Sendable {
    let examination: Examination
    let gitDirectory: FilePath

    /// Whether the repository is served at all.
    func run() async throws -> Bool {
        let shape = RepositoryShape(gitDirectory)
        let oddity = try await examination.pool.run { try shape.oddity() }
        if let oddity {
            await examination.found(.strangeFile, oddity.path, "it \(oddity.predicate). Until then it is not served")
            return false
        }
        // What is odd among the objects is told by their own check.
        for stray in try await examination.pool.run({ try shape.strays(skipping: ["annex/objects"]) }) {
            await examination.found(.strangeFile, stray.path, "it \(stray.predicate)")
        }
        return true
    }
}
