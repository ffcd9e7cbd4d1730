import AnnexProtocol
import GitHost
import Glibc
import Logging

extension AnnexBranch {
    /// Commits the journal and merges every pushed `git-annex` ref, so that the next fetch sees the news
    /// (spec 02 §2.8.4). Called after each push.
    public func mergePushed() async throws -> MergeReport {
        try await uninterrupted { [self] in
            try await transaction { branch in
                branch.schedule.endHold()
                try await branch.commitJournal()
                guard branch.settings.mergesBranches else { return MergeReport() }
                return try await branch.mergeCandidates()
            }
        }
    }

    /// - Parameter failed: refs that could not be merged a moment ago. Nobody's push must keep those of others from being
    ///   merged, so they are passed over; the next push tries again.
    /// - Parameter budget: how many refs may still be merged. The rest waits for the next push: everybody else who writes
    ///   to the branch waits meanwhile.
    private func mergeCandidates(
        besides failed: [MergeReport.Refusal] = [], budget: Int = AnnexBranch.maximumCandidates
    ) async throws -> MergeReport {
        for _ in 0..<Self.maximumAttempts {
            var report = MergeReport()
            let tip = try await objects.tip()
            let candidates = try await self.candidates(beyond: tip, besides: Set(failed.map(\.ref)), &report)
            report.unmerged += failed
            if candidates.isEmpty || budget <= 0 { return report }
            if let tip, case let different = try await differentTransitions(candidates, from: tip), !different.isEmpty {
                do {
                    guard try await performTransitions(candidates, tip: tip, &report) else { continue }
                    return report
                } catch {
                    return try await mergeCandidates(
                        besides: failed + different.map { try refusal(of: $0, for: error) }, budget: budget - 1)
                }
            }
            if let best = try await fastForward(candidates, tip: tip) {
                guard try await objects.updateBranch(from: tip, to: best.commit) else { continue }
                report.fastForwarded = [best.ref]
                if tip == nil, candidates.count > 1 { continue }
                return report
            }
            guard let tip else {
                try await createBranch()
                continue
            }
            // One at a time, each on top of the result before it (spec 02 §3.1).
            var failures = failed
            do {
                guard try await union(candidates[0], into: tip, &report) else { continue }
                report.merged = [candidates[0].ref]
            } catch {
                failures.append(try refusal(of: candidates[0], for: error))
            }
            if candidates.count == 1, failures.isEmpty { return report }
            let rest = try await mergeCandidates(besides: failures, budget: budget - 1)
            report.unmerged = rest.unmerged
            report.fastForwarded += rest.fastForwarded
            report.merged += rest.merged
            report.transitioned += rest.transitioned
            report.refusedEntries += rest.refusedEntries
            return report
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
    private func union(_ candidate: Candidate, into tip: String, _ report: inout MergeReport) async throws -> Bool {
        var header = FastImport()
        header.commit(
            "merging \(candidate.name) into git-annex", committer: settings.committer, seconds: Int64(time(nil)),
            parent: tip, merging: [candidate.commit])
        let merge = treeMerge(of: candidate.commit, into: tip)
        let command = FastImport.command(in: gitDirectory)
        let opening = header.take()
        header.done()
        let ending = header.take()
        let result = try await command.stream { importer in
            try await importer.write(opening)
            let refused = try await merge.run { try await importer.write($0) }
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
