public import AnnexProtocol
public import FileIO
public import SystemPackage

/// The annex object store of one repository: which content is present, receiving, removing, locking.
///
/// All calls block and may be made from many threads at once. They work beside the stock program in one repository,
/// with the same locks (spec 01 §3, §4). Each operation asks for the settings and looks at the disk; all that is
/// remembered is which objects that people can edit in place were compared with their keys (``note(_:isGenuine:)``).
public final class ObjectStore: Sendable {
    /// The git directory: of a non-bare repository the `.git`, of a linked work tree that of the main one.
    public let gitDirectory: FilePath
    let paths: StorePaths
    private let verdicts = ContentVerdicts()
    private let currentSettings: @Sendable () throws -> StoreSettings

    /// - Parameter settings: answers the settings as they are now. It is called at the start of each operation, and
    ///   again where a lock must be held before `annex.version` can be trusted, so it must notice a changed config
    ///   file.
    public init(gitDirectory: FilePath, settings: @escaping @Sendable () throws -> StoreSettings) {
        self.gitDirectory = gitDirectory
        paths = StorePaths(gitDirectory: gitDirectory)
        currentSettings = settings
    }

    public convenience init(gitDirectory: FilePath, settings: StoreSettings) {
        self.init(gitDirectory: gitDirectory) { settings }
    }

    func settings() throws -> StoreSettings { try currentSettings() }

    /// The object of a key, or nil when its content is not here: a regular file that has the size the key tells, and
    /// that is not known to be something else (``note(_:isGenuine:)``).
    ///
    /// Content that is about to be removed counts as present until it is gone (spec 01 §4.1).
    public func find(_ key: Key) throws(ObjectStoreError) -> StoredObject? {
        try reporting { try find(key, settings())?.object }
    }

    func find(_ key: Key, _ settings: StoreSettings) throws -> (object: StoredObject, place: ObjectPlace)? {
        for place in paths.places(key, settings) {
            guard let status = try Files.status(place.object),
                let object = content(of: key, at: place, status, settings)
            else { continue }
            return (object, place)
        }
        return nil
    }

    /// The same, unless it is this one.
    func find(_ key: Key, _ settings: StoreSettings, besides version: FileStatus.Version?) throws -> StoredObject? {
        guard let object = try find(key, settings)?.object, object.status.version != version else { return nil }
        return object
    }

    /// Opens the content of a key for reading, or answers nil when it is not here.
    public func open(_ key: Key) throws(ObjectStoreError) -> OpenObject? {
        try reporting {
            let settings = try settings()
            for place in paths.places(key, settings) {
                let file: OpenFile
                do {
                    file = try OpenFile(place.object, .readOnly)
                } catch let error as FileError {
                    // A link, FIFO or device in the place of the object is no content.
                    if error.isMissing { continue }
                    if try Files.status(place.object)?.kind != .regular { continue }
                    throw error
                }
                guard let status = file.statusWhenOpened, let object = content(of: key, at: place, status, settings)
                else { continue }
                return OpenObject(file: file, object: object)
            }
            return nil
        }
    }

    /// How many bytes of a key were received from a client earlier, so that it may send the rest; 0 when none are of
    /// use.
    ///
    /// A pure read: creates nothing and takes no lock; during an upload it tells how far that is (spec 01 §6.5). What
    /// another client has sent does not count; what nobody has claimed counts where a digest will tell what it is.
    public func partialSize(_ key: Key, client: [UInt8]) throws(ObjectStoreError) -> UInt64 {
        try reporting {
            try partialStatus(PartialFiles(key, client: client, paths).chosen(), key).map(\.size) ?? 0
        }
    }

    /// The partial file, unless it is too large to be the start of the content.
    func partialStatus(_ file: ConfinedPath, _ key: Key) throws -> FileStatus? {
        guard let status = try Files.status(file), status.kind == .regular,
            status.size <= key.contentSize ?? .max,
            // A second name may be an object: writing here would change it.
            status.linkCount == 1
        else { return nil }
        return status
    }

    /// Takes note of how content that ``OpenObject/needsVerification`` compared with its key. What is not genuine is
    /// not there, for all operations, until the file changes: an upload replaces it.
    public func note(_ opened: OpenObject, isGenuine: Bool) {
        verdicts.note(opened.object.path, opened.object.status, isGenuine: isGenuine)
    }

    /// What is in a place, unless that is known not to be the content.
    func content(
        of key: Key, at place: ObjectPlace, _ status: FileStatus, _ settings: StoreSettings
    ) -> StoredObject? {
        guard Self.isContent(status, of: key) else { return nil }
        var object = StoredObject(path: place.object, status: status, settings)
        if object.needsVerification, let isGenuine = verdicts.isGenuine(object.path, status) {
            if !isGenuine { return nil }
            object.needsVerification = false
        }
        return object
    }

    static func isContent(_ status: FileStatus, of key: Key) -> Bool {
        status.kind == .regular && (key.contentSize ?? status.size) == status.size
    }
}

extension Key {
    /// The number of bytes that the content has, where the key tells it. Stock compares `-s` for chunk keys, too.
    var contentSize: UInt64? { size }
}

/// The object of a key as it was when it was looked for.
public struct StoredObject: Sendable, Hashable {
    /// For messages; whoever opens it by this follows links.
    public var path: FilePath
    public var status: FileStatus
    /// Whether somebody may have changed the content in place: only in a non-bare repository, where the object is
    /// writable, has a second name, or `annex.thin` is set, and it was not verified since. Verify it before it is
    /// served, and before anybody is told that it is here (spec 01 §3.6).
    public var needsVerification: Bool

    init(path: ConfinedPath, status: FileStatus, _ settings: StoreSettings) {
        self.path = path.path
        self.status = status
        // Objects of versions 8 and 9 keep their write bits in a shared repository, for the sake of locking.
        let mayBeWritable = !settings.usesLockFiles && settings.sharing != .umask
        let isWritable = status.mode & 0o222 != 0 && !mayBeWritable
        needsVerification = !settings.isBare && (settings.thin || status.linkCount > 1 || isWritable)
    }
}

/// Content that is open for reading. Closing happens when the last reference to ``file`` goes away.
public struct OpenObject: Sendable {
    public let file: OpenFile
    /// As the open descriptor had it; send exactly so many bytes.
    public let object: StoredObject

    /// In bytes.
    public var size: UInt64 { object.status.size }

    public var needsVerification: Bool { object.needsVerification }

    /// Whether the file is still as it was when it was opened; ask after the last byte was read (spec 01 §3.6, §6.4).
    public func isUnchanged() throws(ObjectStoreError) -> Bool {
        try reporting { try file.status().version == object.status.version }
    }
}
