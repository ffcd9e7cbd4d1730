import CLinux
import Glibc
public import SystemPackage

/// File-system operations below a folder that follow no link there. Blocking; each throws ``FileError``, a link in the
/// way being ELOOP. What the operation of the same name by plain path answers, these answer as well.
extension Files {
    /// What is at `path`, or nil when nothing is; of a link the link itself.
    public static func status(_ path: ConfinedPath) throws(FileError) -> FileStatus? {
        var raw = stat()
        do {
            try attempt("stat", path) { annexd_beneath_stat($0, $1, &raw) }
        } catch  where error.isMissing {
            return nil
        }
        return FileStatus(raw)
    }

    /// Whether anything is at `path`, a link included.
    public static func exists(_ path: ConfinedPath) throws(FileError) -> Bool { try status(path) != nil }

    public static func rename(_ source: ConfinedPath, to target: ConfinedPath) throws(FileError) {
        try rename(source, to: target, isReplacing: true)
    }

    /// Renames, failing with EEXIST when the target is there.
    public static func renameWithoutReplacing(
        _ source: ConfinedPath, to target: ConfinedPath
    ) throws(FileError) {
        try rename(source, to: target, isReplacing: false)
    }

    private static func rename(
        _ source: ConfinedPath, to target: ConfinedPath, isReplacing: Bool
    ) throws(FileError) {
        do throws(FileError) {
            try attempt("rename", isReplacing ? source.path : target.path) {
                source.withPointers { fromFolder, from in
                    target.withPointers { toFolder, to in
                        annexd_beneath_rename(fromFolder, from, toFolder, to, isReplacing ? 0 : 1)
                    }
                }
            }
        } catch {
            throw error.explained(by: source).explained(by: target)
        }
    }

    /// Renames to a name that must be free; answers false when something is there already.
    public static func moveIntoPlace(_ source: ConfinedPath, to target: ConfinedPath) throws(FileError) -> Bool {
        do {
            try renameWithoutReplacing(source, to: target)
            return true
        } catch  where error.code == .fileExists || error.code == .directoryNotEmpty {
            return false
        }
    }

    /// Removes a file, or a link itself; answers false when it was not there.
    @discardableResult
    public static func unlink(_ path: ConfinedPath) throws(FileError) -> Bool {
        do {
            try attempt("unlink", path) { annexd_beneath_unlink($0, $1, 0) }
            return true
        } catch  where error.isMissing {
            return false
        }
    }

    /// Removes an empty directory; answers false when it was missing or not empty.
    @discardableResult
    public static func removeEmptyDirectory(_ path: ConfinedPath) throws(FileError) -> Bool {
        do {
            try attempt("rmdir", path) { annexd_beneath_unlink($0, $1, AT_REMOVEDIR) }
            return true
        } catch  where error.isMissing || error.code == .directoryNotEmpty || error.code == .fileExists {
            return false
        }
    }

    /// Removes whatever is at `path`, directories with all they hold; a link is removed, and not what it leads to.
    public static func removeTree(_ path: ConfinedPath) throws(FileError) {
        guard let status = try status(path) else { return }
        guard status.kind == .directory else {
            try unlink(path)
            return
        }
        if status.mode & 0o700 != 0o700 { try setMode(path, status.mode | 0o700) }
        for entry in try list(path) { try removeTree(path.appending(bytes: entry)) }
        try removeEmptyDirectory(path)
    }

    /// Creates one directory; answers false when something is there already.
    @discardableResult
    public static func createDirectory(_ path: ConfinedPath, mode: UInt32 = 0o777) throws(FileError) -> Bool {
        do {
            try attempt("mkdir", path) { annexd_beneath_mkdir($0, $1, mode_t(mode)) }
            return true
        } catch  where error.code == .fileExists {
            return false
        }
    }

    public static func setMode(_ path: ConfinedPath, _ mode: UInt32) throws(FileError) {
        try attempt("chmod", path) { annexd_beneath_chmod($0, $1, mode_t(mode)) }
    }

    /// The names in a directory, as bytes, without `.` and `..`, unsorted; empty when the directory is missing.
    public static func list(_ path: ConfinedPath) throws(FileError) -> [[UInt8]] {
        let descriptor: Int32
        do {
            descriptor = try attempt("opendir", path) {
                annexd_beneath_open($0, $1, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOCTTY, 0, nil)
            }
        } catch  where error.isMissing {
            return []
        }
        guard let stream = fdopendir(descriptor) else {
            let code = Errno(rawValue: errno)
            _ = Glibc.close(descriptor)
            throw FileError(operation: "opendir", path: path.path, code: code)
        }
        defer { closedir(stream) }
        return try names(in: stream, path.path)
    }

