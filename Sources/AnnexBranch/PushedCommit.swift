/// What somebody has pushed to a ref that is merged into the git-annex branch.
public struct PushedCommit: Sendable, Hashable {
    /// The full name of the ref.
    public var ref: [UInt8]
    /// The object id in hexadecimal.
    public var commit: String

    public init(ref: [UInt8], commit: String) {
        self.ref = ref
        self.commit = commit
    }
}

/// What a merge looks at.
struct MergeSources: Sendable {
    /// The names of refs.
    var refs: [[UInt8]]
    /// What the refs of one push had, whoever has moved them since.
    var commits: [PushedCommit]
}
