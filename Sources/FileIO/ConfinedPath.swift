import Glibc
public import SystemPackage

/// A place below a folder that is reached without following any symbolic link on the way from the folder to it.
///
/// The folder itself may be reached through links: whoever names it has chosen it. What is below it may have been made
/// by somebody else, whose link must not lead us to files of other people. ``Files`` and ``OpenFile`` take such a path
/// in place of a plain one, and refuse a link with ELOOP and the name of that link (docs/adr/0009-no-links-inside.md).
///
/// Only the path decides whether two are equal.
public struct ConfinedPath: Sendable, CustomStringConvertible {
    /// The folder that cannot be left.
    public let folder: FilePath
    /// The whole path, for messages and for programs that are told of it. Opened by itself it follows links.
    public let path: FilePath

    /// The folder itself. An empty path is the current folder.
    public init(_ folder: FilePath) {
        self.folder = folder.isEmpty ? "." : folder
        path = self.folder
    }

    /// A file or folder right below its parent, which links may lead to.
    public init(inParent path: FilePath) {
        self = ConfinedPath(path.removingLastComponent()).appending(bytes: path.lastComponent?.bytes ?? [])
    }

    private init(folder: FilePath, path: FilePath) {
        self.folder = folder
        self.path = path
    }

    /// This path with more components, given as raw bytes that need not be UTF-8. The bytes hold no NUL.
    public func appending(bytes: some Collection<UInt8>) -> ConfinedPath {
        bytes.isEmpty ? self : ConfinedPath(folder: folder, path: path.appending(bytes: Array(bytes)))
    }

    /// This path with more components, separated by `/`.
    public func appending(_ components: String) -> ConfinedPath { appending(bytes: Array(components.utf8)) }

    /// The folder that this is in; of the confining folder that folder itself.
    public func removingLastComponent() -> ConfinedPath {
        isFolder ? self : ConfinedPath(folder: folder, path: path.removingLastComponent())
    }

    public var lastComponent: FilePath.Component? { path.lastComponent }

    /// Whether this is the confining folder.
    public var isFolder: Bool { path == folder }

    /// The components below the folder, each with those before it.
    var steps: [ConfinedPath] {
        var steps: [ConfinedPath] = []
        var step = self
        while !step.isFolder {
            steps.append(step)
            step = step.removingLastComponent()
        }
        return steps.reversed()
    }

    /// The first symbolic link on the way from the folder to this place, or nil.
    var firstLink: FilePath? {
        var raw = stat()
        for step in steps {
            guard step.path.withPlatformString({ lstat($0, &raw) }) == 0 else { return nil }
            if raw.st_mode & S_IFMT == S_IFLNK { return step.path }
        }
        return nil
    }

    public var description: String { path.description }

    /// Lends the folder and the whole path as the C functions take them.
    func withPointers<Result>(_ body: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Result) -> Result {
        folder.withPlatformString { folder in path.withPlatformString { path in body(folder, path) } }
    }
}

extension ConfinedPath: Hashable {
    public static func == (left: ConfinedPath, right: ConfinedPath) -> Bool { left.path == right.path }
    public func hash(into hasher: inout Hasher) { hasher.combine(path) }
}

extension FilePath.Component {
    var bytes: [UInt8] {
        withPlatformString { pointer in
            [UInt8](UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
        }
    }
}

/// Runs a call below a folder as any other file operation; where it met a link, the error names that link.
@discardableResult
func attempt<Result: SignedInteger>(
    _ operation: String, _ path: ConfinedPath,
    _ call: (_ folder: UnsafePointer<CChar>, _ path: UnsafePointer<CChar>) -> Result
) throws(FileError) -> Result {
    do {
        return try attempt(operation, path.path) { path.withPointers(call) }
    } catch {
        throw error.explained(by: path)
    }
}

extension FileError {
    /// This error, with the link that was met in its text.
    func explained(by path: ConfinedPath) -> FileError {
        guard code == .tooManySymbolicLinkLevels, let link = path.firstLink else { return self }
        var error = self
        error.reason = "\"\(link)\" is a symbolic link, and none is followed here"
        return error
    }
}

#if DEBUG
    import CLinux

    /// Lets tests take the way of kernels and sandboxes that have no `openat2(2)`. Release builds know nothing of it.
    package enum ConfinedPathFallback {
        /// Runs `body` while `openat2` fails with this errno in the whole process.
        package static func run<Result>(failingWith code: Errno, _ body: () throws -> Result) rethrows -> Result {
            annexd_beneath_simulate(code.rawValue)
            defer { annexd_beneath_simulate(0) }
            return try body()
        }
    }
#endif
