internal import AnnexProtocol
internal import FileIO
internal import SystemPackage

/// Where everything of the object store is (spec 01 §2, §3.1).
struct StorePaths: Sendable {
    let gitDirectory: FilePath
    let annex: FilePath
    let objects: FilePath
    let temporary: FilePath
    let otherTemporary: FilePath
    let otherTemporaryLock: FilePath
    // The odd spelling is git-annex's own.
    let sentinel: FilePath
    let sentinelCache: FilePath
    let downloads: FilePath

    init(gitDirectory: FilePath) {
        self.gitDirectory = gitDirectory
        annex = gitDirectory.appending("annex")
        objects = annex.appending("objects")
        temporary = annex.appending("tmp")
        otherTemporary = annex.appending("othertmp")
        otherTemporaryLock = annex.appending("othertmp.lck")
        sentinel = annex.appending("sentinal")
        sentinelCache = annex.appending("sentinal.cache")
        downloads = annex.appending("transfer").appending("download")
    }

    /// The partial content of a key that is being received.
    func partial(_ key: Key) -> FilePath { temporary.appending(bytes: key.fileName) }

    /// The scratch directory that belongs to the partial content.
    func work(_ key: Key) -> FilePath { temporary.appending(bytes: Array("work.".utf8) + key.fileName) }

    /// The places where an object may be, in the order of reading.
    func places(_ key: Key, _ settings: StoreSettings) -> [ObjectPlace] {
        let directories = HashDirectories(of: key)
        let levels: HashDirectories.Levels = settings.objectHash1 ? .one : .two
        let lower = place(key, directories.lower(levels: levels))
        let mixed = place(key, directories.mixed(levels: levels))
        return prefersLower(settings) ? [lower, mixed] : [mixed, lower]
    }

    /// The place where a new object goes: the first of ``places(_:_:)``.
    func newPlace(_ key: Key, _ settings: StoreSettings) -> ObjectPlace {
        let directories = HashDirectories(of: key)
        let levels: HashDirectories.Levels = settings.objectHash1 ? .one : .two
        return place(
            key, prefersLower(settings) ? directories.lower(levels: levels) : directories.mixed(levels: levels))
    }

    private func prefersLower(_ settings: StoreSettings) -> Bool {
        settings.isBare || settings.crippledWithoutSymlinks || settings.objectHashLower
    }

    private func place(_ key: Key, _ hashDirectories: [[UInt8]]) -> ObjectPlace {
        var directory = objects
        var parents = [directory]
        for name in hashDirectories {
            directory = directory.appending(bytes: name)
            parents.append(directory)
        }
        return ObjectPlace(parents: parents, fileName: key.fileName)
    }
}

/// One of the places where the object of a key may be: KEYDIR, OBJ and the lock files beside it.
struct ObjectPlace: Sendable, Hashable {
    /// The KEYDIR.
    let directory: FilePath
    /// The OBJ.
    let object: FilePath
    /// `objects/` and the hash directories, outermost first.
    let parents: [FilePath]
    private let fileName: [UInt8]

    init(parents: [FilePath], fileName: [UInt8]) {
        self.parents = parents
        self.fileName = fileName
        directory = parents[parents.count - 1].appending(bytes: fileName)
        object = directory.appending(bytes: fileName)
    }

    var lock: FilePath { sibling(".lck") }
    var retention: FilePath { sibling(".rtm") }
    var retentionLock: FilePath { sibling(".rtl") }

    /// Whether the names of the lock files fit into a directory entry.
    var canHaveLocks: Bool { fileName.count + 4 <= Key.maximumFileNameLength }

    private func sibling(_ suffix: String) -> FilePath { directory.appending(bytes: fileName + Array(suffix.utf8)) }

    /// Removes KEYDIR and the hash directories above it as far as they are empty; `objects/` stays.
    func removeEmptyDirectories() {
        for path in [directory] + parents.dropFirst().reversed() { _ = try? Files.removeEmptyDirectory(path) }
    }

    /// Waits until the entries of KEYDIR and of every directory above it, `objects/` included, are on stable storage.
    ///
    /// All of them, since another thread may have made one of them a moment ago without having come to this step.
    func synchronizeDirectories() throws(FileError) {
        try Files.synchronizeDirectory(directory)
        for path in parents.reversed() { try Files.synchronizeDirectory(path) }
    }
}
