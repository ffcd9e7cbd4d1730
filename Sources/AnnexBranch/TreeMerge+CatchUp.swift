import AnnexProtocol

extension TreeMerge {
    /// Brings a union that was made with an older commit of the branch up to date with a newer one, as input for
    /// `git fast-import`. Costs as much as differs between the two.
    ///
    /// Everything that the branch has got since then is in the result, whatever the draft has in its place.
    struct CatchUp: Sendable {
        let draft: MergeDrafts.Union
        /// Of the draft into the newer commit.
        let merge: TreeMerge

        private var changes: TreeChanges {
            TreeChanges(old: draft.base, new: merge.base, objects: merge.objects)
        }

        /// Whether the branch has only got plain files, and nothing has gone away.
        var isPossible: Bool {
            get async throws {
                let isPlain = Flag()
                try await changes.forEachPart { part in
                    let isGood = part.allSatisfy {
                        !$0.isRemoved && TreeMerge.isFile($0.newMode) && BranchPath($0.name) != nil
                    }
                    if !isGood { await isPlain.clear() }
                    return isGood
                }
                return await isPlain.value
            }
        }

        private actor Flag {
            private(set) var value = true

            func clear() { value = false }
        }

        /// Gives the lines of a commit to `emit`; answers how many entries were refused, those of the draft included.
        func run(_ emit: @escaping @Sendable ([UInt8]) async throws -> Void) async throws -> Int {
            var opening = FastImport()
            opening.everything(try await merge.objects.tree(of: draft.commit))
            try await emit(opening.take())
            if draft.base == merge.base { return draft.refused }
            let count = Count(limits: merge.limits)
            try await changes.forEachPart { part in
                var keeping = FastImport()
                let united = try await united(part, &keeping)
                try await emit(keeping.take())
                await count.refuse(try await merge.merge(united, count, emit))
                return true
            }
            return draft.refused + (await count.refused)
        }

        /// What both have changed. What only the branch has is put into its place.
        private func united(_ part: [TreeChanges.Entry], _ keeping: inout FastImport) async throws -> [Entry] {
            let prefix = Array("\(draft.commit):".utf8)
            let found = try await merge.objects.information(part.map { prefix + $0.name })
            var result: [Entry] = []
            for change in part {
                guard let path = BranchPath(change.name) else { continue }
                let drafted = found[prefix + change.name]
                if let drafted, drafted.id == change.newID { continue }
                if let drafted, drafted.type == "blob", drafted.id != change.oldID {
                    result.append(Entry(path: path, baseBlob: change.newID, otherBlob: drafted.id))
                } else {
                    keeping.file(path, blob: change.newID)
                }
            }
            return result
        }
    }
}
