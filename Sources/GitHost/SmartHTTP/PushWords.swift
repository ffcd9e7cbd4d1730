/// What git's own refusals of a push mean, with the way out, in words for the person who pushes. Git's words name settings
/// of the server, which people who push cannot reach.
public enum PushWords {
    /// Sentences about everything in a report that git has refused by itself; refs with the same reason share one.
    ///
    /// - Parameters:
    ///   - lockFailures: as ``PushAnswer/lockFailures``.
    ///   - errors: as ``PushAnswer/errors``.
    public static func sentences(on report: PushReport, lockFailures: [[UInt8]: String] = [:], errors: [String] = [])
        -> [String]
    {
        if report.unpack != "ok" {
            return about(unpack: report.unpack, errors).map { ["the push is refused: \($0)"] } ?? []
        }
        var refs: [(sentence: String, names: [String])] = []
        for ref in report.refs {
            guard let refusal = ref.refusal,
                let sentence = about(ref: ref.name, refusal: refusal, lock: lockFailures[ref.name])
            else { continue }
            let name = String(decoding: ref.name, as: UTF8.self)
            if let index = refs.firstIndex(where: { $0.sentence == sentence }) {
                refs[index].names.append(name)
            } else {
                refs.append((sentence, [name]))
            }
        }
        return refs.map { sentence, names in
            let shown = names.prefix(3).joined(separator: ", ")
            let more = names.count > 3 ? " and \(names.count - 3) more" : ""
            return "\(shown)\(more) \(names.count == 1 ? "is" : "are") refused: \(sentence)"
        }
    }

    /// Whether a lock was not to be had because somebody else has moved the ref since its value was shown.
    public static func isRace(_ lockFailure: String) -> Bool {
        ["is at ", "reference already exists", "unable to resolve reference", "reference is missing"].contains {
            lockFailure.contains($0)
        }
    }

    private static func about(ref: [UInt8], refusal: String, lock: String?) -> String? {
        if let lock { return about(lock: lock, of: ref) }
        if refusal == "non-fast-forward", ref == annexBranch { return RefPolicy.rewind }
        return refusals.first { refusal.hasPrefix($0.reason) }?.sentence
    }

    private static func about(lock: String, of ref: [UInt8]) -> String {
        if ref == annexBranch, isRace(lock) { return RefPolicy.rewind }
        if isRace(lock) { return "somebody else has moved it meanwhile; fetch, merge, and push again" }
        if lock.contains("exists; cannot create") || lock.contains("there is a non-empty directory") {
            // `'REF' exists; cannot create 'OTHER'`
            let quoted = lock.split(separator: "'", omittingEmptySubsequences: false)
            let name = lock.contains("exists; cannot create") && quoted.count > 1 ? String(quoted[1]) : "a ref like it"
            return "\(name) is in the way; delete or rename that one, or choose another name"
        }
        if lock.contains("File exists") { return "another program is changing it on the host; push again in a moment" }
        if let trouble = trouble(lock) { return trouble }
        return "the host could not change it; its log tells the operator why"
    }

    private static func about(unpack reason: String, _ errors: [String]) -> String? {
        let all = errors + [reason]
        func says(_ text: String) -> Bool { all.contains { $0.contains(text) } }
        if says("exceeds maximum allowed size") {
            return
                "it is larger than this host takes (limits.push_mebibytes); push fewer commits at a time, and give large "
                + "files to git annex add rather than to git add"
        }
        if says("Out of memory") || says("out of memory") {
            return
                "git needs more memory for it than the host gives to one push (limits.git_memory_mebibytes); push fewer "
                + "commits at a time"
        }
        if let trouble = all.lazy.compactMap(trouble).first { return trouble }
        if reason == "unable to create temporary object directory" { return notWritable }
        if says("did not receive expected object") || says("unresolved delta") || says("missing") { return incomplete }
        if says("fsck") {
            return "an object in it is not as git writes them, as the line above tells; git fsck finds it in your clone"
        }
        if says("eof before pack header") || says("early EOF") {
            return "it ended before all of it had come; push again"
        }
        return nil
    }

    /// What is wrong with the host rather than with the push.
    private static func trouble(_ text: String) -> String? {
        if text.contains("No space left on device") || text.contains("Disk quota exceeded") {
            return "the disk of the host is full; its operator has to make room"
        }
        if text.contains("Read-only file system") {
            return "nothing can be stored: the host's file system is read-only"
        }
        if text.contains("Permission denied") || text.contains("insufficient permission") { return notWritable }
        return nil
    }

    private static let annexBranch = Array("refs/heads/git-annex".utf8)

    static let notWritable =
        "the host may not write to this repository; annexd doctor tells its operator which files are in the way"
    private static let incomplete =
        "objects are missing in it; where your clone is shallow or partial, git fetch --unshallow or git fetch --refetch "
        + "brings them, else git fsck tells which are lost"
    private static let uncommitted =
        "the files that are checked out on the host have changes of their own; push to another branch, or have them "
        + "committed there"
    private static let atomic = "another ref of this push is refused, and with --atomic it is all or none"

    /// By what git's reason begins with.
    private static let refusals: [(reason: String, sentence: String)] = [
        (
            "branch is currently checked out",
            "it is checked out in a work tree on the host, whose files would not follow; push to another branch"
        ),
        (
            "deletion prohibited",
            "nothing is deleted from this repository by a push: its operator has set it up so, and can delete it there"
        ),
        (
            "non-fast-forward",
            "history is not rewritten in this repository by a push: its operator has set it up so; fetch, merge, and push "
                + "again without --force"
        ),
        (
            "shallow update not allowed",
            "your clone is shallow, and the host would lack what is before it; git fetch --unshallow, then push again"
        ), ("missing necessary objects", incomplete), ("bad pack", incomplete), ("Working directory has", uncommitted),
        ("Up-to-date check failed", uncommitted), ("Could not update working tree", uncommitted),
        ("unable to migrate objects", "the host could not store the objects; its log tells the operator why"),
        ("funny refname", "git takes no ref of that name"),
        ("inconsistent aliased update", "two refs of this push are one and the same on the host; push one of them"),
        ("atomic push failure", atomic), ("atomic transaction failed", atomic), ("transaction failed", atomic),
    ]
}
