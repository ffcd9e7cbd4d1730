import CLinux
import Glibc
public import SystemPackage

/// File-system operations by path, for what is the host's own. Blocking; each throws ``FileError``. Below the folder of
/// a repository only those that take a ``ConfinedPath`` are used.
public enum Files {
    /// What is at `path`, or nil when nothing is.
    public static func status(_ path: FilePath, followLinks: Bool = true) throws(FileError) -> FileStatus? {
        var raw = stat()
        do {
            try attempt("stat", path) {
                path.withPlatformString { followLinks ? stat($0, &raw) : lstat($0, &raw) }
            }
        } catch  where error.isMissing {
            return nil
        }
        return FileStatus(raw)
    }

    /// The one absolute path of what is there, without symbolic links, `.` and `..`; nil where nothing is.
    public static func realPath(_ path: FilePath) throws(FileError) -> FilePath? {
        guard let real = path.withPlatformString({ Glibc.realpath($0, nil) }) else {
            let error = FileError(operation: "realpath", path: path, code: Errno(rawValue: errno))
            if error.isMissing { return nil }
            throw error
        }
        defer { free(real) }
        return FilePath(platformString: real)
    }

    public static func exists(_ path: FilePath) throws(FileError) -> Bool { try status(path) != nil }

    public static func rename(_ source: FilePath, to target: FilePath) throws(FileError) {
        try rename(ConfinedPath(inParent: source), to: ConfinedPath(inParent: target))
    }

    /// Renames, failing with EEXIST when the target is there.
    public static func renameWithoutReplacing(_ source: FilePath, to target: FilePath) throws(FileError) {
        try renameWithoutReplacing(ConfinedPath(inParent: source), to: ConfinedPath(inParent: target))
    }

    /// Renames to a name that must be free; answers false when something is there already.
    public static func moveIntoPlace(_ source: FilePath, to target: FilePath) throws(FileError) -> Bool {
        do {
            try renameWithoutReplacing(source, to: target)
            return true
        } catch  where error.code == .fileExists || error.code == .directoryNotEmpty {
            return false
        }
    }

    /// Removes a file; answers false when it was not there.
    @discardableResult
    public static func unlink(_ path: FilePath) throws(FileError) -> Bool {
        do {
            try attempt("unlink", path) { path.withPlatformString { Glibc.unlink($0) } }
            return true
        } catch  where error.isMissing {
            return false
        }
    }

    /// Removes an empty directory; answers false when it was missing or not empty.
    @discardableResult
    public static func removeEmptyDirectory(_ path: FilePath) throws(FileError) -> Bool {
        do {
            try attempt("rmdir", path) { path.withPlatformString { rmdir($0) } }
            return true
        } catch  where error.isMissing || error.code == .directoryNotEmpty || error.code == .fileExists {
            return false
        }
    }

    /// Removes whatever is at `path`, directories with all they hold, without following symbolic links.
    public static func removeTree(_ path: FilePath) throws(FileError) {
        try removeTree(ConfinedPath(inParent: path))
    }

    /// Creates one directory; answers false when something is there already.
    @discardableResult
    public static func createDirectory(_ path: FilePath, mode: UInt32 = 0o777) throws(FileError) -> Bool {
        do {
            try attempt("mkdir", path) { path.withPlatformString { mkdir($0, mode_t(mode)) } }
            return true
        } catch  where error.code == .fileExists {
            return false
        }
    }

    /// Creates a directory and its missing parents.
    public static func createDirectories(_ path: FilePath, mode: UInt32 = 0o777) throws(FileError) {
        do {
            try createDirectory(path, mode: mode)
        } catch  where error.code == .noSuchFileOrDirectory && !path.removingLastComponent().isEmpty {
            try createDirectories(path.removingLastComponent(), mode: mode)
            try createDirectory(path, mode: mode)
        }
    }

    public static func setMode(_ path: FilePath, _ mode: UInt32) throws(FileError) {
        try attempt("chmod", path) { path.withPlatformString { chmod($0, mode_t(mode)) } }
    }

    /// The names in a directory, as bytes, without `.` and `..`, unsorted; empty when the directory is missing.
    public static func list(_ path: FilePath) throws(FileError) -> [[UInt8]] {
        try injectFault("opendir", path)
        guard let stream = path.withPlatformString({ opendir($0) }) else {
            let failure = FileError(operation: "opendir", path: path, code: Errno(rawValue: errno))
            if failure.isMissing { return [] }
            throw failure
        }
        defer { closedir(stream) }
        return try names(in: stream, path)
    }

