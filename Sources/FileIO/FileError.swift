import CLinux
import Glibc
public import SystemPackage

/// A file operation that the kernel refused: what was tried, on which path, and its errno.
public struct FileError: Error, Sendable, CustomStringConvertible {
    /// The operation, for example `open` or `rename`.
    public var operation: String
    public var path: FilePath
    public var code: Errno
    /// What is the matter, where that says more than the errno.
    public var reason: String?

    public init(operation: String, path: FilePath, code: Errno, reason: String? = nil) {
        self.operation = operation
        self.path = path
        self.code = code
        self.reason = reason
    }

    /// The disk, the quota or the inode table is full.
    public var isOutOfSpace: Bool { code == .noSpace || code == Errno(rawValue: EDQUOT) }

    /// A symbolic link is in a place where none is followed.
    public var isLink: Bool { code == .tooManySymbolicLinkLevels }

    /// What was to be opened is there, but is a link, a FIFO, a device, a socket, or a directory in place of a file.
    public var isNoFile: Bool {
        isLink || operation == "open" && [.invalidArgument, .isDirectory, .noSuchAddressOrDevice].contains(code)
    }

    /// The process or the machine has no descriptors left.
    public var isOutOfDescriptors: Bool { code == .tooManyOpenFiles || code == .tooManyOpenFilesInSystem }

    /// Nothing is there (ENOENT), or a parent is not a directory (ENOTDIR).
    public var isMissing: Bool { code == .noSuchFileOrDirectory || code == .notDirectory }

    public var description: String { "\(operation) \"\(path)\": \(reason ?? code.description)" }
}

/// Runs a call that answers a negative number on failure, again on EINTR, and throws what errno says.
///
/// Every file operation of annexd passes through here.
@discardableResult
func attempt<Result: SignedInteger>(
    _ operation: String, _ path: FilePath, _ call: () -> Result
) throws(FileError) -> Result {
    try injectFault(operation, path)
    while true {
        let result = call()
        if result >= 0 { return result }
        let code = Errno(rawValue: errno)
        if code == .interrupted { continue }
        throw FileError(operation: operation, path: path, code: code)
    }
}
