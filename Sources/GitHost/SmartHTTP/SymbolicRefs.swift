import FileIO
public import SystemPackage

/// Refs that point to other refs: a push to one moves what it points to.
public enum SymbolicRefs {
    /// What each of the symbolic ones among these refs points to. Blocking; a `stat` for each.
    ///
    /// Attack: an imported repository has a branch that points to `refs/heads/git-annex`, or is a link to it, and who
    /// may not rewind one pushes to the other. For a link, and for what cannot be read, the answer is the ref itself.
    public static func targets(of refs: [[UInt8]], in gitDirectory: FilePath) -> [[UInt8]: [UInt8]] {
        var targets: [[UInt8]: [UInt8]] = [:]
        // Nothing but plain names below `refs/`: these come from the client, and git refuses others.
        for ref in refs where ref.starts(with: "refs/".utf8) && !ref.contains(0) {
            guard !ref.split(separator: UInt8(ascii: "/")).contains(where: { $0.elementsEqual("..".utf8) }) else {
                continue
            }
            let path = gitDirectory.appending(bytes: ref)
            // No such file: a new ref, or a packed one, which is never symbolic.
            guard let status = try? Files.status(path, followLinks: false), status.kind != .directory else { continue }
            guard status.kind == .regular, let content = try? Files.read(path, limit: 4096) else {
                targets[ref] = ref
                continue
            }
            guard content.starts(with: "ref:".utf8) else { continue }
            let rest = content.dropFirst(4).drop { $0 <= 32 }
            targets[ref] = Array(rest.prefix { $0 > 32 })
        }
        return targets
    }
}
