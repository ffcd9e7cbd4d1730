import CLinux
import Glibc
public import SystemPackage

/// An open file, closed when the last reference goes away. Blocking; use it from a thread that may wait.
///
/// Opening never waits for the other side of a FIFO, and what is neither a file nor a directory is refused before
/// anything is read or written: a thread that waits inside of `open(2)` is lost until somebody happens to come.
public final class OpenFile: Sendable {
    public let descriptor: Int32
    public let path: FilePath
    /// What was found when it was opened; nil for a descriptor that was opened elsewhere.
    public let statusWhenOpened: FileStatus?
    /// Where it is, if it was opened without following links.
    private let confined: ConfinedPath?
    /// The folder below which it was opened without following links; nil for any other file.
    public var folder: FilePath? { confined?.folder }
    /// Where it was opened, to be named again without following links.
    public var place: ConfinedPath { confined ?? ConfinedPath(inParent: path) }

    /// Opens `path`, following links; the descriptor is always close-on-exec.
    ///
    /// - Parameter mode: permission bits of a created file, before the umask.
    public init(_ path: FilePath, _ flags: Flags, mode: UInt32 = 0o644) throws(FileError) {
        var raw = stat()
        descriptor = try attempt("open", path) {
            path.withPlatformString { Glibc.open($0, flags.rawValue | Self.always, mode_t(mode)) }
        }
        guard fstat(descriptor, &raw) == 0 else {
            let code = Errno(rawValue: errno)
            _ = Glibc.close(descriptor)
            throw FileError(operation: "fstat", path: path, code: code)
        }
        self.path = path
        confined = nil
        statusWhenOpened = try Self.checked(raw, descriptor, path, flags)
    }

    /// Opens `path` without following any link below its folder; one in the way is ELOOP.
    public init(_ path: ConfinedPath, _ flags: Flags, mode: UInt32 = 0o644) throws(FileError) {
        var raw = stat()
        descriptor = try attempt("open", path) {
            annexd_beneath_open($0, $1, flags.rawValue | Self.always, mode_t(mode), &raw)
        }
        self.path = path.path
        confined = path
        statusWhenOpened = try Self.checked(raw, descriptor, path.path, flags)
    }

    /// Takes over a descriptor that was opened elsewhere.
    public init(adopting descriptor: Int32, path: FilePath) {
        self.descriptor = descriptor
        self.path = path
        confined = nil
        statusWhenOpened = nil
    }

    private static let always = O_CLOEXEC | O_NONBLOCK | O_NOCTTY

    /// The kind of what was opened; closes what is neither a file nor a directory, and a directory where a file is
    /// wanted.
    private static func checked(
        _ raw: stat, _ descriptor: Int32, _ path: FilePath, _ flags: Flags
    ) throws(FileError) -> FileStatus {
        let status = FileStatus(raw)
        if status.kind == .regular || status.kind == .directory && flags.contains(.directory) { return status }
        _ = Glibc.close(descriptor)
        if status.kind == .directory { throw FileError(operation: "open", path: path, code: .isDirectory) }
        throw FileError(
            operation: "open", path: path, code: .invalidArgument, reason: "it is a FIFO, socket or device, not a file")
    }

    deinit { _ = Glibc.close(descriptor) }

    public struct Flags: OptionSet, Sendable {
        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }

