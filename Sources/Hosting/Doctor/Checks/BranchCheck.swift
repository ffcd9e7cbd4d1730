import AnnexBranch

/// The git-annex branch itself: a ref to a commit that git does not have looks as if there were no branch, and then
/// nothing that is known about any key can be read.
struct BranchCheck: Sendable {
    let examination: Examination
    let annex: ExaminedAnnex

    func run() async throws {
        guard let commit = try await annex.branch.missingTip() else { return }
        await examination.found(
            .branchBroken, "refs/heads/git-annex",
            "it is at \(commit), which git does not have: objects were lost, or removed by git gc --prune=now while "
                + "something was written; put it back to a commit that is there (git fsck --lost-found), or fetch it from a "
                + "clone, and run git annex fsck --fast --all")
    }
}
