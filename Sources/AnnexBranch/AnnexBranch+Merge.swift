import AnnexProtocol
import GitHost
import Glibc
import Logging

extension AnnexBranch {
    /// Commits the journal and merges every pushed `git-annex` ref, so that the next fetch sees the news
    /// (spec 02 §2.8.4). Called after each push.
    ///
    /// - Parameter first: the full names of the refs that the push has moved. They are merged before those that earlier
    ///   pushes have left, of which only so many are looked at.
    /// - Parameter commits: what the push brought, wherever its refs may be by now: another push overwrites them.
    public func mergePushed(first: [[UInt8]] = [], commits: [PushedCommit] = []) async throws -> MergeReport {
        try await mergePushed(MergeDrafts(), first: first, commits: commits)
    }

    /// - Parameter drafts: what is ready already of merges that are too large to be made under the lock.
    func mergePushed(_ drafts: MergeDrafts, first: [[UInt8]] = [], commits: [PushedCommit] = []) async throws
        -> MergeReport
    {
        if settings.isReadOnly { return MergeReport() }
        return try await uninterrupted { [self] in
            var drafts = drafts
            var report = MergeReport()
            let sources = MergeSources(
                refs: settings.mergesBranches ? await refsToMerge(first: first) : [], commits: commits)
            while true {
                let (known, budget) = (drafts, Self.maximumCandidates - report.mergedRefs)
                let progress = try await transaction { branch in
                    branch.schedule.endHold()
                    try await branch.commitJournal()
                    guard branch.settings.mergesBranches else { return MergeProgress() }
                    return try await branch.mergeCandidates(sources, known, budget: budget)
                }
                report.add(progress.report)
                guard let large = progress.large else {
                    await takeBackWhatWasLeftOut(of: report)
                    return report
                }
                drafts.add(await prepare(large))
            }
        }
    }

    /// How far merging has come.
    private struct MergeProgress: Sendable {
        var report = MergeReport()
        /// What has to be made ready before it goes on.
        var large: LargeMerge?
    }

    /// - Parameter sources: what is looked at.
    /// - Parameter failed: refs that could not be merged a moment ago. Nobody's push must keep those of others from
    ///   being merged, so they are passed over; the next push tries again.
    /// - Parameter budget: how many refs may still be merged. The rest waits for the next push: everybody else who
    ///   writes to the branch waits meanwhile.
    private func mergeCandidates(
        _ sources: MergeSources, _ drafts: MergeDrafts, besides failed: [MergeReport.Refusal] = [], budget: Int
    ) async throws -> MergeProgress {
        for _ in 0..<Self.maximumAttempts {
            var report = MergeReport()
            let tip = try await objects.tip()
            let candidates = try await self.candidates(sources, beyond: tip, besides: Set(failed.map(\.ref)), &report)
            report.unmerged += failed
            if candidates.isEmpty || budget <= 0 { return MergeProgress(report: report) }
            if let tip, case let different = try await differentTransitions(candidates, from: tip), !different.isEmpty {
                do {
                    guard try await performTransitions(candidates, tip: tip, &report) else { continue }
                    return MergeProgress(report: report)
                } catch {
                    return try await mergeCandidates(
                        sources, drafts, besides: failed + different.map { try refusal(of: $0, for: error) },
                        budget: budget - 1)
                }
            }
            let best: Candidate?
            do {
                best = try await fastForward(candidates, tip: tip, drafts)
            } catch let large as LargeMerge {
                return MergeProgress(report: report, large: large)
            }
            if let best {
                guard try await objects.updateBranch(from: tip, to: best.commit) else { continue }
                report.fastForwarded = [best.ref]
                if tip == nil, candidates.count > 1 { continue }
                return MergeProgress(report: report)
            }
            guard let tip else {
                try await createBranch()
                continue
            }
            // One at a time, each on top of the result before it (spec 02 §3.1).
            var failures = failed
            do {
                guard try await union(candidates[0], into: tip, drafts, &report) else { continue }
                report.merged = [candidates[0].ref]
            } catch let large as LargeMerge {
                return MergeProgress(report: report, large: large)
            } catch {
                failures.append(try refusal(of: candidates[0], for: error))
            }
            if candidates.count == 1, failures.isEmpty { return MergeProgress(report: report) }
            let rest = try await mergeCandidates(sources, drafts, besides: failures, budget: budget - 1)
            report.add(rest.report)
            return MergeProgress(report: report, large: rest.large)
        }
        throw AnnexBranchError(code: .contention, message: "the git-annex branch kept moving during a merge")
    }