        public static let readOnly = Flags(rawValue: O_RDONLY)
        public static let writeOnly = Flags(rawValue: O_WRONLY)
        public static let readWrite = Flags(rawValue: O_RDWR)
        public static let create = Flags(rawValue: O_CREAT)
        public static let exclusive = Flags(rawValue: O_EXCL)
        public static let truncate = Flags(rawValue: O_TRUNC)
        public static let append = Flags(rawValue: O_APPEND)
        public static let directory = Flags(rawValue: O_DIRECTORY)
        public static let noFollow = Flags(rawValue: O_NOFOLLOW)
    }

    public func status() throws(FileError) -> FileStatus {
        var raw = stat()
        try attempt("fstat", path) { fstat(descriptor, &raw) }
        return FileStatus(raw)
    }

    /// Removes the name under which it was opened; answers false when nothing has that name any more.
    @discardableResult
    public func unlink() throws(FileError) -> Bool {
        if let confined { try Files.unlink(confined) } else { try Files.unlink(path) }
    }

    /// What has the name under which it was opened by now.
    var statusOfName: FileStatus? {
        get throws(FileError) {
            if let confined { try Files.status(confined) } else { try Files.status(path, followLinks: false) }
        }
    }

    /// Reads up to `buffer.count` bytes at `offset`; 0 at the end of the file.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int {
        try attempt("read", path) { pread(descriptor, buffer.baseAddress, buffer.count, off_t(clamping: offset)) }
    }

    /// Reads what the page cache holds at `offset`, without ever waiting for the disk; 0 when nothing is at hand.
    public func readCached(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
        max(0, annexd_pread_cached(descriptor, buffer.baseAddress, buffer.count, Int64(clamping: offset)))
    }

    /// Reads from `offset` until the end of the file or `limit` bytes.
    public func readAll(from offset: UInt64 = 0, limit: Int) throws(FileError) -> [UInt8] {
        let limit = max(0, limit)
        let size = try status().size
        let expected = min(limit, Int(clamping: size > offset ? size - offset : 0))
        var result: [UInt8] = []
        // A sparse file costs its maker nothing: room for more than a few MiB is made as the bytes come.
        result.reserveCapacity(min(expected, 16 << 20))
        // One byte more than expected, so that the end is seen with the second read; small files get small buffers.
        var chunk = [UInt8](repeating: 0, count: min(limit, max(4096, min(expected, 64 * 1024 - 1) + 1)))
        var position = offset
        while result.count < limit {
            let wanted = min(chunk.count, limit - result.count)
            let count = try chunk.withUnsafeMutableBufferPointer { buffer throws(FileError) in
                try read(
                    into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<wanted]),
                    at: position)
            }
            if count == 0 { break }
            result.append(contentsOf: chunk[..<count])
            position &+= UInt64(count)
        }
        return result
    }

    /// Writes all of `bytes` at `offset`.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) {
        var done = 0
        #if DEBUG
            // As a disk that becomes full in the middle: some of the bytes are written, and then no more.
            if let code = FaultInjection.strike("write", path) {
                _ = pwrite(descriptor, bytes.baseAddress, bytes.count / 2, off_t(clamping: offset))
                throw FileError(operation: "write", path: path, code: code)
            }
        #endif
        while done < bytes.count {
            done += try attempt("write", path) {
                pwrite(
                    descriptor, bytes.baseAddress! + done, bytes.count - done, Self.sum(offset, UInt64(done)))
            }
        }
    }

    /// A position in a file that the kernel refuses (EINVAL, EFBIG) if it is none.
    private static func sum(_ offset: UInt64, _ more: UInt64) -> off_t {
        let (sum, isOverflow) = offset.addingReportingOverflow(more)
        return isOverflow ? .max : off_t(clamping: sum)
    }

    /// Writes all of `bytes` at `offset`.
    public func write(_ bytes: [UInt8], at offset: UInt64) throws(FileError) {
        try bytes.withUnsafeBufferPointer { buffer throws(FileError) in
            try write(UnsafeRawBufferPointer(buffer), at: offset)
        }
    }

    /// Allocates blocks for the first `size` bytes, so that writing there later needs no more space; the file becomes
    /// at least so long. Throws EOPNOTSUPP where the file system cannot.
    public func allocate(upTo size: UInt64) throws(FileError) {
        try attempt("fallocate", path) { annexd_allocate(descriptor, Int64(clamping: size)) }
    }

    public func truncate(to size: UInt64) throws(FileError) {
        try attempt("ftruncate", path) { ftruncate(descriptor, off_t(clamping: size)) }
    }

    /// Waits until content and size are on stable storage.
    public func synchronize() throws(FileError) {
        try attempt("fsync", path) { fsync(descriptor) }
    }

    /// Waits until the content, and what is needed to read it back, is on stable storage (`fdatasync(2)`).
    public func synchronizeData() throws(FileError) {
        try attempt("fdatasync", path) { fdatasync(descriptor) }
    }

    /// Lets the kernel begin to write a range to disk, so that a later `synchronize` has little left to do.
    public func startWriteback(offset: UInt64, length: UInt64) {
        _ = annexd_start_writeback(descriptor, Int64(clamping: offset), Int64(clamping: length))
    }

    /// Asks the kernel to read a range ahead into the page cache.
    public func willNeed(offset: UInt64, length: UInt64) {
        _ = posix_fadvise(descriptor, off_t(clamping: offset), off_t(clamping: length), POSIX_FADV_WILLNEED)
    }

    public func setMode(_ mode: UInt32) throws(FileError) {
        try attempt("fchmod", path) { fchmod(descriptor, mode_t(mode)) }
    }
}
