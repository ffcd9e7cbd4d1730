/// The transitions that a branch went through: lines `NAME TS` (spec 02 §1.6.17, §2.7).
public struct TransitionsLog: Hashable, Sendable {
    public struct Transition: Hashable, Sendable {
        public var name: [UInt8]
        public var timestamp: BranchTimestamp

        /// Whether this is one of the two that the stock program knows.
        public var isKnown: Bool { TransitionsLog.knownNames.contains(name) }
    }

    public private(set) var transitions: Set<Transition> = []
    /// Whether some line is not understood; a merge must not go on then.
    public private(set) var hasStrangeLines = false

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
    public var isUnderstood: Bool { !hasStrangeLines && transitions.allSatisfy(\.isKnown) }

    private static let knownNames: Set<[UInt8]> = [Array("ForgetGitHistory".utf8), Array("ForgetDeadRemotes".utf8)]
}
