import AnnexProtocol
import GitHost
import SystemPackage

/// The refs and objects of the git-annex branch, through git plumbing.
struct BranchObjects: Sendable {
    static let branch = "refs/heads/git-annex"

    let gitDirectory: FilePath
    let reader: ObjectReader

    /// The commit the branch is at; nil when there is no branch.
    func tip(of ref: String = branch) async throws -> String? {
        guard let reply = try await reader.read([Array("\(ref)^{commit}".utf8)]).first else { return nil }
        switch reply {
        case .missing: return nil
        case .object(let id, _, _), .tooLarge(let id, _): return String(decoding: id, as: UTF8.self)
        }
    }

    /// The files at these paths in a commit, or in the branch as it is now; nil for each that is not there.
    func files(_ paths: [BranchPath], at commit: String = branch) async throws -> [[UInt8]?] {
        let prefix = Array("\(commit):".utf8)
        let replies = try await reader.read(paths.map { prefix + $0.bytes })
        return try zip(paths, replies).map { path, reply in try reply.blob(path.description) }
    }

    func file(_ path: BranchPath, at commit: String = branch) async throws -> [UInt8]? {
        try await files([path], at: commit)[0]
    }

    /// The tree of a commit.
    func tree(of commit: String) async throws -> String {
        guard let reply = try await reader.read([Array("\(commit)^{tree}".utf8)]).first,
            case .object(let id, _, _) = reply
        else { throw AnnexBranchError(code: .unexpectedContent, message: "commit \(commit) has no tree") }
        return String(decoding: id, as: UTF8.self)
    }

    /// Whether a tree with at least one entry, and everything below it, is there.
    func isWholeTree(_ id: String) async throws -> Bool {
        guard let reply = try await reader.read([Array("\(id)^{tree}".utf8)]).first,
            case .object(let found, _, let content) = reply, !content.isEmpty, found.elementsEqual(id.utf8)
        else { return false }
        return try await GitCommand(["rev-list", "--objects", "--quiet", id], in: gitDirectory).run().status == 0
    }

    /// Whether every commit of `ancestor` is in `descendant` too.
    func isAncestor(_ ancestor: String, of descendant: String) async throws -> Bool {
        if ancestor == descendant { return true }
        let command = GitCommand(["merge-base", "--is-ancestor", ancestor, descendant], in: gitDirectory)
        let result = try await command.run()
        guard result.status == 0 || result.status == 1 else { throw command.failure(result) }
        return result.status == 0
    }

    /// Moves the branch from one commit to another; false when it is not at `old` (any more). Nil is no branch.
    func updateBranch(from old: String?, to new: String?) async throws -> Bool {
        let zero = String(repeating: "0", count: (old ?? new ?? "").utf8.count)
        let arguments =
            new.map { ["update-ref", Self.branch, $0, old ?? zero] }
            ?? ["update-ref", "-d", Self.branch, old ?? zero]
        let command = GitCommand(arguments, in: gitDirectory)
        let result = try await command.run()
        if result.status == 0 { return true }
        if try await tip() != old { return false }
        throw command.failure(result)
    }
}
