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
    ///
    /// - Parameter sources: what is looked at.
    func candidates(
        _ sources: MergeSources, beyond tip: String?, besides failed: Set<String>, _ report: inout MergeReport
    ) async throws -> [Candidate] {
        var result: [Candidate] = []
        let pushed = try await pushedCommits(sources.commits, beyond: tip)
        let found = pushed + (try await pushedRefs(sources.refs, beyond: tip))
        var seen = Set(try await ignoredCommits())
        for var candidate in found where !failed.contains(candidate.ref) && seen.insert(candidate.commit).inserted {
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

    /// The names of the refs that are looked at after a push: those that it moved, and as many of the others as a push
    /// may make. Others that end in `git-annex`, such as tags, could come from people who may not change the branch.
    ///
    /// Attack: with some 600,000 refs git prints more than is read, and nobody's push would be merged any more.
    func refsToMerge(first: [[UInt8]]) async -> [[UInt8]] {
        let limit = settings.maximumPushedRefs
        var names = [Self.synced] + first.lazy.filter(Self.isMerged).prefix(limit)
        do {
            names += try await objects.annexRefs(below: ["refs/remotes", "refs/synced"], atMost: limit)
        } catch {
            logger.error("git-annex refs of earlier pushes cannot be listed", metadata: ["error": "\(error)"])
        }
        var seen: Set<[UInt8]> = []
        return names.filter { seen.insert($0).inserted }
    }

    private static var synced: [UInt8] { Array(syncedRef.utf8) }

    private static func isMerged(_ ref: [UInt8]) -> Bool {
        ref == synced || ref.starts(with: "refs/synced/".utf8) && ref.suffix(10).elementsEqual("/git-annex".utf8)
    }

    /// Where each of these refs is, if the branch lacks its commit; in the order of the names.
    private func pushedRefs(_ names: [[UInt8]], beyond tip: String?) async throws -> [Candidate] {
        var lines: [[UInt8]]
        do {
            lines = try await objects.locate(names, beyond: tip)
        } catch let error as GitError {
            // One ref that git cannot read must not keep the others from being merged.
            logger.error("some git-annex refs cannot be read", metadata: ["error": "\(error)"])
            lines = []
            for name in names.prefix(2 * Self.maximumCandidates) {
                lines += (try? await objects.locate([name], beyond: tip)) ?? []
            }
        }
        // Git sorts them by name.
        var places: [[UInt8]: Int] = [:]
        for (place, name) in names.enumerated() { places[name] = place }
        var found: [(place: Int, candidate: Candidate)] = []
        for line in lines {
            let words = line.split(separator: 32, maxSplits: 2)
            guard words.count == 3, words[1].elementsEqual("commit".utf8), let place = places[Array(words[2])] else {
                continue
            }
            let (commit, ref) = (String(decoding: words[0], as: UTF8.self), String(decoding: words[2], as: UTF8.self))
            found.append((place, Candidate(commit: commit, ref: ref)))
        }
        return found.sorted { $0.place < $1.place }.map(\.candidate)
    }

    /// Those of the commits that the branch lacks and that no ref has: it was overwritten, or never moved to them.
    private func pushedCommits(_ commits: [PushedCommit], beyond tip: String?) async throws -> [Candidate] {
        var result: [Candidate] = []
        for pushed in commits {
            let ref = String(decoding: pushed.ref, as: UTF8.self)
            if try await objects.tip(of: ref) == pushed.commit { continue }
            guard try await objects.tip(of: pushed.commit) == pushed.commit else { continue }
            if let tip, try await objects.isAncestor(pushed.commit, of: tip) { continue }
            result.append(Candidate(commit: pushed.commit, ref: ref))
        }
        return result
    }

    /// Whether everything in a pushed commit is in the branch, or went through a transition with it.
    public func hasMerged(_ commit: String) async throws -> Bool {
        guard let tip = try await objects.tip() else { return false }
        if try await objects.isAncestor(commit, of: tip) { return true }
        return try await ignoredCommits().contains(commit)
    }

    /// Each is compared with the others, so many of them at once would take long; the rest is merged with the next
    /// push.
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

    /// Whether a commit has nothing new that a branch may not hold. A merge leaves such entries out, and so would
    /// moving the branch to a hostile commit have to.
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
    private var ignoredRefs: ConfinedPath { folder.appending("annex/ignoredrefs") }

    private static var maximumIgnored: Int { 100_000 }

    func ignoredCommits() async throws -> [String] {
        let path = ignoredRefs
        let content = try await executor.run { try Files.read(path, limit: 64 << 20) } ?? []
        return BranchLines.split(content).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Adds commits to those that neither annexd nor the stock program merges again.
    func ignore(_ commits: [String]) async throws {
        let known = try await ignoredCommits()
        let added = commits.filter { !known.contains($0) }
        if added.isEmpty { return }
        // Attack: each pushed transition adds some, and a file too large to be read would end all merging. Where one of
        // the oldest is pushed again after all, it goes through the transitions again, to no effect.
        let content = (known + added).suffix(Self.maximumIgnored).map { $0 + "\n" }.joined()
        let (path, sharing) = (ignoredRefs, settings.sharing)
        let directory = journal.temporary
        try await executor.run {
            try createDirectory(directory, sharing: sharing)
            try Files.replace(path, with: content.utf8, in: directory, mode: sharing.file(0o644))
            if sharing != .umask { try Files.setMode(path, sharing.file(0o644)) }
        }
    }
}
