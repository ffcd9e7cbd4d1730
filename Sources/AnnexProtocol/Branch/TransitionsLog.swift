/// The transitions that a branch went through: lines `NAME TS` (spec 02 §1.6.17, §2.7).
public struct TransitionsLog: Hashable, Sendable {
    public struct Transition: Hashable, Sendable {
        public var name: [UInt8]
        public var timestamp: BranchTimestamp

        /// Nil for one that the stock program does not know.
        public var kind: Kind? { Kind(rawValue: String(decoding: name, as: UTF8.self)) }
    }

    /// The transitions that the stock program knows, in the order it names them.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case forgetGitHistory = "ForgetGitHistory"
        case forgetDeadRemotes = "ForgetDeadRemotes"

        /// As commit messages have it.
        public var title: String {
            switch self {
            case .forgetGitHistory: "forget git history"
            case .forgetDeadRemotes: "forget dead remotes"
            }
        }
    }

    public private(set) var transitions: Set<Transition> = []
    /// Whether some line is not understood; a merge must not go on then.
    public private(set) var hasStrangeLines = false

    public init() {}

    public init(parsing content: some Collection<UInt8>) {
        for line in BranchLines.split(content) {
            guard let (name, clock) = BranchLines.splitWord(line), let timestamp = BranchTimestamp(parsing: clock)
            else {
                hasStrangeLines = true
                continue
            }
            transitions.insert(Transition(name: Array(name), timestamp: timestamp))
        }
    }

    /// Whether every transition is known.
    public var isUnderstood: Bool { !hasStrangeLines && transitions.allSatisfy { $0.kind != nil } }

    /// The kinds of transitions in here, each once.
    public var kinds: [Kind] {
        let present = Set(transitions.compactMap(\.kind))
        return Kind.allCases.filter(present.contains)
    }

    /// Takes in the transitions of another branch.
    public mutating func formUnion(_ other: TransitionsLog) {
        transitions.formUnion(other.transitions)
        hasStrangeLines = hasStrangeLines || other.hasStrangeLines
    }
}
