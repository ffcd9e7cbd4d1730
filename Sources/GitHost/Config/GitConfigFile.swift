public import FileIO
import Glibc
import Synchronization
public import SystemPackage

/// The configuration file of a repository, read again only when it has changed. For use by any number of threads.
///
/// One that is a symbolic link or a FIFO is an error: git would read, and write, what it leads to.
public final class GitConfigFile: Sendable {
    public let path: FilePath
    private let place: ConfinedPath
    private let limit: Int
    private let cache = Mutex<Reading?>(nil)

    private struct Reading {
        var version: FileStatus.Version?
        var config: GitConfig
        /// The file changed so shortly before it was read that another change may have left the same time stamp.
        var isDoubtful: Bool
    }

    /// - Parameter limit: the largest file that is read, in bytes.
    public init(_ path: FilePath, limit: Int = 1 << 20) {
        self.path = path
        place = ConfinedPath(inParent: path)
        self.limit = limit
    }

    /// What tells whether the file has changed; nil where it is missing. Blocking: one `stat`.
    public var version: FileStatus.Version? {
        get throws(FileError) { try Files.status(place)?.version }
    }

    /// The settings as they are on disk now; a missing file has none. Blocking: one `stat` when nothing has changed.
    ///
    /// Throws `FileError` and ``GitConfigError``.
    public func current() throws -> GitConfig {
        let version = try version
        if let reading = cache.withLock({ $0 }), reading.version == version, !reading.isDoubtful {
            return reading.config
        }
        let reading = try read()
        cache.withLock { $0 = reading }
        return reading.config
    }

    private func read() throws -> Reading {
        let file: OpenFile
        do {
            file = try OpenFile(place, .readOnly)
        } catch {
            if error.isMissing { return Reading(version: nil, config: GitConfig(), isDoubtful: false) }
            throw error
        }
        // The status first: a change during the reading is then seen by the next call.
        let status = try file.status()
        let content = try file.readAll(limit: limit + 1)
        guard content.count <= limit else {
            throw GitConfigError(code: .tooLarge, message: "\"\(path)\" is larger than \(limit) bytes")
        }
        return Reading(
            version: status.version, config: try GitConfig(parsing: content),
            isDoubtful: Self.isRecent(status.modified.seconds))
    }

    /// Whether a time stamp is less than two seconds old (some file systems keep whole seconds) or in the future.
    static func isRecent(_ seconds: Int64) -> Bool {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        // Nothing is subtracted from what a file system says: it may be any number.
        return seconds > Int64(now.tv_sec) - 2
    }

    /// Sets a key to one value, replacing all it had. Git locks the file and replaces it by a rename.
    public func set(_ key: String, _ value: String) async throws {
        try await change(["--replace-all", key], value: value)
    }

    /// Adds one more value to a key.
    public func add(_ key: String, _ value: String) async throws { try await change(["--add", key], value: value) }

    /// Removes a key with all its values; a key that is not there is no error.
    public func unset(_ key: String) async throws {
        try await change(["--unset-all", key], value: nil, accepting: [0, 5])
    }

    /// Adds lines at the end, all of them or none, durably; they are written as git would read them. Blocking.
    ///
    /// Git's own lock is held meanwhile; throws `FileError` with EEXIST where somebody else has it.
    public func append(_ lines: String) throws {
        let lock = ConfinedPath(inParent: FilePath(bytes: path.bytes + Array(".lock".utf8)))
        let file = try OpenFile(lock, [.writeOnly, .create, .exclusive], mode: 0o666)
        do {
            var content = try Files.read(place, limit: limit) ?? []
            if let last = content.last, last != 10 { content.append(10) }
            try file.write(content + Array(lines.utf8), at: 0)
            if let mode = try Files.status(place)?.mode { try Files.setMode(lock, mode) }
            try file.synchronize()
            try Files.rename(lock, to: place)
        } catch {
            _ = try? Files.unlink(lock)
            throw error
        }
        try Files.synchronizeDirectory(place.removingLastComponent())
        cache.withLock { $0 = nil }
    }

    private func change(_ arguments: [String], value: String?, accepting: Set<Int32> = [0]) async throws {
        // Git would change what a link leads to.
        if let status = try Files.status(place), status.kind != .regular { _ = try OpenFile(place, .readOnly) }
        let changed = path.bytes.first == UInt8(ascii: "/") ? path.bytes : Array("./".utf8) + path.bytes
        var command = GitCommand(["config", "--file"], in: path.removingLastComponent()).argument(changed)
        for argument in arguments { command = command.argument(Array(argument.utf8)) }
        if let value { command = command.argument(Array(value.utf8)) }
        let result = try await command.run()
        guard accepting.contains(result.status) else { throw command.failure(result) }
        cache.withLock { $0 = nil }
    }
}
