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
}