    static func names(in stream: OpaquePointer, _ path: FilePath) throws(FileError) -> [[UInt8]] {
        var names: [[UInt8]] = []
        try injectFault("readdir", path)
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw FileError(operation: "readdir", path: path, code: Errno(rawValue: errno)) }
                return names
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: UInt8.self, capacity: 256) { bytes in
                    [UInt8](
                        UnsafeBufferPointer(
                            start: bytes, count: strlen(UnsafeRawPointer(bytes).assumingMemoryBound(to: CChar.self))))
                }
            }
            if name != [46] && name != [46, 46] { names.append(name) }
        }
    }

    /// The content of a small file, or nil when it is missing. More than `limit` bytes is an error (EFBIG).
    public static func read(_ path: FilePath, limit: Int = 16 << 20) throws(FileError) -> [UInt8]? {
        let file: OpenFile
        do { file = try OpenFile(path, .readOnly) } catch  where error.isMissing { return nil }
        return try content(of: file, limit: limit)
    }

    static func content(of file: OpenFile, limit: Int) throws(FileError) -> [UInt8] {
        let bytes = try file.readAll(limit: limit < .max ? limit + 1 : limit)
        if bytes.count > limit { throw FileError(operation: "read", path: file.path, code: Errno(rawValue: EFBIG)) }
        return bytes
    }

    /// Waits until the names in a directory are on stable storage.
    public static func synchronizeDirectory(_ path: FilePath) throws(FileError) {
        try OpenFile(path, [.readOnly, .directory]).synchronize()
    }

    /// Bytes that an unprivileged process may still write at `path` (f_bavail × f_frsize).
    public static func freeSpace(at path: FilePath) throws(FileError) -> UInt64 {
        var available: UInt64 = 0
        var total: UInt64 = 0
        try attempt("statvfs", path) { path.withPlatformString { annexd_free_space($0, &available, &total) } }
        return available
    }

    /// Replaces `path` with `content` so that readers see the old or the new file, also after a power cut.
    ///
    /// - Parameter folder: where it is written first, under a name of its own; on the same file system. Beside the file
    ///   if nothing is said.
    public static func replace(
        _ path: FilePath, with content: some Collection<UInt8>, in folder: FilePath? = nil, mode: UInt32 = 0o644,
        synchronizingDirectory: Bool = true
    ) throws(FileError) {
        try replace(
            ConfinedPath(inParent: path), with: content, in: folder.map { ConfinedPath($0) }, mode: mode,
            synchronizingDirectory: synchronizingDirectory)
    }
}

extension FilePath {
    /// This path with more components, given as raw bytes that need not be UTF-8. The bytes hold no NUL.
    public func appending(bytes: some Collection<UInt8>) -> FilePath { appending(bytes: Array(bytes)) }

    /// This path with more components, given as raw bytes that need not be UTF-8. The bytes hold no NUL.
    public func appending(bytes: [UInt8]) -> FilePath {
        // Built in one go: FilePath appends a character at a time, and checks the whole path after each. And copied in
        // blocks: generic code of another module handles each byte through a witness table.
        withPlatformString { pointer in
            let length = strlen(pointer)
            let separator = length > 0 && pointer[length - 1] != 47 ? 1 : 0
            let platform = [CInterop.PlatformChar](unsafeUninitializedCapacity: length + separator + bytes.count + 1) {
                buffer, count in
                let raw = UnsafeMutableRawBufferPointer(buffer)
                raw.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: length))
                if separator == 1 { raw[length] = 47 }
                bytes.withUnsafeBytes { source in
                    UnsafeMutableRawBufferPointer(rebasing: raw[(length + separator)...]).copyMemory(from: source)
                }
                count = length + separator + bytes.count + 1
                raw[count - 1] = 0
            }
            return FilePath(platformString: platform)
        }
    }

    /// This path from the root of the file system on, for programs that run in another folder.
    public var absolute: FilePath {
        guard isRelative, let current = getcwd(nil, 0) else { return self }
        defer { free(current) }
        return FilePath(platformString: current).appending(components)
    }

    /// The bytes of this path, without the terminating NUL.
    public var bytes: [UInt8] {
        withPlatformString { pointer in
            [UInt8](UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
        }
    }
}

/// The host's suspend-proof clock.
public enum BootClock {
    /// Whole seconds of CLOCK_BOOTTIME, as `gettimestamp` answers (spec 01 §4.4).
    public static var seconds: Int64 { annexd_boottime_seconds() }
}

extension Files {
    /// Waits until a folder with all that is in it is on stable storage. For small trees: every file is synchronised.
    public static func synchronizeTree(_ path: FilePath) throws(FileError) {
        for entry in try list(path) {
            let child = path.appending(bytes: entry)
            switch try status(child, followLinks: false)?.kind {
            case .directory?: try synchronizeTree(child)
            case .regular?: try OpenFile(child, .readOnly).synchronize()
            default: break
            }
        }
        try synchronizeDirectory(path)
    }

    /// Creates a directory and its missing parents, and waits until their names are on stable storage.
    public static func createDurableDirectories(_ path: FilePath, mode: UInt32 = 0o777) throws(FileError) {
        if try exists(path) { return }
        let parent = path.removingLastComponent()
        if !parent.isEmpty { try createDurableDirectories(parent, mode: mode) }
        try createDirectory(path, mode: mode)
        try synchronizeDirectory(parent.isEmpty ? "." : parent)
    }
}