    /// The content of a small file, or nil when it is missing. More than `limit` bytes is an error (EFBIG).
    public static func read(_ path: ConfinedPath, limit: Int = 16 << 20) throws(FileError) -> [UInt8]? {
        let file: OpenFile
        do { file = try OpenFile(path, .readOnly) } catch  where error.isMissing { return nil }
        return try content(of: file, limit: limit)
    }

    /// Waits until the names in a directory are on stable storage.
    public static func synchronizeDirectory(_ path: ConfinedPath) throws(FileError) {
        try OpenFile(path, [.readOnly, .directory]).synchronize()
    }

    /// Bytes that an unprivileged process may still write at `path`, a directory (f_bavail × f_frsize).
    public static func freeSpace(at path: ConfinedPath) throws(FileError) -> UInt64 {
        var available: UInt64 = 0
        var total: UInt64 = 0
        try attempt("statvfs", path) { annexd_beneath_free_space($0, $1, &available, &total) }
        return available
    }

    /// Replaces `path` with `content` so that readers see the old or the new file, also after a power cut.
    ///
    /// - Parameter folder: where it is written first, under a name of its own; on the same file system. Beside the file
    ///   if nothing is said.
    public static func replace(
        _ path: ConfinedPath, with content: some Collection<UInt8>, in folder: ConfinedPath? = nil,
        mode: UInt32 = 0o644,
        synchronizingDirectory: Bool = true
    ) throws(FileError) {
        try settle(path, content, in: folder, mode) { temporary throws(FileError) in
            try rename(temporary, to: path)
        }
        if synchronizingDirectory { try synchronizeDirectory(path.removingLastComponent()) }
    }

    /// Creates `path` with `content`, unless something is there already: one step, also for others who try at the same
    /// time. Readers see it whole or not at all, also after a power cut.
    ///
    /// - Parameter folder: as for `replace`.
    /// - Returns: false where something was there.
    public static func create(
        _ path: ConfinedPath, with content: some Collection<UInt8>, in folder: ConfinedPath? = nil, mode: UInt32 = 0o644
    ) throws(FileError) -> Bool {
        let isCreated = try settle(path, content, in: folder, mode) { temporary throws(FileError) in
            if try moveIntoPlace(temporary, to: path) { return true }
            try unlink(temporary)
            return false
        }
        try synchronizeDirectory(path.removingLastComponent())
        return isCreated
    }

    private static func settle<Result>(
        _ path: ConfinedPath, _ content: some Collection<UInt8>, in folder: ConfinedPath?, _ mode: UInt32,
        _ move: (ConfinedPath) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        let name = FreshName.make(path.lastComponent?.string ?? "")
        let temporary = (folder ?? path.removingLastComponent()).appending(name)
        do throws(FileError) {
            let file = try OpenFile(temporary, [.writeOnly, .create, .exclusive], mode: mode)
            try file.write([UInt8](content), at: 0)
            try file.synchronize()
            return try move(temporary)
        } catch {
            _ = try? unlink(temporary)
            throw error
        }
    }

    /// Copies a file's content and mode, durably, sharing blocks where the file system can.
    public static func copy(_ source: ConfinedPath, to target: ConfinedPath, mode: UInt32) throws(FileError) {
        let from = try OpenFile(source, .readOnly)
        let to = try OpenFile(target, [.writeOnly, .create, .exclusive], mode: mode | 0o200)
        let size = try from.status().size
        var done: UInt64 = 0
        while done < size {
            let count = try attempt("copy", source.path) {
                annexd_copy_range(from.descriptor, to.descriptor, min(size - done, 1 << 30))
            }
            if count == 0 { break }
            done += UInt64(count)
        }
        try to.setMode(mode)
        try to.synchronize()
    }

    /// Where the link at `path` leads, as it says itself.
    public static func target(ofLink path: ConfinedPath) throws(FileError) -> FilePath {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let length = try attempt("readlink", path) { annexd_beneath_readlink($0, $1, &buffer, buffer.count - 1) }
        buffer[length] = 0
        return FilePath(platformString: buffer)
    }

    /// Copies a symbolic link itself.
    public static func copyLink(_ source: ConfinedPath, to target: ConfinedPath) throws(FileError) {
        let destination = try Self.target(ofLink: source)
        try attempt("symlink", target) { folder, path in
            destination.withPlatformString { annexd_beneath_symlink($0, folder, path) }
        }
    }
}
