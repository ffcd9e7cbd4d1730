/// Which changes of refs a push may make (spec 02 §2.6, #42 and #43; docs/hostile-pushes.md).
///
/// One table of refs, read from its top, is decided twice: here, on the commands that were parsed, and by the hooks of
/// ``HookDirectory``, which are made from the same table, on what git has parsed.
public struct RefPolicy: Sendable, Hashable {
    /// Whether the pusher may rewrite and delete, or only add.
    public var mayRewrite: Bool

    public init(mayRewrite: Bool) { self.mayRewrite = mayRewrite }

    /// What becomes of one command.
    public enum Verdict: Sendable, Hashable {
        case accept
        /// A sentence for the person who pushed.
        case refuse(String)
        /// The hook decides, which sees the pushed objects.
        case ask
    }

    /// What a ref is.
    enum Kind: Hashable {
        /// The branch that says where the files are.
        case annexBranch
        /// Merged into it after the push, and overwritten by each `git annex sync`: nothing in it is history.
        case merged
        case hostsOwn
        /// What a clone knew of another repository's git-annex branch, as `git push --mirror` sends it.
        case tracking
        /// What a clone notes for itself.
        case clonesOwn
        /// Git-annex merges every ref whose last component is `git-annex`.
        case otherAnnex
        /// It grows by fast-forwards.
        case history
        /// It stays what it is.
        case fixed
    }

    /// The refs that can be pushed, and what they are; the first line that matches counts. All others are refused: git
    /// gives some a meaning of its own, such as `refs/replace`, and may do so with more.
    static let table: [(kind: Kind, refs: [RefPattern])] = [
        (.annexBranch, ["refs/heads/git-annex"]),
        (.hostsOwn, ["refs/annexd", "refs/annexd/*"]),
        // Where a ref lies below a name, no ref can have that name: the branch could never be made.
        (.otherAnnex, ["refs/heads/git-annex/*", "refs/heads/synced", "refs/heads/synced/git-annex/*"]),
        (.merged, ["refs/heads/synced/git-annex", "refs/synced/?*/git-annex"]),
        (.tracking, ["refs/remotes/?*/git-annex"]),
        (.otherAnnex, ["git-annex", "*/git-annex"]),
        (.clonesOwn, ["refs/annex/?*"]),
        (.history, ["refs/heads/?*", "refs/notes/?*", "refs/synced/?*", "refs/remotes/?*"]),
        (.fixed, ["refs/tags/?*", "refs/pull/?*", "refs/merge-requests/?*", "refs/changes/?*"]),
    ]
    /// Whether what is pushed to a ref is merged into the git-annex branch, and no more than that.
    public static func isMerged(_ ref: [UInt8]) -> Bool { kind(of: ref) == .merged }

    static func kind(of ref: [UInt8]) -> Kind? {
        table.first { line in line.refs.contains { $0.matches(ref) } }?.kind
    }

    /// Decides one command by the name of its ref.
    public func verdict(on command: ReceivePackRequest.Command) -> Verdict { verdict(on: command, as: command.ref) }

    /// Decides a command on a symbolic ref, which moves the ref that it points to: by both names.
    ///
    /// - Parameter target: what the ref points to; nil where it is a plain one.
    public func verdict(on command: ReceivePackRequest.Command, pointingTo target: [UInt8]?) -> Verdict {
        let first = verdict(on: command)
        guard let target else { return first }
        if case .refuse = first { return first }
        switch (Self.kind(of: target), verdict(on: command, as: target)) {
        case (.annexBranch, _), (.merged, _): return .refuse(Self.alias)
        case (_, .refuse(let reason)): return .refuse(reason)
        // Whatever it is, the hook looks where it leads now.
        default: return .ask
        }
    }

    private func verdict(on command: ReceivePackRequest.Command, as ref: [UInt8]) -> Verdict {
        switch Self.kind(of: ref) {
        case .annexBranch: return command.isDeletion ? .refuse(Self.deletion) : .ask
        case .hostsOwn: return .refuse(Self.hostsOwn)
        case .tracking: return .refuse(Self.trackingRef)
        case .clonesOwn: return .refuse(Self.clonesOwn)
        case .otherAnnex: return .refuse(Self.otherRef)
        case .merged:
            if !command.isDeletion { return .ask }
            return mayRewrite ? .accept : .refuse(Self.deletionTakesWrite)
        case .history:
            if mayRewrite || command.isCreation && !command.isDeletion { return .accept }
            return command.isDeletion ? .refuse(Self.deletionTakesWrite) : .ask
        case .fixed:
            if mayRewrite || command.isCreation && !command.isDeletion { return .accept }
            return .refuse(command.isDeletion ? Self.deletionTakesWrite : Self.changeTakesWrite)
        case nil: return .refuse(Self.unknownRef)
        }
    }

    // Words without quotes, backslashes and dollar signs: they also stand in the hooks.
    static let deletion = "the git-annex branch holds where the files are and cannot be deleted"
    static let rewind =
        "the git-annex branch has other changes, which no push takes back; git annex sync merges and pushes, and what is "
        + "pushed with --force to refs/heads/synced/git-annex is merged line by line"
    static let hostsOwn = "refs below refs/annexd belong to the host"
    static let otherRef =
        "a ref named git-annex may only be the branch git-annex, synced/git-annex or below refs/synced, and none may stand "
        + "in the way of these; what is pushed with --force to refs/heads/synced/git-annex is merged line by line"
    static let trackingRef =
        "it tells what another git-annex branch once was, which your git-annex branch tells as well; it need not be pushed"
    static let clonesOwn = "refs below refs/annex are of use in your clone alone, and need not be pushed"
    static let alias = "it points to a git-annex branch; push to that one"
    static let deletionTakesWrite = "deleting a ref takes the right to write, and you may only add"
    static let rewriteTakesWrite =
        "it is no fast-forward; rewriting history takes the right to write, and you may only add"
    static let changeTakesWrite = "changing it takes the right to write, and you may only add"
    static let unknownRef =
        "only refs below refs/heads, refs/tags, refs/notes, refs/remotes, refs/synced, refs/pull, refs/merge-requests "
        + "and refs/changes can be pushed"
}

/// A pattern of refs with one `*` or `?*` at most, as the shell reads it: it stands for any bytes, slashes included.
struct RefPattern: Sendable, Hashable, ExpressibleByStringLiteral {
    /// As the shell takes it.
    let text: String
    private let prefix: [UInt8]
    private let suffix: [UInt8]
    /// How many bytes the wildcard stands for at least; nil where there is none.
    private let least: Int?

    init(stringLiteral text: String) {
        self.text = text
        let wildcard = text.firstRange(of: "?*") ?? text.firstRange(of: "*")
        prefix = Array(text[..<(wildcard?.lowerBound ?? text.endIndex)].utf8)
        suffix = Array(text[(wildcard?.upperBound ?? text.endIndex)...].utf8)
        least = wildcard.map { text[$0].count - 1 }
    }

    func matches(_ ref: [UInt8]) -> Bool {
        guard let least else { return ref == prefix }
        return ref.count >= prefix.count + least + suffix.count && ref.starts(with: prefix)
            && ref.suffix(suffix.count).elementsEqual(suffix)
    }
}
