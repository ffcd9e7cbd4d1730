public import SystemPackage

/// Reading objects and refs of one repository, a process per call.
public struct GitObjects: Sendable {
    let gitDirectory: FilePath

    public init(_ gitDirectory: FilePath) { self.gitDirectory = gitDirectory }

    /// The object id, in hexadecimal, that a ref or another revision such as `main^{tree}` names; nil when there is
    /// none.
    public func resolve(_ revision: String) async throws -> String? {
        guard !revision.isEmpty, !revision.hasPrefix("-") else { return nil }
        let command = GitCommand(["rev-parse", "--verify", "--quiet", revision], in: gitDirectory)
        let result = try await command.run(limit: 4096)
        switch result.status {
        case 0: return try Self.objectID(result.output.prefix { $0 != 10 }, command)
        case 1: return nil
        default: throw command.failure(result)
        }
    }

    /// A ref and the object it points to.
    public struct Ref: Sendable, Hashable {
        /// In hexadecimal.
        public var object: String
        /// The full name.
        public var name: [UInt8]
    }

    /// The refs that match any of git's patterns, such as `refs/heads/` or `refs/remotes/*/git-annex`, sorted by name.
    ///
    /// No pattern means all refs.
    ///
    /// - Parameter limit: how many are listed at most; nil lists all.
    public func refs(matching patterns: [String] = [], limit: Int? = nil) async throws -> [Ref] {
        let count = limit.map { ["--count=\($0)"] } ?? []
        let command = GitCommand(
            ["for-each-ref", "--format=%(objectname) %(refname)"] + count + ["--"] + patterns, in: gitDirectory)
        return try await command.output().split(separator: 10).map { line in
            guard let space = line.firstIndex(of: 32) else {
                throw GitError(code: .unexpectedOutput, command: command.name, message: "a line without a space")
            }
            return Ref(object: try Self.objectID(line[..<space], command), name: Array(line[(space + 1)...]))
        }
    }

    /// Whether every commit of `ancestor` is in `descendant`, both being object ids or refs that exist.
    public func isAncestor(_ ancestor: String, of descendant: String) async throws -> Bool {
        let command = GitCommand(
            ["merge-base", "--is-ancestor", "--end-of-options", ancestor, descendant], in: gitDirectory)
        let result = try await command.run()
        switch result.status {
        case 0: return true
        case 1: return false
        default: throw command.failure(result)
        }
    }

    private static func objectID(_ bytes: ArraySlice<UInt8>, _ command: GitCommand) throws -> String {
        guard bytes.count == 40 || bytes.count == 64, bytes.allSatisfy({ $0.hexadecimalDigit != nil }) else {
            throw GitError(code: .unexpectedOutput, command: command.name, message: "not an object id")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
