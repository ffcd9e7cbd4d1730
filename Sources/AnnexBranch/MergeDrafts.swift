/// A merge that would keep others waiting for the journal for too long, and is therefore made ready before.
struct LargeMerge: Error, Hashable {
    /// What was pushed.
    var commit: String
    /// Where the branch is; nil where there is none.
    var tip: String?
    var work: Work

    enum Work: Hashable {
        /// Whether the branch may simply move to the commit.
        case inspection
        case union
        /// Much has changed since this union was made: it is to be one with the branch as it is now.
        case catchUp(MergeDrafts.Union)
    }
}

/// What was made ready of large merges while nobody was kept from writing.
struct MergeDrafts: Sendable {
    /// The union of a pushed commit and the branch as it was then: a commit that no ref names.
    struct Union: Sendable, Hashable {
        var base: String
        var commit: String
        /// How many entries were left out.
        var refused: Int
    }

    private var inspections: [String: (base: String?, isPlain: Result<Bool, any Error>)] = [:]
    private var unions: [String: Result<Union, any Error>] = [:]
    private var attempts: [String: Int] = [:]

    init() {}

    /// What one preparation came to.
    init(_ large: LargeMerge, isPlain: Result<Bool, any Error>) {
        inspections[large.commit] = (large.tip, isPlain)
        attempts[large.commit] = 1
    }

    init(_ large: LargeMerge, union: Result<Union, any Error>) {
        unions[large.commit] = union
        attempts[large.commit] = 1
    }

    mutating func add(_ other: MergeDrafts) {
        inspections.merge(other.inspections) { $1 }
        unions.merge(other.unions) { $1 }
        attempts.merge(other.attempts, uniquingKeysWith: +)
    }

    /// Whether the branch may move from `base` to a commit as it is; nil where nobody has looked.
    func inspection(of commit: String, since base: String?) -> Result<Bool, any Error>? {
        guard let known = inspections[commit], known.base == base else { return nil }
        return known.isPlain
    }

    /// Nil where none was made. Throws why it could not be made.
    func union(of commit: String) throws -> Union? { try unions[commit]?.get() }

    /// Each time there is less to be done, unless others change as much meanwhile, again and again: then it is done
    /// while they wait.
    func mayPrepare(_ commit: String) -> Bool { attempts[commit, default: 0] < Self.maximumAttempts }

    static let maximumAttempts = 8
}
