public import AnnexProtocol
public import FileIO
public import SystemPackage

/// The folder that holds all hosted repositories, and the host's own state below `.annexd`.
///
/// Blocking; every answer comes from the file system, so changes by other processes are seen at once.
public struct RootFolder: Sendable, Hashable {
    public let path: FilePath

    public init(_ path: FilePath) { self.path = path }

    /// `<root>/.annexd`: the host's own state. Everything in it can be rebuilt from the repositories.
    public var state: FilePath { path.appending(".annexd") }
    /// Repositories that are being made, renamed into place when complete.
    public var workshop: FilePath { state.appending("tmp") }
    /// Deleted repositories, until somebody empties it.
    public var trash: FilePath { state.appending("trash") }
    /// One file per former name, holding the present one.
    public var aliases: FilePath { state.appending("aliases") }
    /// The hooks that git runs for pushes.
    public var hooks: FilePath { state.appending("hooks") }

    /// Space that is held back for what must work on a full disk.
    public var reserve: FilePath { state.appending("reserve") }

    /// Makes the folder and its state folders, where missing.
    public func prepare() throws(FileError) {
        for folder in [path, state, workshop, trash, aliases] { try Files.createDirectories(folder) }
        try makeIdentity()
    }

    /// The git directory of the repository with this name, or nil: `<name>.git`, else `<name>` bare or with a work
    /// tree.
    ///
    /// Nothing inside a repository is another one. Attack: who may push to a repository with a work tree could push
    /// files that look like a git directory, with a config of their choice, or a symbolic link that leaves the root.
    public func gitDirectory(of name: RepositoryName) throws(FileError) -> FilePath? {
        guard try repository(enclosing: name) == nil else { return nil }
        let plain = name.components.reduce(path) { $0.appending(bytes: Array($1.utf8)) }
        let bare = folder(of: name)
        for candidate in [bare, plain.appending(".git"), plain] where try Self.isGitDirectory(candidate) {
            return candidate
        }
        return nil
    }

    /// The outermost repository in whose folder one of this name would lie, or nil.
    func repository(enclosing name: RepositoryName) throws(FileError) -> RepositoryName? {
        var folder = path
        for (index, component) in name.components.dropLast().enumerated() {
            folder = folder.appending(bytes: Array(component.utf8))
            for candidate in [folder, folder.appending(".git")] where try Self.isGitDirectory(candidate) {
                return RepositoryName(components: name.components[...index])
            }
        }
        return nil
    }

    /// Where a new bare repository of this name goes.
    public func folder(of name: RepositoryName) -> FilePath {
        let parents = name.components.dropLast().reduce(path) { $0.appending(bytes: Array($1.utf8)) }
        return parents.appending(bytes: Array((name.components.last ?? "").utf8) + Array(".git".utf8))
    }

    /// Whether `git` would take this folder for a repository.
    public static func isGitDirectory(_ folder: FilePath) throws(FileError) -> Bool {
        let folder = ConfinedPath(folder)
        guard try Files.status(folder.appending("HEAD")) != nil else { return false }
        // What is not what it seems is told when the repository is opened; see ``RepositoryShape``.
        guard let config = try Files.status(folder.appending("config")), config.kind != .directory else { return false }
        guard let objects = try Files.status(folder.appending("objects")) else { return false }
        return objects.kind != .regular
    }

    /// The present name of a repository that was once called `name`, or nil.
    public func presentName(of name: RepositoryName) throws(FileError) -> RepositoryName? {
        var current = name
        // Each renaming adds a step. Two repositories that took each other's names make a circle.
        var seen: Set<RepositoryName> = []
        while seen.insert(current).inserted {
            guard let content = try Files.read(aliasFile(of: current), limit: 4096),
                let next = RepositoryName(String(decoding: content, as: UTF8.self).trimmingLineEnd)
            else { return nil }
            if try gitDirectory(of: next) != nil { return next }
            current = next
        }
        return nil
    }

    /// The file that tells what the repository once called `name` is called now.
    func aliasFile(of name: RepositoryName) -> FilePath {
        // As file names of keys are escaped: each name has a file of its own.
        var escaped: [UInt8] = []
        for byte in name.description.utf8 {
            switch byte {
            case UInt8(ascii: "%"): escaped.append(contentsOf: "&s".utf8)
            case UInt8(ascii: "&"): escaped.append(contentsOf: "&a".utf8)
            case UInt8(ascii: "/"): escaped.append(UInt8(ascii: "%"))
            default: escaped.append(byte)
            }
        }
        return aliases.appending(
            bytes: escaped.count <= 255 ? escaped : Array(escaped.prefix(200)) + Self.fingerprint(escaped))
    }

    /// Sixteen hexadecimal digits (FNV-1a) that tell long names apart.
    private static func fingerprint(_ bytes: [UInt8]) -> [UInt8] {
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return Array(String(hash, radix: 16).utf8)
    }
}

extension String {
    var trimmingLineEnd: String { hasSuffix("\n") ? String(dropLast()) : self }
}
