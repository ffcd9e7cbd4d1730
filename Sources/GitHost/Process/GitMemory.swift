/// How much memory a git process may take. The one place of its bounds.
public struct GitMemory: Sendable, Hashable {
    /// Of one process, in MiB; nil for no bound. What git maps, such as packs, does not count.
    public var mebibytes: Int?

    public static let standard = GitMemory(mebibytes: 1024)

    public init(mebibytes: Int?) { self.mebibytes = mebibytes }

    /// What keeps git far below the bound in honest use: large blobs are streamed and never searched for deltas.
    ///
    /// - Parameter threads: of one pack-objects or index-pack.
    static func settings(threads: Int) -> [(String, String)] {
        [
            ("pack.threads", "\(threads)"), ("pack.windowMemory", "64m"), ("pack.deltaCacheSize", "64m"),
            ("core.bigFileThreshold", "32m"),
        ]
    }

    /// A program and the first of its arguments that starts git with what follows, under the bound.
    ///
    /// The children of git inherit it. `ulimit -d` (RLIMIT_DATA) counts what a process allocates, and not its mappings of
    /// files. The soft limit alone is set, so that a hook can lift it for what is not git.
    var launch: (program: String, arguments: [String]) {
        guard let mebibytes else { return ("git", []) }
        return ("sh", ["-c", "ulimit -S -d \"$0\" 2>/dev/null; exec git \"$@\"", "\(mebibytes << 10)"])
    }
}
