public import AnnexProtocol
internal import FileIO
internal import Synchronization
internal import SystemPackage

/// How a removal begins.
public enum RemovalStart: Sendable {
    /// Nothing is here; that counts as removed.
    case absent
    /// Somebody locks the content, or did so less than ten minutes ago and vanished.
    case locked
    case refused(RemovalRefusal)
    /// The content is locked for removal.
    case ready(Removal)
}

/// Why content is not removed from this repository.
public enum RemovalRefusal: Sendable, Hashable, CustomStringConvertible {
    /// `annex.pidlock` is set, or the repository has a version that this program does not know.
    case readOnly
    /// The object is shared with a file in the work tree (spec 01 §3.6).
    case inUse
    /// Lock files cannot be made for a key with so long a name.
    case nameTooLong

    public var description: String {
        switch self {
        case .readOnly: "this repository is read-only for annexd (annex.pidlock or an unsupported annex.version)"
        case .inUse: "the content is shared with a file in the work tree"
        case .nameTooLong: "the name of the key is too long to be locked"
        }
    }
}

/// The exclusive lock on the content of a key, and the steps of removing it (spec 01 §4.3).
///
/// The owner checks the timestamp of a remove-before, calls ``unlinkContent()``, writes the location log, and calls
/// ``finish()``. Dropping it at any point frees the lock and cleans up; content that is not unlinked stays. Where it is
/// unlinked and ``finish()`` not called, as the log was not written, a ``RemovalNote`` stays that tells so.
public final class Removal: Sendable {
    public let key: Key
    private let modes: FileModes
    private let sites: Mutex<[Site]>
    private let note: Mutex<RemovalNote?>
    /// Whether some content may be gone.
    private let isBegun = Atomic(false)

    /// One place of the content with its lock; both layouts may hold a copy.
    fileprivate struct Site {
        var place: ObjectPlace
        /// `.lck`, or OBJ in version 8 and 9.
        var lock: OpenFile
        /// The lock on `annex/sentinal`, in version 8 and 9.
        var sentinel: OpenFile?
    }

    fileprivate init(_ key: Key, _ modes: FileModes, _ sites: [Site], _ note: RemovalNote? = nil) {
        self.key = key
        self.modes = modes
        self.sites = Mutex(sites)
        self.note = Mutex(note)
    }

    deinit { end() }

    /// Removes the content. Write the location log at once afterwards: until then it claims what is not so any more.
    public func unlinkContent() throws(ObjectStoreError) {
        try reporting {
            try sites.withLock { sites in
                if sites.isEmpty { throw ObjectStoreError(code: .misuse, message: "the removal has ended") }
                isBegun.store(true, ordering: .relaxed)
                for site in sites {
                    try KeyGate.of(site.place).enter(site.place) { _ in
                        try modes.withThawed(site.place.directory) {
                            _ = try Files.unlink(site.place.object)
                        }
                    }
                }
            }
        }
    }

    /// Moves the one object with this version elsewhere, and answers its new name there; nil where there is none.
    ///
    /// Another file of that name, from an earlier time, stays.
    func moveContent(version: FileStatus.Version, to directory: ConfinedPath) throws -> [UInt8]? {
        try sites.withLock { sites in
            isBegun.store(true, ordering: .relaxed)
            for site in sites {
                guard try Files.status(site.place.object)?.version == version else { continue }
                try modes.createDirectories(directory)
                return try KeyGate.of(site.place).enter(site.place) { _ in
                    try modes.withThawed(site.place.directory) {
                        for attempt in 0..<1000 {
                            let name = key.fileName + (attempt == 0 ? [] : Array(".\(attempt)".utf8))
                            let target = directory.appending(bytes: name)
                            guard try Files.moveIntoPlace(site.place.object, to: target) else { continue }
                            try Files.synchronizeDirectory(directory)
                            return name
                        }
                        return nil
                    }
                }
            }
            return nil
        }
    }

    /// Makes the removal durable, removes the lock files, KEYDIR and the hash directories that became empty, and frees
    /// the lock.
    ///
    /// What cannot be cleaned up stays: it harms nobody, and the content is gone already. Throws where a power cut
    /// could bring the content back. Then it can be called again; else the note stays, and tells the next start to
    /// look.
    public func finish() throws(ObjectStoreError) {
        try reporting {
            // After the log: until both are durable, the note is what tells that they may disagree.
            for directory in sites.withLock({ $0.map(\.place.directory) }) { try Files.synchronizeDirectory(directory) }
        }
        discardNote()
        end()
    }

    /// Frees the lock; what is unlinked is not logged, and ``ObjectStore/interruptedRemovals()`` tells so.
    public func giveUp() { end() }

    private func discardNote() {
        try? note.withLock { note in
            try note?.discard()
            note = nil
        }
    }

