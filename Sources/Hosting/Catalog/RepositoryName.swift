/// The name of a hosted repository: its path below the root, without `.git`, for example `team/data`.
public struct RepositoryName: Hashable, Sendable, Comparable {
    public let components: [String]

    /// The longest name in bytes; URLs and file paths keep room for what follows.
    public static let maximumLength = 1024

    /// Nil for anything that is not a name: empty, hidden or dotted components (`..`, `.annexd`), control characters,
    /// a component that is too long for a file name, or `-`, which is the host's own.
    public init?(components: some Sequence<String>) {
        var names = Array(components)
        guard let last = names.last else { return nil }
        if last.hasSuffix(".git") { names[names.count - 1] = String(last.dropLast(4)) }
        guard names.allSatisfy(Self.isComponent), names.reduce(0, { $0 + $1.utf8.count + 1 }) <= Self.maximumLength
        else {
            return nil
        }
        // A component inside a repository's folder would collide with that repository's own files.
        guard !names.dropLast().contains(where: { $0.hasSuffix(".git") }) else { return nil }
        self.components = names
    }

    /// Parses a path as people write it, with or without `.git` and outer slashes.
    public init?(_ path: String) { self.init(components: path.split(separator: "/").map(String.init)) }

    private static func isComponent(_ name: String) -> Bool {
        !name.isEmpty && name != "-" && !name.hasPrefix(".") && name.utf8.count <= 200
            && !name.utf8.contains { $0 < 32 || $0 == 127 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
    }

    public static func < (left: RepositoryName, right: RepositoryName) -> Bool { left.description < right.description }
}

extension RepositoryName: CustomStringConvertible {
    public var description: String { components.joined(separator: "/") }
}
