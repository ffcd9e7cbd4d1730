import AnnexProtocol
import GitHost

/// A push of a million files takes minutes to merge. Uploads and other pushes must not wait for that, so it is done
/// without a lock, from where the branch is by then; under the lock only what others have changed meanwhile is added.
///
/// Until then nothing names what was made: a crash leaves objects that git removes in time.
extension AnnexBranch {
    /// Does the work that `large` asks for, or waits for the one who does it already.
    func prepare(_ large: LargeMerge) async -> MergeDrafts {
        if let running = preparations[large] { return await running.value }
        let task = Task { await make(large) }
        preparations[large] = task
        defer { preparations[large] = nil }
        return await task.value
    }

    private func make(_ large: LargeMerge) async -> MergeDrafts {
        switch large.work {
        case .inspection:
            do {
                let isPlain = try await inspect(large.commit, since: large.tip)
                return MergeDrafts(large, isPlain: .success(isPlain))
            } catch {
                return MergeDrafts(large, isPlain: .failure(error))
            }
        case .union:
            do {
                guard let tip = large.tip else {
                    throw AnnexBranchError(code: .unexpectedContent, message: "there is no branch to merge into")
                }
                let merge = treeMerge(of: large.commit, into: tip)
                let (commit, refused) = try await detached("union", parents: [tip], 0) { try await merge.run($0) }
                return MergeDrafts(
                    large, union: .success(MergeDrafts.Union(base: tip, commit: commit, refused: refused)))
            } catch {
                return MergeDrafts(large, union: .failure(error))
            }
        }
    }

    /// Whether more differs than may be merged while others wait. Looks at no more than that.
    func isLarge(_ commit: String, since base: String?) async throws -> Bool {
        let size = DifferenceSize(maximum: settings.filesMergedUnderLock, objects)
        do {
            try await TreeChanges(old: base, new: commit, objects: objects).forEachPart { try await size.add($0) }
        } catch let error as AnnexBranchError where error.isAboutContent {
            // Whoever merges it finds this out as soon, and tells.
            return false
        }
        return await size.isLarge
    }

    private actor DifferenceSize {
        private let objects: BranchObjects
        private var files: Int
        private var bytes = TreeMerge.partBytes
        var isLarge: Bool { files < 0 || bytes < 0 }

        init(maximum: Int, _ objects: BranchObjects) {
            files = maximum
            self.objects = objects
        }

        /// False when it is large already.
        func add(_ part: [TreeChanges.Entry]) async throws -> Bool {
            files -= part.count
            // A few are never large enough to matter, and need not cost a process.
            if files < 0 || part.count <= BranchObjects.filesAtOnce { return !isLarge }
            let ids = part.flatMap { [$0.oldID, $0.newID] }.map { Array($0.utf8) }
            let sizes = try await objects.sizes(ids)
            // Attack: all files of a push may be one large blob, and it is read for each of them.
            bytes -= ids.reduce(0) { $0 + (sizes[$1] ?? 0) }
            return !isLarge
        }
    }

    /// What has to be changed in a draft that was made from an older branch, so that it becomes a merge into this one.
    /// Nil where too much has happened since.
    func catchUp(_ draft: MergeDrafts.Union, to tip: String) async throws -> TreeMerge.CatchUp? {
        let merge = TreeMerge.CatchUp(draft: draft, merge: treeMerge(of: draft.commit, into: tip))
        if draft.base == tip { return merge }
        // What was forgotten meanwhile must not come back.
        guard try await objects.isAncestor(draft.base, of: tip),
            try await transitions(of: draft.base) == transitions(of: tip),
            try await !isLarge(tip, since: draft.base), try await merge.isPossible
        else { return nil }
        return merge
    }
}