    /// Takes note that a ref could not be merged.
    private func refusal(of candidate: Candidate, for error: any Error) throws -> MergeReport.Refusal {
        if error is CancellationError { throw error }
        logger.error(
            "pushed git-annex branch not merged", metadata: ["ref": "\(candidate.ref)", "error": "\(error)"])
        return MergeReport.Refusal(ref: candidate.ref, reason: .failed)
    }

    /// The branch with nothing in it, for a pushed one that cannot be taken as it is.
    private func createBranch() async throws {
        var input = FastImport()
        input.commit("branch created", committer: settings.committer, seconds: Int64(time(nil)), parent: nil)
        input.done()
        let command = FastImport.command(in: gitDirectory)
        let result = try await command.run(input: input.input)
        if result.status == 0 { return }
        if try await objects.tip() == nil { throw command.failure(result) }
    }

    /// Commits the union of both trees; false when the branch moved meanwhile.
    ///
    /// Throws ``LargeMerge`` where it has to be made ready first.
    private func union(
        _ candidate: Candidate, into tip: String, _ drafts: MergeDrafts, _ report: inout MergeReport
    ) async throws -> Bool {
        if let draft = try drafts.union(of: candidate.commit) {
            if drafts.mayPrepare(candidate.commit), try await isLarge(tip, since: draft.base) {
                throw LargeMerge(commit: candidate.commit, tip: tip, work: .catchUp(draft))
            }
            if let rest = try await catchUp(draft, to: tip) {
                return try await commitUnion(of: candidate, into: tip, &report) { try await rest.run($0) }
            }
        }
        if drafts.mayPrepare(candidate.commit), try await isLarge(candidate.commit, since: tip) {
            throw LargeMerge(commit: candidate.commit, tip: tip, work: .union)
        }
        let merge = treeMerge(of: candidate.commit, into: tip)
        return try await commitUnion(of: candidate, into: tip, &report) { try await merge.run($0) }
    }

    /// - Parameter body: emits what differs from `tip`, and answers how many entries it left out.
    private func commitUnion(
        of candidate: Candidate, into tip: String, _ report: inout MergeReport,
        _ body: @escaping @Sendable (_ emit: @escaping @Sendable ([UInt8]) async throws -> Void) async throws -> Int
    ) async throws -> Bool {
        var header = FastImport()
        header.commit(
            "merging \(candidate.name) into git-annex", committer: settings.committer, seconds: Int64(time(nil)),
            parent: tip, merging: [candidate.commit])
        let command = FastImport.command(in: gitDirectory)
        let opening = header.take()
        header.done()
        let ending = header.take()
        let result = try await command.stream { importer in
            try await importer.write(opening)
            let refused = try await body { try await importer.write($0) }
            try await importer.write(ending)
            try await importer.finish()
            var output = ObjectOutput(importer)
            try await output.drain()
            return refused
        }
        if result.status == 0 {
            report.refusedEntries += result.output
            if result.output > 0 {
                logger.warning(
                    "files or lines of a pushed git-annex branch were left out",
                    metadata: ["ref": "\(candidate.ref)", "files": "\(result.output)"])
            }
            return true
        }
        if try await objects.tip() == tip { throw command.failure(result) }
        return false
    }

    func treeMerge(of other: String, into base: String) -> TreeMerge {
        TreeMerge(
            base: base, other: other, objects: objects, policy: filePolicy, maximumFileSize: settings.maximumFileSize,
            limits: settings.pushLimits)
    }
}
