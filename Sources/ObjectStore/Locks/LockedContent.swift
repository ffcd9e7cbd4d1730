public import AnnexProtocol
internal import FileIO
internal import SystemPackage

/// Content that cannot be removed now, as the files beside it say.
public struct LockedContent: Sendable, Hashable {
    public var key: Key
    /// Until when removal is refused even if its holder has vanished; nil where that time has passed, and in
    /// repositories of version 8 and 9.
    public var retention: RetentionTime?
    /// Whether somebody holds the lock.
    public var isHeld: Bool
    /// The process that holds it, where the kernel tells: not for open-file-description locks, such as ours.
    public var process: Int32?
}

/// What became of an attempt to break a lock.
public enum LockBreaking: Sendable, Hashable {
    case notLocked
    /// Nothing protects the content any more.
    case broken
    /// A process holds the lock, and only its end would free it.
    case held(process: Int32?)
}

extension ObjectStore {
    /// Everything that is locked. Looks into the folder of every key, so it takes a while in a large repository.
    public func lockedContent() throws(ObjectStoreError) -> [LockedContent] {
        try reporting {
            let settings = try settings()
            var found: [LockedContent] = []
            try visitKeyDirectories(paths.objects, levels: settings.objectHash1 ? 1 : 2) { directory, name in
                guard let key = try? Key(fileName: name) else { return }
                let names = Set(try Files.list(directory))
                let marks = settings.usesLockFiles ? [".lck", ".rtm"] : [""]
                guard marks.contains(where: { names.contains(name + Array($0.utf8)) }) else { return }
                for place in paths.places(key, settings) where place.directory == directory {
                    if let locked = try examine(key, place, settings) { found.append(locked) }
                }
            }
            return found
        }
    }

    /// How the content of `key` is locked, or nil.
    public func lockedContent(of key: Key) throws(ObjectStoreError) -> LockedContent? {
        try reporting {
            let settings = try settings()
            for place in paths.places(key, settings) {
                if let locked = try examine(key, place, settings) { return locked }
            }
            return nil
        }
    }

    /// Takes away what protects the content of `key`, so that it may be removed at once.
    ///
    /// A client may count on that protection and drop its own copy, so this is for a person to decide.
    public func breakLock(on key: Key) throws(ObjectStoreError) -> LockBreaking {
        try reporting {
            let settings = try settings()
            let modes = FileModes(settings, paths)
            var result = LockBreaking.notLocked
            for place in paths.places(key, settings) {
                guard let locked = try examine(key, place, settings) else { continue }
                if locked.isHeld { return .held(process: locked.process) }
                let isBroken = try KeyGate.of(place).enter(place) { _ in
                    let lock = try LockFiles.take(.exclusive) { () throws -> OpenFile in
                        try modes.withThawed(place.directory) { try modes.open(creating: place.lock, .readWrite) }
                    }
                    guard let lock else { return false }
                    defer { withExtendedLifetime(lock) {} }
                    try RetentionFile(place: place, paths: paths, modes: modes).remove()
                    try modes.withThawed(place.directory) { _ = try Files.unlink(place.lock) }
                    return true
                }
                guard isBroken else { return .held(process: nil) }
                result = .broken
            }
            return result
        }
    }

    private func examine(_ key: Key, _ place: ObjectPlace, _ settings: StoreSettings) throws -> LockedContent? {
        let isPlain = !settings.usesLockFiles
        var locked = LockedContent(key: key, isHeld: false)
        if let file = try openForTest(isPlain ? place.object : place.lock) {
            locked.isHeld = try file.wouldBlock(.exclusive)
            if locked.isHeld { locked.process = try file.conflictingProcess(.exclusive) }
        }
        if !isPlain,
            let content = try RetentionFile(place: place, paths: paths, modes: FileModes(settings, paths)).read(),
            RetentionTime.now <= content.until
        {
            locked.retention = content.until
        }
        return locked.isHeld || locked.retention != nil ? locked : nil
    }

    private func openForTest(_ path: ConfinedPath) throws -> OpenFile? {
        do {
            return try OpenFile(path, .readOnly)
        } catch {
            if error.isMissing { return nil }
            throw error
        }
    }

    /// Calls `body` for every folder below `levels` levels of hash directories.
    private func visitKeyDirectories(
        _ folder: ConfinedPath, levels: Int, _ body: (_ directory: ConfinedPath, _ name: [UInt8]) throws -> Void
    ) throws {
        for name in try Files.list(folder) {
            let path = folder.appending(bytes: name)
            guard try Files.status(path)?.kind == .directory else { continue }
            if levels > 0 { try visitKeyDirectories(path, levels: levels - 1, body) } else { try body(path, name) }
        }
    }
}
