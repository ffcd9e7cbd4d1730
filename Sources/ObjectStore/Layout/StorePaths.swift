internal import AnnexProtocol
internal import FileIO
internal import SystemPackage

/// Where everything of the object store is (spec 01 §2, §3.1).
struct StorePaths: Sendable {
    let gitDirectory: ConfinedPath
    let annex: ConfinedPath
    let objects: ConfinedPath
    let temporary: ConfinedPath
    let otherTemporary: ConfinedPath
    let otherTemporaryLock: ConfinedPath
    // The odd spelling is git-annex's own.
    let sentinel: ConfinedPath
    let sentinelCache: ConfinedPath
    let downloads: ConfinedPath
    /// Our own: see ``RemovalNote``.
    let removals: ConfinedPath
    /// Our own: see ``PartialFiles``.
    let partials: ConfinedPath

    init(gitDirectory folder: FilePath) {
        gitDirectory = ConfinedPath(folder)
        annex = gitDirectory.appending("annex")
        objects = annex.appending("objects")
        temporary = annex.appending("tmp")
        otherTemporary = annex.appending("othertmp")
        otherTemporaryLock = annex.appending("othertmp.lck")
        sentinel = annex.appending("sentinal")
        sentinelCache = annex.appending("sentinal.cache")
        downloads = annex.appending("transfer").appending("download")
        removals = gitDirectory.appending("annexd").appending("removing")
        partials = gitDirectory.appending("annexd").appending("partial")
    }

    /// The partial content of a key that is being received, where all senders share it: see ``PartialFiles``.
    func partial(_ key: Key) -> ConfinedPath { temporary.appending(bytes: key.fileName) }

    /// The scratch directory that belongs to the partial content.
    func work(_ key: Key) -> ConfinedPath { temporary.appending(bytes: Array("work.".utf8) + key.fileName) }

    /// The places where an object may be, in the order of reading; computed one by one, as the first mostly has it.
    func places(_ key: Key, _ settings: StoreSettings) -> some Sequence<ObjectPlace> {
        let directories = HashDirectories(of: key)
        let fileName = key.fileName
        let isLowerFirst = prefersLower(settings)
        return [true, false].lazy.map { isFirst in
            place(fileName, directories, isLower: isFirst == isLowerFirst, settings)
        }
    }

    /// The place where a new object goes: the first of ``places(_:_:)``.
    func newPlace(_ key: Key, _ settings: StoreSettings) -> ObjectPlace {
        place(key.fileName, HashDirectories(of: key), isLower: prefersLower(settings), settings)
    }

    private func prefersLower(_ settings: StoreSettings) -> Bool {
        settings.isBare || settings.crippledWithoutSymlinks || settings.objectHashLower
    }

    private func place(
        _ fileName: [UInt8], _ directories: HashDirectories, isLower: Bool, _ settings: StoreSettings
    ) -> ObjectPlace {
        let levels: HashDirectories.Levels = settings.objectHash1 ? .one : .two
        let names = isLower ? directories.lower(levels: levels) : directories.mixed(levels: levels)
        return ObjectPlace(objects: objects, hashDirectories: names, fileName: fileName)
    }
}

/// One of the places where the object of a key may be: KEYDIR, OBJ and the lock files beside it.
struct ObjectPlace: Sendable, Hashable {
    private let objects: ConfinedPath
    private let hashDirectories: [[UInt8]]
    private let fileName: [UInt8]
    /// The OBJ. The other paths are needed less often, and made when they are.
    let object: ConfinedPath

    init(objects: ConfinedPath, hashDirectories: [[UInt8]], fileName: [UInt8]) {
        self.objects = objects
        self.hashDirectories = hashDirectories
        self.fileName = fileName
        object = objects.appending(bytes: Self.join(hashDirectories + [fileName, fileName]))
    }

    /// The KEYDIR.
    var directory: ConfinedPath { objects.appending(bytes: Self.join(hashDirectories + [fileName])) }

    /// `objects/` and the hash directories, outermost first.
    var parents: [ConfinedPath] {
        [objects] + hashDirectories.indices.map { objects.appending(bytes: Self.join(hashDirectories[...$0])) }
    }

    /// The same place in a repository whose folder has moved.
    func moved(to paths: StorePaths) -> ObjectPlace {
        ObjectPlace(objects: paths.objects, hashDirectories: hashDirectories, fileName: fileName)
    }

    /// The git directory above the lock file of this place when that is at `path` now; nil where it is not the same
    /// place.
    func gitDirectory(ofLock path: FilePath, before paths: StorePaths) -> FilePath? {
        let (lock, before) = (lock.path.bytes, paths.gitDirectory.path.bytes)
        let rest = lock.dropFirst(before.count)
        guard lock.starts(with: before), path.bytes.count > rest.count,
            path.bytes.suffix(rest.count).elementsEqual(rest)
        else { return nil }
        return FilePath(bytes: path.bytes.dropLast(rest.count))
    }

    private static func join(_ names: some Sequence<[UInt8]>) -> [UInt8] {
        Array(names.joined(separator: [UInt8(ascii: "/")]))
    }

    var lock: ConfinedPath { sibling(".lck") }
    var retention: ConfinedPath { sibling(".rtm") }
    var retentionLock: ConfinedPath { sibling(".rtl") }

    /// Whether the names of the lock files fit into a directory entry.
    var canHaveLocks: Bool { fileName.count + 4 <= Key.maximumFileNameLength }

    private func sibling(_ suffix: String) -> ConfinedPath { directory.appending(bytes: fileName + Array(suffix.utf8)) }

    /// Removes KEYDIR and the hash directories above it as far as they are empty; `objects/` stays.
    func removeEmptyDirectories() {
        for path in [directory] + parents.dropFirst().reversed() { _ = try? Files.removeEmptyDirectory(path) }
    }

    /// Waits until the entries of KEYDIR and of every directory above it, `objects/` included, are on stable storage.
    ///
    /// All of them, since another thread may have made one of them a moment ago without having come to this step.
    /// A directory that is missing was taken away by a removal that came after us, and needs nothing.
    func synchronizeDirectories() throws(FileError) {
        for path in [directory] + parents.reversed() {
            do { try Files.synchronizeDirectory(path) } catch { if !error.isMissing { throw error } }
        }
    }
}
