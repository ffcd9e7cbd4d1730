import AnnexProtocol
import GitHost
import SystemPackage

/// The refs and objects of the git-annex branch, through git plumbing.
struct BranchObjects: Sendable {
    static let branch = "refs/heads/git-annex"

    let gitDirectory: FilePath
    let reader: ObjectReader
    /// Variables by which git finds objects elsewhere.
    let environment: [(String, String)]
    private let folders = TopFolders.Cache()

    init(gitDirectory: FilePath, reader: ObjectReader, environment: [(String, String)] = []) {
        self.gitDirectory = gitDirectory
        self.reader = reader
        self.environment = environment
    }

    /// The commit the branch is at; nil when there is no branch.
    func tip(of ref: String = branch) async throws -> String? {
        guard let reply = try await reader.read([Array("\(ref)^{commit}".utf8)]).first else { return nil }
        switch reply {
        case .missing: return nil
        case .object(let id, _, _), .tooLarge(let id, _): return String(decoding: id, as: UTF8.self)
        case .described(let info): return info.id
        }
    }

    /// How many files are read at once where their sizes are not known. No push makes a key's file larger than a MiB.
    static let filesAtOnce = 16

    /// The files at these paths in a commit, or in the branch as it is now; nil for each that is not there.
    func files(_ paths: [BranchPath], at commit: String = branch) async throws -> [[UInt8]?] {
        try await versions(paths, at: commit).map { try $0.get() }
    }

    /// The same, where a file that is too large, or is none, fails alone.
    func versions(
        _ paths: [BranchPath], at commit: String = branch
    ) async throws -> [Result<[UInt8]?, any Error>] {
        if paths.isEmpty { return [] }
        let replies = try await replies(for: paths, at: Array(commit.utf8))
        return zip(paths, replies).map { path, reply in Result { try reply.blob(path.description) } }
    }

    /// Asks with the folders known from last time, and which commit it is now; mostly that is the same one.
    private func replies(for paths: [BranchPath], at commit: [UInt8]) async throws -> ArraySlice<ObjectReply> {
        for _ in 0..<Self.maximumAttempts {
            guard let known = folders.value else {
                if try await learnFolders(of: commit) { continue }
                break
            }
            let replies = try await reader.read([commit] + paths.map { known.name(of: $0.bytes) })
            guard case .object(let id, let type, _) = replies[0], type.elementsEqual("commit".utf8) else { break }
            if id == known.commit { return replies.dropFirst() }
            guard try await learnFolders(of: commit) else { break }
        }
        let prefix = commit + [UInt8(ascii: ":")]
        return try await reader.read(paths.map { prefix + $0.bytes })[...]
    }

    /// False where there is no such commit.
    private func learnFolders(of commit: [UInt8]) async throws -> Bool {
        guard case .object(let id, let type, _) = try await reader.read([commit])[0], type.elementsEqual("commit".utf8),
            case .object(_, _, let tree) = try await reader.read([id + Array("^{tree}".utf8)])[0]
        else { return false }
        folders.keep(TopFolders(commit: id, tree: tree))
        return true
    }

    private static let maximumAttempts = 5

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

    /// The largest tree that is read, in bytes: some 100,000 entries, where the hash directories are 4,096.
    static let largestTree = 4 << 20

    /// The size of each object that is there, in bytes.
    func sizes(_ names: [[UInt8]]) async throws -> [[UInt8]: Int] {
        try await information(names).mapValues(\.size)
    }

    /// Name, type and size of each object that is there. Names hold no LF.
    func information(_ names: some Collection<[UInt8]> & Sendable) async throws -> [[UInt8]: ObjectInfo] {
        var result: [[UInt8]: ObjectInfo] = [:]
        for (name, info) in zip(names, try await reader.information(Array(names))) { result[name] = info }
        return result
    }

    /// Whether every commit of `ancestor` is in `descendant` too.
    func isAncestor(_ ancestor: String, of descendant: String) async throws -> Bool {
        if ancestor == descendant { return true }
        let command = GitCommand(["merge-base", "--is-ancestor", ancestor, descendant], in: gitDirectory)
        let result = try await command.run()
        guard result.status == 0 || result.status == 1 else { throw command.failure(result) }
        return result.status == 0
    }

    /// The names of refs called `git-annex` at any depth below these folders, the first in their order.
    func annexRefs(below folders: [String], atMost limit: Int) async throws -> [[UInt8]] {
        let patterns = folders.map { "\($0)/**/git-annex" }
        let arguments = ["for-each-ref", "--count=\(limit)", "--format=%(refname)"]
        return try await GitCommand(arguments + patterns, in: gitDirectory).output().split(separator: 10).map(
            Array.init)
    }

    /// `ID TYPE NAME` of each of these refs that has commits which `tip` lacks.
    func locate(_ names: [[UInt8]], beyond tip: String?) async throws -> [[UInt8]] {
        var arguments = ["for-each-ref", "--format=%(objectname) %(objecttype) %(refname)"]
        if let tip { arguments.append("--no-merged=\(tip)") }
        let command = names.reduce(GitCommand(arguments, in: gitDirectory)) { $0.argument($1) }
        return try await command.output().split(separator: 10).map(Array.init)
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
