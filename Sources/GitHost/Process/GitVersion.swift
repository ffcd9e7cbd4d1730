import Synchronization

/// The version of the git that is run here.
public struct GitVersion: Sendable, Hashable {
    private let numbers: [Int]

    /// Reads what `git version` prints, such as `git version 2.39.5`.
    init(parsing text: String) {
        let words = text.split(separator: " ")
        numbers = (words.count > 2 ? words[2] : "").split(separator: ".").prefix(2).map { Int($0) ?? 0 }
    }

    public func isAtLeast(_ major: Int, _ minor: Int) -> Bool { !numbers.lexicographicallyPrecedes([major, minor]) }

    private static let known = Mutex<GitVersion?>(nil)

    /// Asked once in the life of the process.
    public static var current: GitVersion {
        get async throws {
            if let known = known.withLock({ $0 }) { return known }
            let output = try await GitCommand(["version"], in: "/nonexistent").output(limit: 4096)
            let version = GitVersion(parsing: String(decoding: output, as: UTF8.self))
            known.withLock { $0 = version }
            return version
        }
    }
}
