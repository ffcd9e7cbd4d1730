internal import FileIO
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// The `.rtm` file beside an object: until when its removal is refused even though nobody holds the lock (spec 01
/// §3.4).
struct RetentionFile {
    let place: ObjectPlace
    let paths: StorePaths
    let modes: FileModes

    /// How long a lock protects content after its holder vanished, in seconds.
    static let seconds: Int64 = 600

    struct Content {
        var bytes: [UInt8]
        var until: RetentionTime
    }

    /// What the file says, or nil when there is none.
    ///
    /// A file that cannot be understood, such as one that a power cut left empty, protects for ten minutes from when it
    /// was written: the doubt goes to the side that keeps the content.
    func read() throws -> Content? {
        guard let status = try Files.status(place.retention) else { return nil }
        let unreadable = RetentionTime(seconds: status.modified.seconds).adding(seconds: Self.seconds)
        guard status.kind == .regular, status.size <= 1024 else { return Content(bytes: [], until: unreadable) }
        guard let bytes = try Files.read(place.retention, limit: 4096) else { return nil }
        return Content(bytes: bytes, until: RetentionTime(parsing: bytes) ?? unreadable)
    }

    /// Whether removal must be refused at `now`.
    func isActive(at now: RetentionTime) throws -> Bool {
        guard let content = try read() else { return false }
        return now <= content.until
    }

    /// Makes sure that the file protects until `time` at least. Call inside the gate of the place.
    ///
    /// - Parameter willReplace: is told what the file said before, if this call writes it. A write that fails may have
    ///   been made all the same.
    /// - Returns: what the file says now, and whether this call wrote it.
    func extend(
        to time: RetentionTime, willReplace: (Content?) -> Void
    ) throws -> (bytes: [UInt8], wroteIt: Bool) {
        let lock = try lockWriters()
        defer { withExtendedLifetime(lock) {} }
        let current = try read()
        if let current, current.until >= time, !current.bytes.isEmpty { return (current.bytes, false) }
        willReplace(current)
        try write(time.bytes)
        return (time.bytes, true)
    }

    /// Makes the file protect until `time`, which may be sooner than it did. Call while the exclusive content lock is
    /// held.
    func replace(with time: RetentionTime) throws {
        let lock = try lockWriters()
        defer { withExtendedLifetime(lock) {} }
        try write(time.bytes)
    }

    /// Removes the file and the lock of its writers. Call while the exclusive content lock is held.
    func remove() throws {
        try modes.withThawed(place.directory) {
            try Files.unlink(place.retention)
            try Files.unlink(place.retentionLock)
        }
    }

    /// Takes `.rtl`. Threads of this process are kept apart by the gate, so only other processes can make this wait.
    private func lockWriters() throws -> OpenFile {
        try LockFiles.takeSoon(place.retentionLock) {
            let file = try modes.withThawed(place.directory) {
                try modes.open(creating: place.retentionLock, .readWrite)
            }
            return try file.tryLock(.exclusive) && file.isStillLinked() ? file : nil
        }
    }

    /// Writes by way of `othertmp/`, so that a crash leaves no litter in KEYDIR that would keep it from being removed.
    private func write(_ bytes: [UInt8]) throws {
        let guardian = try paths.lockOtherTemporary(modes)
        defer { withExtendedLifetime(guardian) {} }
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        let name = Self.temporaryPrefix + Array("\(getpid()).\(number)".utf8)
        let temporary = paths.otherTemporary.appending(bytes: name)
        do {
            let file = try modes.open(creating: temporary, [.writeOnly, .truncate])
            try file.write(bytes, at: 0)
            try file.synchronize()
            try modes.withThawed(place.directory) { try Files.rename(temporary, to: place.retention) }
            // The client counts on these ten minutes, also if the machine restarts within them.
            try Files.synchronizeDirectory(place.directory)
        } catch {
            _ = try? Files.unlink(temporary)
            throw error
        }
    }

    /// How the names of files begin that are being written.
    static let temporaryPrefix = Array("rtm.".utf8)
    private static let counter = Atomic<Int>(0)
}

extension StorePaths {
    /// Makes `othertmp/` usable until the answer goes away: a shared lock keeps others from emptying it (spec 01 §3.1).
    func lockOtherTemporary(_ modes: FileModes) throws -> OpenFile {
        let file = try LockFiles.takeSoon(otherTemporaryLock) {
            let file = try modes.open(creating: otherTemporaryLock, .readOnly)
            return try file.tryLock(.shared) ? file : nil
        }
        try modes.createDirectories(otherTemporary)
        return file
    }
}
