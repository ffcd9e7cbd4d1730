public import AnnexProtocol
internal import FileIO
internal import Synchronization

/// A shared lock on the content of a key: as long as it is held, neither this program nor the stock one removes it.
///
/// Dropping it without a call of ``release(keepingRetention:)`` frees the file lock, but leaves the retention file in
/// place, which protects the content for the rest of the time that was promised (spec 01 §3.4, §6.7).
public final class ContentLock: Sendable {
    public let key: Key
    /// Whether the protection outlives this process. In repositories of version 8 and 9 there are no retention files:
    /// keep the lock for as long as the content was promised to stay.
    public let outlivesProcess: Bool
    private let place: ObjectPlace
    private let paths: StorePaths
    private let modes: FileModes
    private let held: Mutex<Held?>

    fileprivate struct Held {
        /// `.lck`, or OBJ in version 8 and 9, and then the lock on `annex/sentinal`.
        var files: SharedLockFiles
        /// What `.rtm` says to protect this lock.
        var retention: [UInt8]?
        var wroteRetention: Bool
    }

    fileprivate init(_ key: Key, _ place: ObjectPlace, _ paths: StorePaths, _ modes: FileModes, _ held: Held) {
        self.key = key
        self.place = place
        self.paths = paths
        self.modes = modes
        outlivesProcess = held.files.sentinel == nil
        self.held = Mutex(held)
    }

    deinit { try? end(keepingRetention: true) }

    /// Ends the lock; further calls do nothing.
    ///
    /// - Parameter keepingRetention: false when the client said that it is done: lock files are cleaned up. True when
    ///   it merely vanished: removal is refused until the retention time passes.
    public func release(keepingRetention: Bool) throws(ObjectStoreError) {
        try reporting { try end(keepingRetention: keepingRetention) }
    }

    /// Makes the content stay until `time` at least, whatever happens to this process. Without effect in version 8, 9.
    ///
    /// Also where the repository has another name by now, or is in the trash: its lock file tells where it is.
    public func extendRetention(until time: RetentionTime) throws(ObjectStoreError) {
        try reporting {
            try held.withLock { held in
                guard let files = held?.files, outlivesProcess else { return }
                let (place, paths, modes) = try whereabouts(of: files)
                let (bytes, wroteIt) = try KeyGate.of(place).enter(place) { ledger in
                    try ledger.extend(RetentionFile(place: place, paths: paths, modes: modes), to: time)
                }
                if bytes == held?.retention { return }
                held?.retention = bytes
                held?.wroteRetention = wroteIt
            }
        }
    }

    private func end(keepingRetention keep: Bool) throws {
        guard let held = held.withLock({ held in held.take() }) else { return }
        let cleansUp = outlivesProcess && !keep
        // Asked before the lock is freed, since whoever removes the content then takes the file away.
        let now = cleansUp ? try? whereabouts(of: held.files) : nil
        let past = try KeyGate.of(place).enter(place) { ledger -> LockLedger in
            ledger.end(held.retention, wroteIt: held.wroteRetention, keep: keep)
            try held.files.release()
            if let now, now.place == place { try Self.cleanUp(place, paths, modes, ledger) }
            return ledger
        }
        guard let now, now.place != place else { return }
        // The repository was renamed since: what is known of its locks is in two ledgers.
        try KeyGate.of(now.place).enter(now.place) { ledger in
            try Self.cleanUp(now.place, now.paths, now.modes, ledger.joined(with: past))
        }
    }

    /// Where the lock file is now, which a change of the repository's name has moved with everything else.
    private func whereabouts(
        of files: SharedLockFiles
    ) throws -> (place: ObjectPlace, paths: StorePaths, modes: FileModes) {
        if try files.lock.isStillLinked() { return (place, paths, modes) }
        guard let git = files.lock.currentPath.flatMap({ place.gitDirectory(ofLock: $0, before: paths) }) else {
            return (place, paths, modes)
        }
        let moved = StorePaths(gitDirectory: git)
        return (place.moved(to: moved), moved, modes.moved(to: moved))
    }

    /// Removes the lock files where nobody uses them any more. Call inside the gate.
    fileprivate static func cleanUp(
        _ place: ObjectPlace, _ paths: StorePaths, _ modes: FileModes, _ ledger: LockLedger
    ) throws {
        let exclusive = try LockFiles.take(.exclusive) { () throws -> OpenFile in
            try OpenFile(place.lock, .readWrite)
        }
        guard let exclusive else { return }
        defer { withExtendedLifetime(exclusive) {} }
        let retention = RetentionFile(place: place, paths: paths, modes: modes)
        let content = try retention.read()
        if content.map({ ledger.isObsolete($0.bytes) }) ?? true {
            // A promise to somebody else may have been written over by a later one, which is done with now.
            if content != nil, let older = ledger.unkeptPromise {
                try retention.replace(with: older)
            } else {
                try retention.remove()
            }
        }
        try modes.withThawed(place.directory) { _ = try Files.unlink(place.lock) }
        // Succeeds only where the content is gone.
        place.removeEmptyDirectories()
    }
}

