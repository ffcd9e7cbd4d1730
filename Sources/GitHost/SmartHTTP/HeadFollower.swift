public import SystemPackage

/// Lets HEAD of a fresh bare repository follow the first branch that somebody pushes.
public enum HeadFollower {
    /// Points an unborn HEAD to the first branch among the commands that now exists and is neither `git-annex` nor below
    /// `synced/`. Answers the branch HEAD was pointed to, or nil when it was left alone.
    ///
    /// For bare repositories: elsewhere the work tree would not follow. Costs no process when no branch was pushed.
    @discardableResult
    public static func follow(
        _ commands: [ReceivePackRequest.Command], in gitDirectory: FilePath
    ) async throws -> [UInt8]? {
        let branches = commands.filter { !$0.isDeletion && isCandidate($0.ref) }.map(\.ref)
        guard !branches.isEmpty else { return nil }
        let objects = GitObjects(gitDirectory)
        guard try await objects.resolve("HEAD") == nil else { return nil }
        // A detached HEAD whose commit is missing is damage, not an unborn branch.
        guard try await GitCommand(["symbolic-ref", "-q", "HEAD"], in: gitDirectory).run().status == 0 else {
            return nil
        }
        let existing = Set(try await objects.refs(matching: ["refs/heads/"]).map(\.name))
        guard let branch = branches.first(where: existing.contains) else { return nil }
        _ = try await GitCommand(["symbolic-ref", "HEAD"], in: gitDirectory).argument(branch).output()
        return branch
    }

    static func isCandidate(_ ref: [UInt8]) -> Bool {
        let prefix = Array("refs/heads/".utf8)
        guard ref.starts(with: prefix), ref.count > prefix.count else { return false }
        let branch = ref.dropFirst(prefix.count)
        return !branch.elementsEqual("git-annex".utf8) && !branch.starts(with: "synced/".utf8)
    }
}
