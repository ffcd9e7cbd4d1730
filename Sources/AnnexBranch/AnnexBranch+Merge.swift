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

    private func mergeCandidates() async throws -> MergeReport {
        for _ in 0..<Self.maximumAttempts {
            var report = MergeReport()
            let tip = try await objects.tip()
            let candidates = try await self.candidates(beyond: tip, &report)
            if candidates.isEmpty { return report }
            if let tip, try await haveDifferentTransitions(candidates, from: tip) {
                guard try await performTransitions(candidates, tip: tip, &report) else { continue }
                return report
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
            guard try await union(candidates[0], into: tip, &report) else { continue }
            report.merged = [candidates[0].ref]
            if candidates.count == 1 { return report }
            let rest = try await mergeCandidates()
            report.fastForwarded += rest.fastForwarded
            report.merged += rest.merged
            report.transitioned += rest.transitioned
            report.refusedEntries += rest.refusedEntries
            return report
        }
        throw AnnexBranchError(code: .contention, message: "the git-annex branch kept moving during a merge")
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
            return true
        }
        if try await objects.tip() == tip { throw command.failure(result) }
        return false
    }

    func treeMerge(of other: String, into base: String) -> TreeMerge {
        TreeMerge(
            base: base, other: other, gitDirectory: gitDirectory, reader: objects.reader,
            maximumFileSize: settings.maximumFileSize)
    }
}