extension ObjectStore {
    /// Locks the content of a key against removal, or answers nil: it is not here, it is being removed, or this
    /// repository cannot be locked (`annex.pidlock`).
    ///
    /// Removal is refused for ten minutes from now, unless the lock is released cleanly before.
    public func lock(_ key: Key) throws(ObjectStoreError) -> ContentLock? {
        try reporting {
            var settings = try settings()
            guard settings.allowsChanges, try find(key, settings) != nil else { return nil }
            var sentinel: OpenFile?
            if !settings.usesLockFiles {
                sentinel = try LockFiles.takeSentinel(paths, FileModes(settings, paths))
                guard sentinel != nil else { return nil }
                // While we hold it nobody upgrades, but somebody may have done so just before.
                settings = try self.settings()
                guard settings.allowsChanges else { return nil }
                if settings.usesLockFiles { sentinel = nil }
            }
            guard let (object, place) = try find(key, settings), !object.isEditable(settings) else { return nil }
            if let sentinel { return try lockObject(key, place, settings, sentinel) }
            return try lockFile(key, place, settings)
        }
    }

    /// Version 8 and 9: the lock is on OBJ itself.
    private func lockObject(
        _ key: Key, _ place: ObjectPlace, _ settings: StoreSettings, _ sentinel: OpenFile
    ) throws -> ContentLock? {
        try KeyGate.of(place).enter(place) { ledger in
            let files = try ledger.share(place.object) {
                try LockFiles.take(.shared) { () throws -> OpenFile in
                    try OpenFile(place.object, .readOnly)
                }.map { SharedLockFiles($0, sentinel: sentinel) }
            }
            guard let files else { return nil }
            guard Self.isContent(try files.lock.status(), of: key) else {
                try files.release()
                return nil
            }
            ledger.activeLocks += 1
            return ContentLock(
                key, place, paths, FileModes(settings, paths),
                .init(files: files, retention: nil, wroteRetention: false))
        }
    }

    /// Version 10: the lock is on `OBJ.lck`, and `OBJ.rtm` protects the content should this process die.
    private func lockFile(_ key: Key, _ place: ObjectPlace, _ settings: StoreSettings) throws -> ContentLock? {
        guard place.canHaveLocks else { return nil }
        let modes = FileModes(settings, paths)
        return try KeyGate.of(place).enter(place) { ledger in
            let files = try ledger.share(place.lock) {
                try LockFiles.take(.shared) { () throws -> OpenFile in
                    try modes.withThawed(place.directory) { try modes.open(creating: place.lock, .readOnly) }
                }.map { SharedLockFiles($0) }
            }
            guard let files else { return nil }

            ledger.activeLocks += 1
            var held = ContentLock.Held(files: files, retention: nil, wroteRetention: false)
            do {
                let until = RetentionTime.now.adding(seconds: RetentionFile.seconds)
                let retention = RetentionFile(place: place, paths: paths, modes: modes)
                let (bytes, wroteIt) = try ledger.extend(retention, to: until)
                held.retention = bytes
                held.wroteRetention = wroteIt
                // Only now can nobody remove it any more, so only now does its presence say something.
                let status = try Files.status(place.object)
                if try files.lock.isStillLinked(), let status, Self.isContent(status, of: key) {
                    return ContentLock(key, place, paths, modes, held)
                }
            } catch {
                abandon(held, place, modes, &ledger)
                if let error = error as? FileError, error.isMissing { return nil }
                throw error
            }
            abandon(held, place, modes, &ledger)
            return nil
        }
    }

    private func abandon(_ held: ContentLock.Held, _ place: ObjectPlace, _ modes: FileModes, _ ledger: inout LockLedger)
    {
        ledger.end(held.retention, wroteIt: held.wroteRetention, keep: false)
        try? held.files.release()
        try? ContentLock.cleanUp(place, paths, modes, ledger)
    }
}

extension StoredObject {
    /// Whether a person may change or shrink the object in place: it has a second name in a non-bare repository, or may
    /// get one (spec 01 §3.6). It is then neither locked nor removed.
    func isEditable(_ settings: StoreSettings) -> Bool { !settings.isBare && (settings.thin || status.linkCount > 1) }
}
