/// Which changes of refs a push may make, whoever pushes (spec 02 §2.6, #42 and #43).
///
/// Git-annex merges every ref whose last component is `git-annex`, so only three kinds of them may be written.
public enum RefPolicy {
    /// A command that is refused.
    public struct Refusal: Sendable, Hashable {
        public var ref: [UInt8]
        /// A sentence for the person who pushed.
        public var reason: String
    }

    /// The refused ones among the commands, in their order. The others may go on.
    ///
    /// A rewind of `git-annex` needs the pushed objects; the hook of ``HookDirectory`` refuses it, and these as well.
    public static func decide(_ commands: [ReceivePackRequest.Command]) -> [Refusal] {
        commands.compactMap { command in
            reason(against: command).map { Refusal(ref: command.ref, reason: $0) }
        }
    }

    /// Whether a push can touch a ref that the hook looks at, so that all other pushes run without it.
    ///
    /// It searches all the bytes rather than the parsed commands: what git reads differently is then still found.
    public static func needsHook(_ request: ReceivePackRequest) -> Bool {
        contains(request.received, Array("git-annex".utf8)) || contains(request.received, Array("refs/annexd".utf8))
    }

    private static func contains(_ bytes: [UInt8], _ name: [UInt8]) -> Bool {
        var rest = bytes[...]
        while let start = rest.firstIndex(of: name[0]) {
            rest = rest[start...]
            if rest.starts(with: name) { return true }
            rest = rest.dropFirst()
        }
        return false
    }

    private static func reason(against command: ReceivePackRequest.Command) -> String? {
        let parts = command.ref.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        if parts.starts(with: ["refs", "annexd"]) { return hostsOwn }
        // Where a ref lies below a name, no ref can have that name: the branch could never be made.
        if parts.count > 3, parts.starts(with: ["refs", "heads", "git-annex"]) { return otherRef }
        if parts.count > 4, parts.starts(with: ["refs", "heads", "synced", "git-annex"]) { return otherRef }
        guard parts.last == "git-annex" else { return nil }
        if parts == ["refs", "heads", "git-annex"] {
            return command.isDeletion ? deletion : nil
        }
        if parts == ["refs", "heads", "synced", "git-annex"] { return nil }
        if parts.count >= 4, parts[0] == "refs", parts[1] == "synced" { return nil }
        return otherRef
    }

    static let deletion = "the git-annex branch holds where the files are and cannot be deleted"
    static let rewind = "the git-annex branch has other changes; fetch, merge with git annex sync, and push again"
    static let hostsOwn = "refs below refs/annexd belong to the host"
    static let otherRef =
        "a ref named git-annex may only be the branch git-annex, synced/git-annex or below refs/synced"
}
