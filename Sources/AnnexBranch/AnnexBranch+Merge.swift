import AnnexProtocol
import FileIO
import GitHost
import Glibc
import Logging
import SystemPackage

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

    struct Candidate: Sendable, Hashable {
        var commit: String
        var ref: String

        /// As merge messages name it.
        var name: String {
            for prefix in ["refs/heads/", "refs/remotes/"] where ref.hasPrefix(prefix) {
                return String(ref.dropFirst(prefix.count))
            }
            return ref
        }
    }

    private func mergeCandidates() async throws -> MergeReport {
        for _ in 0..<Self.maximumAttempts {
            var report = MergeReport()
            let tip = try await objects.tip()
            var candidates: [Candidate] = []
            for candidate in try await self.candidates(beyond: tip) {
                if let reason = try await objection(to: candidate, tip: tip) {
                    logger.error(
                        "pushed git-annex branch not merged",
                        metadata: ["ref": "\(candidate.ref)", "reason": "\(reason)"])
                    report.unmerged.append(MergeReport.Refusal(ref: candidate.ref, reason: reason))
                } else {
                    candidates.append(candidate)
                }
            }
            if candidates.isEmpty { return report }
            if let best = try await fastForward(candidates, tip: tip) {
                guard try await objects.updateBranch(from: tip, to: best.commit) else { continue }
                report.fastForwarded = [best.ref]
                if tip == nil, candidates.count > 1 { continue }
                return report
            }
            guard let tip else { continue }
            // One at a time, each on top of the result before it (spec 02 §3.1).
            guard try await union(candidates[0], into: tip, &report) else { continue }
            report.merged = [candidates[0].ref]
            if candidates.count == 1 { return report }
            let rest = try await mergeCandidates()
            report.fastForwarded += rest.fastForwarded
            report.merged += rest.merged
            report.refusedEntries += rest.refusedEntries
            return report
        }
        throw AnnexBranchError(code: .contention, message: "the git-annex branch kept moving during a merge")
    }

    /// The refs that clients push their branch to and that have commits the branch lacks (spec 02 §2.6). Others that
    /// end in `git-annex`, such as tags, could come from people who may not change the branch.
    private func candidates(beyond tip: String?) async throws -> [Candidate] {
        var arguments = ["for-each-ref", "--format=%(objectname) %(objecttype) %(refname)"]
        if let tip { arguments.append("--no-merged=\(tip)") }
        arguments += ["refs/heads/synced/git-annex", "refs/remotes", "refs/synced"]
        let output = try await GitCommand(arguments, in: gitDirectory).output()
        let ignored = try await ignoredCommits()
        var seen = ignored
        return output.split(separator: 10).compactMap { line in
            let words = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 2)
            guard words.count == 3, words[1] == "commit", words[2].hasSuffix("/git-annex") else { return nil }
            guard seen.insert(String(words[0])).inserted else { return nil }
            return Candidate(commit: String(words[0]), ref: String(words[2]))
        }
    }

    /// Commits that the stock program decided never to merge, because their history was forgotten (spec 02 §2.7).
    private func ignoredCommits() async throws -> Set<String> {
        let path = gitDirectory.appending("annex").appending("ignoredrefs")
        let content = try await executor.run { try Files.read(path) } ?? []
        return Set(BranchLines.split(content).map { String(decoding: $0, as: UTF8.self) })
    }

    /// Why a ref must not be merged; nil when it may be.
    private func objection(to candidate: Candidate, tip: String?) async throws -> MergeReport.Reason? {
        let logs: [[UInt8]?]
        do {
            logs = try await objects.files([.differenceLog, .transitionsLog], at: candidate.commit)
        } catch let error as AnnexBranchError where error.code == .unexpectedContent {
            return .unreadable
        }
        guard Differences(parsing: logs[0] ?? []).isCompatible(with: settings.tuning) else { return .foreignTuning }
        let theirs = TransitionsLog(parsing: logs[1] ?? [])
        guard theirs.isUnderstood else { return .unknownTransition }
        guard let tip else { return nil }
        let ours = TransitionsLog(parsing: try await objects.file(.transitionsLog, at: tip) ?? [])
        if ours == theirs { return nil }
        // A branch that goes on from ours went through its transitions properly.
        if ours.transitions.isSubset(of: theirs.transitions), try await objects.isAncestor(tip, of: candidate.commit) {
            return nil
        }
        return .differentTransitions
    }

    /// The candidate that contains the branch and all other candidates. Without a branch the first will do.
    private func fastForward(_ candidates: [Candidate], tip: String?) async throws -> Candidate? {
        guard let tip else { return candidates.first }
        for candidate in candidates {
            guard try await objects.isAncestor(tip, of: candidate.commit) else { continue }
            var containsAll = true
            for other in candidates where containsAll {
                containsAll = try await objects.isAncestor(other.commit, of: candidate.commit)
            }
            if containsAll { return candidate }
        }
        return nil
    }

    /// Commits the union of both trees; false when the branch moved meanwhile.
    private func union(_ candidate: Candidate, into tip: String, _ report: inout MergeReport) async throws -> Bool {
        var header = FastImport()
        header.commit(
            "merging \(candidate.name) into git-annex", committer: settings.committer, seconds: Int64(time(nil)),
            parent: tip, merging: [candidate.commit])
        let merge = TreeMerge(
            base: tip, other: candidate.commit, gitDirectory: gitDirectory, reader: objects.reader,
            maximumFileSize: settings.maximumFileSize)
        let command = FastImport.command(in: gitDirectory)
        let opening = header.take()
        let result = try await command.stream { importer in
            try await importer.write(opening)
            let refused = try await merge.run { try await importer.write($0) }
            try await importer.write(Array("done\n".utf8))
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
}
