import SystemPackage

/// The name of a hosted repository: its path below the root, without `.git`, for example `team/data`.
///
/// Names are equal when their bytes are, as file names are: two spellings of one accented letter are two repositories.
public struct RepositoryName: Sendable, Comparable {
    public let components: [String]

    /// The longest name in bytes; URLs and file paths keep room for what follows.
    public static let maximumLength = 1024

    /// Nil for anything that is not a name: empty, hidden or dotted components (`..`, `.annexd`), control characters,
    /// a component that is too long for a file name, or `-`, which is the host's own.
    public init?(components: some Sequence<String>) {
        var names = Array(components)
        guard let last = names.last else { return nil }
        if Self.hasGitSuffix(last) { names[names.count - 1] = String(decoding: last.utf8.dropLast(4), as: UTF8.self) }
        guard names.allSatisfy(Self.isComponent), names.reduce(0, { $0 + $1.utf8.count + 1 }) <= Self.maximumLength
        else {
            return nil
        }
        // A component inside a repository's folder would collide with that repository's own files, and a second `.git`
        // at the end would be one more name for the repository without it.
        guard !names.contains(where: Self.hasGitSuffix) else { return nil }
        self.components = names
    }

    /// Parses a path as people write it, with or without `.git` and outer slashes.
    ///
    /// Bytes are split: to `String` a slash with an accent on it is another character.
    public init?(_ path: String) {
        self.init(
            components: path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) })
    }

    /// What a repository outside of the root, to which a hosted one proxies, is called in logs: its path. It is never
    /// looked up by this name.
    init(ofFolder path: FilePath) { components = path.components.map(\.string) }

    private static func isComponent(_ name: String) -> Bool {
        !name.isEmpty && name != "-" && name.utf8.first != UInt8(ascii: ".") && name.utf8.count <= 200
            && !name.utf8.contains { $0 < 32 || $0 == 127 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
    }

    /// Compares bytes: `hasSuffix` compares characters, and some before the dot make one with it.
    private static func hasGitSuffix(_ name: String) -> Bool { name.utf8.suffix(4).elementsEqual(".git".utf8) }

    public static func < (left: RepositoryName, right: RepositoryName) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }
}

extension RepositoryName: Hashable {
    // `String` takes canonically equivalent texts for equal, and a dictionary would then mix up two repositories.
    public static func == (left: RepositoryName, right: RepositoryName) -> Bool {
        left.components.elementsEqual(right.components) { $0.utf8.elementsEqual($1.utf8) }
    }

    public func hash(into hasher: inout Hasher) {
        for var component in components {
            component.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
            hasher.combine(UInt8(ascii: "/"))
        }
    }
}

extension RepositoryName: CustomStringConvertible {
    public var description: String { components.joined(separator: "/") }
}
