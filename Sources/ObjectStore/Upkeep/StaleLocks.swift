public import AnnexProtocol
internal import FileIO
internal import SystemPackage

/// Lock files that a crash left beside objects (spec 01 §3.4). They do no harm but to the eye, and a `.rtm` that has
/// not passed yet is not among them.
extension ObjectStore {
    /// When the youngest of the stale lock files of a place was touched; nil where there are none, or they are in use.
    func staleLocks(_ place: ObjectPlace, _ settings: StoreSettings) throws -> Int64? {
        var newest: Int64?
        for path in [place.lock, place.retention, place.retentionLock] {
            guard let status = try Files.status(path), status.kind == .regular else { continue }
            newest = max(newest ?? .min, status.modified.seconds)
        }
        guard newest != nil, try !isProtected(place, settings) else { return nil }
        return newest
    }

    private func isProtected(_ place: ObjectPlace, _ settings: StoreSettings) throws -> Bool {
        let retention = RetentionFile(place: place, paths: paths, modes: FileModes(settings, paths))
        if try retention.isActive(at: .now) { return true }
        return try isLocked(place)
    }

    private func isLocked(_ place: ObjectPlace) throws -> Bool {
        do {
            return try OpenFile(place.lock, .readOnly).wouldBlock(.exclusive)
        } catch {
            if error.isMissing { return false }
            throw error
        }
    }

    /// Whether somebody is receiving, removing or locking the content of a key right now: what the disk and the log say
    /// about it may differ for a moment. Blocking.
    public func isBusy(_ key: Key) throws(ObjectStoreError) -> Bool {
        try reporting {
            for place in paths.places(key, try settings()) where try isLocked(place) { return true }
            return try StaleTransfer.isHeld(
                paths.downloads.appending("lck").appending(bytes: Array("lck.".utf8) + key.fileName))
        }
    }

    /// Removes the stale lock files of a key, under the lock that they are for; answers false where they are in use
    /// again.
    public func removeStaleLocks(_ key: Key) throws(ObjectStoreError) -> Bool {
        try reporting {
            let settings = try settings()
            guard settings.allowsChanges, settings.usesLockFiles else { return false }
            let modes = FileModes(settings, paths)
            var removed = false
            for place in paths.places(key, settings) where try Files.exists(place.directory) && place.canHaveLocks {
                guard try staleLocks(place, settings) != nil else { continue }
                try KeyGate.of(place).enter(place) { _ in
                    let lock = try LockFiles.take(.exclusive) { () throws -> OpenFile in
                        try modes.withThawed(place.directory) { try modes.open(creating: place.lock, .readWrite) }
                    }
                    guard let lock else { return }
                    defer { withExtendedLifetime(lock) {} }
                    let retention = RetentionFile(place: place, paths: paths, modes: modes)
                    if try !retention.isActive(at: .now) {
                        try retention.remove()
                        removed = true
                    }
                    try modes.withThawed(place.directory) { _ = try Files.unlink(place.lock) }
                    // Succeeds only where the content is gone.
                    place.removeEmptyDirectories()
                }
            }
            return removed
        }
    }
}
