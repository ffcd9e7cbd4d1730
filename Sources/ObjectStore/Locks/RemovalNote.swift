public import AnnexProtocol
internal import FileIO
internal import Synchronization
internal import SystemPackage

/// `annexd/removing/KEY`: says that the location log may claim content that is not here any more. It is there before
/// the object goes and until the log says so, and locked by whoever removes.
///
/// Nothing waits for the disk: what a power cut takes away of it, it also takes away of the removal, which came later.
final class RemovalNote: Sendable {
    private let path: ConfinedPath
    private let file: OpenFile

    fileprivate init(path: ConfinedPath, file: OpenFile) {
        self.path = path
        self.file = file
    }

    /// Nil where somebody has one that is locked.
    static func take(_ key: Key, _ paths: StorePaths, _ modes: FileModes) throws -> RemovalNote? {
        let path = paths.removals.appending(bytes: key.fileName)
        let file = try LockFiles.take(.exclusive) { () throws -> OpenFile in
            do {
                return try modes.open(creating: path, .readWrite)
            } catch let error as FileError where error.isMissing {
                try modes.createDirectories(paths.removals)
                return try modes.open(creating: path, .readWrite)
            }
        }
        return file.map { RemovalNote(path: path, file: $0) }
    }

    /// That of a process that was killed; nil where it is in use, or gone.
    fileprivate static func takeAbandoned(_ path: ConfinedPath) throws -> RemovalNote? {
        let file = try LockFiles.take(.exclusive) { () throws -> OpenFile in
            try OpenFile(path, .readWrite)
        }
        return file.map { RemovalNote(path: path, file: $0) }
    }

    /// Leaves the note to the next start.
    func release() { try? file.unlock() }

    /// Takes the note away: nothing is left to be logged.
    func discard() throws {
        try Files.unlink(path)
        try file.unlock()
    }
}

/// A removal that a crash may have ended between the object and its log. Locked against other removals.
public final class InterruptedRemoval: Sendable {
    public let key: Key
    private let note: RemovalNote

    fileprivate init(_ key: Key, _ note: RemovalNote) {
        self.key = key
        self.note = note
    }

    /// Call when the log tells the truth about the key.
    public func finish() throws(ObjectStoreError) { try reporting { try note.discard() } }

    /// Leaves it to the next start, unless it is finished.
    public func release() { note.release() }
}

extension ObjectStore {
    /// The removals that ended before their location log was written, or may have.
    public func interruptedRemovals() throws(ObjectStoreError) -> [InterruptedRemoval] {
        try reporting {
            guard try settings().allowsChanges else { return [] }
            return try Files.list(paths.removals).compactMap { name in
                guard let key = try? Key(fileName: name),
                    let note = try RemovalNote.takeAbandoned(paths.removals.appending(bytes: name))
                else { return nil }
                return InterruptedRemoval(key, note)
            }
        }
    }
}