    private func end() {
        let ended = sites.withLock { sites in
            defer { sites = [] }
            return sites
        }
        if !isBegun.load(ordering: .relaxed) { discardNote() }
        note.withLock { $0?.release() }
        for site in ended {
            try? KeyGate.of(site.place).enter(site.place) { _ in
                if site.sentinel == nil {
                    _ = try? modes.withThawed(site.place.directory) { try Files.unlink(site.place.lock) }
                }
                try site.lock.unlock()
                site.place.removeEmptyDirectories()
            }
        }
    }
}

extension ObjectStore {
    /// Locks the content of a key for removal. Never waits for other holders.
    ///
    /// Does not ask whether enough copies exist elsewhere; that is the client's duty (spec 01 §4.3). An object that has
    /// the wrong size is not present, but is removed all the same.
    public func beginRemoval(_ key: Key) throws(ObjectStoreError) -> RemovalStart {
        try reporting {
            var settings = try settings()
            var sentinel: OpenFile?
            if settings.allowsChanges && !settings.usesLockFiles {
                if try objects(key, settings).isEmpty { return .absent }
                sentinel = try LockFiles.takeSentinel(paths, FileModes(settings, paths))
                guard sentinel != nil else { return .locked }
                settings = try self.settings()
                if settings.usesLockFiles { sentinel = nil }
            }
            let found = try objects(key, settings)
            if found.isEmpty { return .absent }
            guard settings.allowsChanges else { return .refused(.readOnly) }

            var sites: [Removal.Site] = []
            func giveUp(_ answer: RemovalStart) -> RemovalStart {
                _ = Removal(key, FileModes(settings, paths), sites)
                return answer
            }
            for (object, place) in found {
                if object.isEditable(settings) { return giveUp(.refused(.inUse)) }
                guard place.canHaveLocks else { return giveUp(.refused(.nameTooLong)) }
                do {
                    guard let site = try lockForRemoval(key, place, settings, sentinel) else { return giveUp(.locked) }
                    sites.append(site)
                } catch {
                    _ = giveUp(.locked)
                    throw error
                }
            }
            // Somebody may have removed it between our look and our lock.
            if try objects(key, settings).isEmpty { return giveUp(.absent) }
            let modes = FileModes(settings, paths)
            let note: RemovalNote?
            do { note = try RemovalNote.take(key, paths, modes) } catch {
                _ = giveUp(.locked)
                throw error
            }
            guard let note else { return giveUp(.locked) }
            return .ready(Removal(key, modes, sites, note))
        }
    }

    /// Every regular file that is in the place of an object of `key`, whatever its size.
    private func objects(_ key: Key, _ settings: StoreSettings) throws -> [(StoredObject, ObjectPlace)] {
        try paths.places(key, settings).compactMap { place in
            guard let status = try Files.status(place.object), status.kind == .regular else {
                return nil
            }
            return (StoredObject(path: place.object, status: status, settings), place)
        }
    }

    private func lockForRemoval(
        _ key: Key, _ place: ObjectPlace, _ settings: StoreSettings, _ sentinel: OpenFile?
    ) throws -> Removal.Site? {
        let modes = FileModes(settings, paths)
        return try KeyGate.of(place).enter(place) { ledger in
            if let sentinel {
                guard let lock = try lockObjectForRemoval(place, modes) else { return nil }
                return Removal.Site(place: place, lock: lock, sentinel: sentinel)
            }
            let retention = RetentionFile(place: place, paths: paths, modes: modes)
            if try retention.isActive(at: .now) { return nil }
            let lock = try LockFiles.take(.exclusive) { () throws -> OpenFile in
                try modes.withThawed(place.directory) { try modes.open(creating: place.lock, .readWrite) }
            }
            guard let lock else { return nil }
            // Again under the lock: a locker may have come and died in between (stock omits this).
            if try retention.isActive(at: .now) {
                _ = try? modes.withThawed(place.directory) { try Files.unlink(place.lock) }
                return nil
            }
            try retention.remove()
            return Removal.Site(place: place, lock: lock, sentinel: nil)
        }
    }

    /// Version 8 and 9: OBJ must be open for writing to be locked exclusively, so it is thawed for a moment.
    private func lockObjectForRemoval(_ place: ObjectPlace, _ modes: FileModes) throws -> OpenFile? {
        guard let before = try Files.status(place.object) else { return nil }
        if before.mode & 0o200 == 0 { try? Files.setMode(place.object, before.mode | 0o200) }
        defer { if before.mode & 0o200 == 0 { try? Files.setMode(place.object, before.mode) } }
        return try LockFiles.take(.exclusive) { () throws -> OpenFile in
            try OpenFile(place.object, .readWrite)
        }
    }
}
