import AnnexProtocol
import FileIO
import GitHost
import Logging
import SystemPackage

/// Which pushed refs are merged, and which of them the branch may simply move to (spec 02 §2.6).
extension AnnexBranch {
    /// A pushed ref with news.
    struct Candidate: Sendable, Hashable {
        var commit: String
        var ref: String
        var transitions = TransitionsLog()

        /// As merge messages name it.
        var name: String {
            for prefix in ["refs/heads/", "refs/remotes/"] where ref.hasPrefix(prefix) {
                return String(ref.dropFirst(prefix.count))
            }
            return ref
        }
    }

    /// The pushed refs with commits that the branch lacks and that may be merged; the others are reported.
    func candidates(
        beyond tip: String?, besides failed: Set<String>, _ report: inout MergeReport
    ) async throws -> [Candidate] {
        var result: [Candidate] = []
        for var candidate in try await pushedRefs(beyond: tip) where !failed.contains(candidate.ref) {
            if result.count == Self.maximumCandidates { break }
            if let reason = try await objection(to: &candidate, tip: tip) {
                logger.error(
                    "pushed git-annex branch not merged",
                    metadata: ["ref": "\(candidate.ref)", "reason": "\(reason)"])
                report.unmerged.append(MergeReport.Refusal(ref: candidate.ref, reason: reason))
            } else {
                result.append(candidate)
            }
        }
        return result
    }

    /// The refs that clients push their branch to. Others that end in `git-annex`, such as tags, could come from people
    /// who may not change the branch.
    private func pushedRefs(beyond tip: String?) async throws -> [Candidate] {
        var arguments = ["for-each-ref", "--format=%(objectname) %(objecttype) %(refname)"]
        if let tip { arguments.append("--no-merged=\(tip)") }
        arguments += ["refs/heads/synced/git-annex", "refs/remotes", "refs/synced"]
        let output = try await GitCommand(arguments, in: gitDirectory).output()
        var seen = Set(try await ignoredCommits())
        return output.split(separator: 10).compactMap { line in
            let words = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 2)
            guard words.count == 3, words[1] == "commit", words[2].hasSuffix("/git-annex") else { return nil }
            guard seen.insert(String(words[0])).inserted else { return nil }
            return Candidate(commit: String(words[0]), ref: String(words[2]))
        }
    }

    /// Each is compared with the others, so many of them at once would take long; the rest is merged with the next push.
    static var maximumCandidates: Int { 32 }

    /// Why a ref must not be merged; nil when it may be. Reads its transitions on the way.
    private func objection(to candidate: inout Candidate, tip: String?) async throws -> MergeReport.Reason? {
        let (reason, transitions) = try await MergeObjection.find(
            to: candidate.commit, tip: tip, tuning: settings.tuning, objects)
        candidate.transitions = transitions
        return reason
    }

    func transitions(of commit: String) async throws -> TransitionsLog {
        TransitionsLog(parsing: try await objects.file(.transitionsLog, at: commit) ?? [])
    }

    func differentTransitions(_ candidates: [Candidate], from tip: String) async throws -> [Candidate] {
        let ours = try await transitions(of: tip)
        return candidates.filter { $0.transitions != ours }
    }

    /// The candidate that contains the branch and all other candidates, and that can be taken as it is. Without a
    /// branch the first will do.
    ///
    /// Throws ``LargeMerge`` where that has to be found out first.
    func fastForward(
        _ candidates: [Candidate], tip: String?, _ drafts: MergeDrafts
    ) async throws -> Candidate? {
        guard let tip else {
            guard let first = candidates.first, try await isPlain(first.commit, since: nil, drafts) else { return nil }
            return first
        }
        for candidate in candidates {
            guard try await objects.isAncestor(tip, of: candidate.commit) else { continue }
            var containsAll = true
            for other in candidates where containsAll {
                containsAll = try await objects.isAncestor(other.commit, of: candidate.commit)
            }
            if containsAll { return try await isPlain(candidate.commit, since: tip, drafts) ? candidate : nil }
        }
        return nil
    }

    /// Whether a commit has nothing new that a branch may not hold. A merge leaves such entries out, and so would moving
    /// the branch to a hostile commit have to.
    private func isPlain(_ commit: String, since base: String?, _ drafts: MergeDrafts) async throws -> Bool {
        if let known = drafts.inspection(of: commit, since: base) { return try known.get() }
        if drafts.mayPrepare(commit), try await isLarge(commit, since: base) {
            throw LargeMerge(commit: commit, tip: base, work: .inspection)
        }
        return try await inspect(commit, since: base)
    }

    func inspect(_ commit: String, since base: String?) async throws -> Bool {
        try await PushCheck(objects: objects, policy: filePolicy, settings: settings).isClean(commit, since: base)
    }

    nonisolated var filePolicy: PushedFilePolicy {
        PushedFilePolicy(own: uuid, levels: settings.hashLevels)
    }
}

/// Commits that must never be merged, because their history was forgotten (`annex/ignoredrefs`, spec 02 §2.7).
extension AnnexBranch {
    private var ignoredRefs: FilePath { gitDirectory.appending("annex").appending("ignoredrefs") }

    private func ignoredCommits() async throws -> [String] {
        let path = ignoredRefs
        let content = try await executor.run { try Files.read(path) } ?? []
        return BranchLines.split(content).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Adds commits to those that neither annexd nor the stock program merges again.
    func ignore(_ commits: [String]) async throws {
        let known = try await ignoredCommits()
        let added = commits.filter { !known.contains($0) }
        if added.isEmpty { return }
        let content = (known + added).map { $0 + "\n" }.joined()
        let (path, sharing) = (ignoredRefs, settings.sharing)
        let directory = journal.temporary
        try await executor.run {
            try createDirectory(directory, sharing: sharing)
            try Files.replace(
                path, with: content.utf8, temporary: directory.appending("ignoredrefs"),
                mode: sharing.file(0o644))
            if sharing != .umask { try Files.setMode(path, sharing.file(0o644)) }
        }
    }
}
