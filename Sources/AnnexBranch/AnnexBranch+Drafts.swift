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
        case .union: return MergeDrafts(large, union: await union(of: large.commit, into: large.tip))
        case .catchUp(let draft):
            return MergeDrafts(large, union: await union(of: large.commit, into: large.tip, from: draft))
        }
    }

    /// - Parameter draft: made with an older commit of the branch; where it can be used, only what has changed since is
    ///   looked at.
    private func union(
        of commit: String, into tip: String?, from draft: MergeDrafts.Union? = nil
    ) async -> Result<MergeDrafts.Union, any Error> {
        do {
            guard let tip else {
                throw AnnexBranchError(code: .unexpectedContent, message: "there is no branch to merge into")
            }
            let rest = if let draft { try await catchUp(draft, to: tip) } else { nil as TreeMerge.CatchUp? }
            let merge = treeMerge(of: commit, into: tip)
            let (made, refused) = try await detached("union", parents: [tip], 0) { emit in
                if let rest { try await rest.run(emit) } else { try await merge.run(emit) }
            }
            return .success(MergeDrafts.Union(base: tip, commit: made, refused: refused))
        } catch {
            return .failure(error)
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
            bytes -= ids.reduce(0) { $0.clampedSum(sizes[$1] ?? 0) }
            return !isLarge
        }
    }

    /// What has to be changed in a draft that was made from an older branch, so that it becomes a merge into this one.
    /// Nil where that cannot be done. Looks at everything that differs between the two branches.
    func catchUp(_ draft: MergeDrafts.Union, to tip: String) async throws -> TreeMerge.CatchUp? {
        let merge = TreeMerge.CatchUp(draft: draft, merge: treeMerge(of: draft.commit, into: tip))
        if draft.base == tip { return merge }
        // What was forgotten meanwhile must not come back.
        guard try await objects.isAncestor(draft.base, of: tip),
            try await transitions(of: draft.base) == transitions(of: tip), try await merge.isPossible
        else { return nil }
        return merge
    }
}
