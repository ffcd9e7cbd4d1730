/// The name of a hosted repository: its path below the root, without `.git`, for example `team/data`.
///
/// Names are equal when their bytes are, as file names are: two spellings of one accented letter are two repositories.
public struct RepositoryName: Sendable, Comparable {
    public let components: [String]

    /// The longest name in bytes; URLs and file paths keep room for what follows.
    public static let maximumLength = 1024

    /// Takes a `.git` off the end of every component: a submodule at `./sub` of `team/super.git` is asked for as
    /// `team/super.git/sub`, and lies beside that repository, as `team/super/sub`. So `a.git/b` and `a/b` are one name,
    /// with one folder and one set of rights.
    ///
    /// Nil for anything that is not a name: empty, hidden or dotted components (`..`, `.annexd`), control characters,
    /// a component that is too long for a file name, or `-`, which is the host's own.
    public init?(components: some Sequence<String>) {
        let names = components.map { name in
            Self.hasGitSuffix(name) ? String(decoding: name.utf8.dropLast(4), as: UTF8.self) : name
        }
        guard !names.isEmpty, names.allSatisfy(Self.isComponent),
            names.reduce(0, { $0 + $1.utf8.count + 1 }) <= Self.maximumLength
        else {
            return nil
        }
        // A second `.git` would be one more name for the repository without it.
        guard !names.contains(where: Self.hasGitSuffix) else { return nil }
        self.components = names
    }

    /// The name of what lies in a folder of this path below the root; nil where no URL leads there.
    ///
    /// Only the last component of such a path may end in `.git`: a name stands for folders without it.
    public init?(folders: [String]) {
        guard !folders.dropLast().contains(where: Self.hasGitSuffix) else { return nil }
        self.init(components: folders)
    }

    /// Parses a path as people write it, with or without `.git` and outer slashes.
    ///
    /// Bytes are split: to `String` a slash with an accent on it is another character.
    public init?(_ path: String) {
        self.init(
            components: path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) })
    }

    /// What a repository outside of the root is called in logs: its whole path. It is never looked up by this name.
    public init(ofFolderOutside components: [String]) { self.components = components }

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
