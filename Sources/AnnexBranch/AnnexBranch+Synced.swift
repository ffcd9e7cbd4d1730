import GitHost
import Logging

extension AnnexBranch {
    /// The ref that clients push when the branch itself has moved on, and that they fetch and merge by themselves.
    static var syncedRef: String { "refs/heads/synced/git-annex" }

    /// Moves `synced/git-annex` on to the branch if the merge of it has left something out.
    ///
    /// Attack: what is left out of the branch stays in the pushed ref, and the next `git annex sync` of an honest
    /// client merges it all the same: there the host is dead, or a clock is so high that nothing can supersede it. A
    /// client that pushes with `+`, as git-annex does, is not hindered.
    func takeBackWhatWasLeftOut(of report: MergeReport) async {
        guard report.refusedEntries > 0, (report.merged + report.transitioned).contains(Self.syncedRef) else { return }
        do {
            guard let pushed = try await objects.tip(of: Self.syncedRef), let tip = try await objects.tip() else {
                return
            }
            if pushed == tip { return }
            // A push that came meanwhile is merged by its own end, and must be found then.
            var isMerged = try await objects.isAncestor(pushed, of: tip)
            // A transition leaves behind what it was merged from.
            if !isMerged { isMerged = try await ignoredCommits().contains(pushed) }
            guard isMerged else { return }
            let result = try await GitCommand(["update-ref", Self.syncedRef, tip, pushed], in: gitDirectory).run()
            if result.status != 0, try await objects.tip(of: Self.syncedRef) == pushed {
                logger.warning("synced/git-annex keeps what was left out", metadata: ["error": "\(result.errors)"])
            }
        } catch {
            logger.warning("synced/git-annex keeps what was left out", metadata: ["error": "\(error)"])
        }
    }
}
