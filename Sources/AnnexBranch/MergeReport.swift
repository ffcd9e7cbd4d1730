/// What became of the pushed `git-annex` refs.
public struct MergeReport: Sendable, Hashable {
    /// Refs that the branch was moved to.
    public var fastForwarded: [String] = []
    /// Refs whose content was merged into the branch.
    public var merged: [String] = []
    /// Refs whose content was merged while history, or what dead repositories had, was forgotten (spec 02 §2.7).
    public var transitioned: [String] = []
    /// Refs that were left alone; an administrator should look.
    public var unmerged: [Refusal] = []
    /// Entries of merged refs that were left out: not regular files, too large, or with a path no branch may hold.
    public var refusedEntries = 0

    public init() {}

    public struct Refusal: Sendable, Hashable {
        public var ref: String
        public var reason: Reason

        public init(ref: String, reason: Reason) {
            self.ref = ref
            self.reason = reason
        }
    }

    public enum Reason: Sendable, Hashable {
        /// The repositories were tuned in incompatible ways (`annex.tune.*`).
        case foreignTuning
        /// The ref's transitions.log, or the branch's own where the two differ, names something unknown.
        case unknownTransition
        /// A log of the ref that decides over merging cannot be read.
        case unreadable
        /// Git could not read it, or it changes too much.
        case failed
    }

    /// What came after this. Of the refs that are left alone, those that are left alone in the end.
    mutating func add(_ later: MergeReport) {
        fastForwarded += later.fastForwarded
        merged += later.merged
        transitioned += later.transitioned
        refusedEntries += later.refusedEntries
        unmerged = later.unmerged
    }

    var mergedRefs: Int { fastForwarded.count + merged.count + transitioned.count }

    public var isUnchanged: Bool { fastForwarded.isEmpty && merged.isEmpty && transitioned.isEmpty }
}
