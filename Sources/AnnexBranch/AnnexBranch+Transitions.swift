import AnnexProtocol
import FileIO
import GitHost
import Glibc
import Logging
import SystemPackage

/// Merging when history, or what dead repositories had, was forgotten on one side only (spec 02 §2.7).
///
/// Everything that either side knows is united first, then every transition of either side is performed on the result.
/// A crash at any point leaves the old branch, or the new one and refs that will be merged once more to no effect.
extension AnnexBranch {
    /// Merges the candidates and performs the transitions; false when the branch moved meanwhile.
    func performTransitions(
        _ candidates: [Candidate], tip: String, _ report: inout MergeReport
    ) async throws -> Bool {
        let ours = try await transitions(of: tip)
        var all = ours
        for candidate in candidates { all.formUnion(candidate.transitions) }
        var refused = 0
        var union = tip
        for candidate in candidates {
            let merge = treeMerge(of: candidate.commit, into: union)
            let base = union
            (union, refused) = try await detached("union", parents: [base], refused) { emit in
                try await merge.run(emit)
            }
        }

        // The history of a side that did not go through every transition is what is to be forgotten.
        let isOld = ours != all
        let transitioned = candidates.filter { $0.transitions == all }
        let parents = (isOld ? [] : [tip]) + transitioned.map(\.commit)
        let opening = parents.isEmpty ? "new branch for transition" : "continuing transition"
        let message = "\(opening) \(all.kinds.map(\.title).joined(separator: ", "))"
        let grafts = try await treesToGraft(union, beside: isOld ? nil : tip)
        let forget = try await forgetting(all, in: union)
        let graft = graftLines(grafts)
        let (new, _) = try await detached(message, parents: parents, replacing: union, 0) { emit in
            try await forget?.run(emit)
            try await emit(graft)
            return 0
        }

        // The stock program would bring back from its index what was removed. It goes first: without it, nothing is
        // lost.
        try await removeIndex()
        guard try await objects.updateBranch(from: tip, to: new) else { return false }
        try await ignore(candidates.filter { $0.transitions != all }.map(\.commit) + (isOld ? [tip] : []))
        report.transitioned = candidates.map(\.ref)
        report.refusedEntries += refused
        logger.notice(
            "git-annex branch went through a transition",
            metadata: ["transitions": "\(all.kinds.map(\.title))", "refs": "\(candidates.map(\.ref))"])
        return true
    }

    /// Makes a commit that no ref names yet, with the lines that `body` emits; `count` grows by what it answers.
    ///
    /// - Parameter base: whose files it begins with, where that is not the first parent.
    func detached(
        _ message: String, parents: [String], replacing base: String? = nil, _ count: Int,
        _ body: @escaping @Sendable (_ emit: @escaping @Sendable ([UInt8]) async throws -> Void) async throws -> Int
    ) async throws -> (commit: String, count: Int) {
        var lines = FastImport(to: .detached)
        lines.commit(
            message, committer: settings.committer, seconds: Int64(time(nil)), parent: parents.first,
            merging: Array(parents.dropFirst()))
        if let base { lines.everything(try await objects.tree(of: base)) }
        let opening = lines.take()
        lines.done(hashLength: (base ?? parents.first ?? "").utf8.count)
        let ending = lines.take()
        let command = FastImport.command(in: gitDirectory)
        let result = try await command.stream { importer in
            try await importer.write(opening)
            let added = try await body { try await importer.write($0) }
            try await importer.write(ending)
            try await importer.finish()
            var output = ObjectOutput(importer)
            var answer: [UInt8] = []
            while let line = try await output.record(endingWith: 10) { answer = line }
            return (answer, added)
        }
        guard result.status == 0 else { throw command.failure(result) }
        return (try FastImport.detachedCommit(result.output.0), count + result.output.1)
    }

    /// How the files of a commit are rewritten; nil when none is.
    private func forgetting(_ all: TransitionsLog, in commit: String) async throws -> TreeForget? {
        guard all.kinds.contains(.forgetDeadRemotes) else { return nil }
        let logs = try await objects.files([.trustLog, .remoteLog], at: commit)
        let forget = ForgetDeadRemotes(
            trustLog: logs[0] ?? [], remoteLog: logs[1] ?? [], own: uuid, levels: settings.hashLevels)
        if forget.isEmpty { return nil }
        return TreeForget(
            commit: commit, forget: forget, gitDirectory: gitDirectory, reader: objects.reader,
            maximumFileSize: settings.maximumFileSize)
    }

    /// The exported trees that the new history has to keep alive, as far as git has them whole (spec 02 §1.6.12).
    ///
    /// - Parameter tip: the history that goes on, which keeps its own trees already.
    private func treesToGraft(_ commit: String, beside tip: String?) async throws -> [String] {
        let all = ExportLog(parsing: try await objects.file(.exportLog, at: commit) ?? []).trees
        var known: Set<String> = []
        if let tip { known = Set(ExportLog(parsing: try await objects.file(.exportLog, at: tip) ?? []).trees) }
        let wanted = all.filter { !known.contains($0) }
        if wanted.count > Self.maximumGrafts {
            logger.warning("export.log names too many trees", metadata: ["trees": "\(wanted.count)"])
        }
        var result: [String] = []
        for tree in wanted.prefix(Self.maximumGrafts) {
            guard try await objects.isWholeTree(tree) else { continue }
            result.append(tree)
        }
        return result
    }

    /// Each tree gets two commits: one that has it, and one that has it no more.
    private nonisolated func graftLines(_ trees: [String]) -> [UInt8] {
        var lines = FastImport(to: .detached)
        let seconds = Int64(time(nil))
        for tree in trees {
            lines.commit("graft", committer: settings.committer, seconds: seconds, parent: nil)
            lines.directory("export.tree", tree: tree)
            lines.commit("graft cleanup", committer: settings.committer, seconds: seconds, parent: nil)
            lines.removeDirectory("export.tree")
        }
        return lines.take()
    }

    /// Bounds what a hostile export.log can make annexd do.
    private static var maximumGrafts: Int { 1000 }

    /// Both together, under the lock: the stock program then makes them anew from the branch (spec 02 §2.8.3).
    private func removeIndex() async throws {
        let directory = folder.appending("annex")
        try await executor.run {
            for name in ["index.lck", "index"] { try Files.unlink(directory.appending(name)) }
            try Files.synchronizeDirectory(directory)
        }
    }
}
