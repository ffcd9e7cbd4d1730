internal import FileIO
internal import SystemPackage

/// The permission bits of files and directories under `annex/` (spec 01 §3.3).
struct FileModes {
    private let sharing: SharedRepository
    private let sharesWritableObjects: Bool
    private let gitDirectory: ConfinedPath

    init(_ settings: StoreSettings, _ paths: StorePaths) {
        gitDirectory = paths.gitDirectory
        sharing = settings.sharing
        sharesWritableObjects = !settings.usesLockFiles && settings.sharing != .umask
    }

    private init(_ other: FileModes, _ gitDirectory: ConfinedPath) {
        sharing = other.sharing
        sharesWritableObjects = other.sharesWritableObjects
        self.gitDirectory = gitDirectory
    }

    /// The same modes for a repository whose folder has moved.
    func moved(to paths: StorePaths) -> FileModes { FileModes(self, paths.gitDirectory) }

    /// The mode to create files with; the umask still applies, ``file(_:)`` repairs what it took away.
    var newFile: UInt32 {
        if case .octal(let mode) = sharing { return mode }
        return 0o666
    }

    /// The mode to create directories with, before the umask.
    var newDirectory: UInt32 {
        if case .octal = sharing { return directory(0) & 0o777 }
        return 0o777
    }

    /// What a file that has the mode `current` should have.
    func file(_ current: UInt32) -> UInt32 {
        switch sharing {
        case .umask: current
        case .group: current | 0o660
        case .all: current | 0o664
        case .octal(let mode): mode
        }
    }

    func directory(_ current: UInt32) -> UInt32 {
        switch sharing {
        case .umask: return current
        case .group: return current | 0o770
        case .all: return current | 0o775
        case .octal(let mode):
            let withExecute = mode | (mode & 0o444) >> 2
            return mode & 0o060 != 0 ? withExecute | 0o2000 : withExecute
        }
    }

    /// The frozen mode of an object. Repositories of version 8 and 9 lock the object itself, which needs it writable.
    func content(_ current: UInt32) -> UInt32 {
        if sharesWritableObjects { return file(current) }
        switch sharing {
        case .umask: return current & ~0o222 | 0o400
        case .group: return (current | 0o440) & ~0o222
        case .all: return (current | 0o444) & ~0o222
        case .octal(let mode): return mode & ~0o222 | 0o400
        }
    }

    /// The frozen mode of a KEYDIR.
    func keyDirectory(_ current: UInt32) -> UInt32 {
        switch sharing {
        case .umask: current & ~0o222
        case .group, .all: directory(current)
        case .octal: directory(current) & ~0o200
        }
    }
}

extension FileModes {
    /// Creates a directory and its missing parents with the right modes; the git directory itself must exist, so that
    /// a late request does not bring back a part of a deleted repository.
    func createDirectories(_ path: ConfinedPath) throws(FileError) {
        do {
            try createDirectory(path)
        } catch  where error.code == .noSuchFileOrDirectory && path.removingLastComponent() != gitDirectory {
            try createDirectories(path.removingLastComponent())
            try createDirectory(path)
        }
    }

    private func createDirectory(_ path: ConfinedPath) throws(FileError) {
        guard try Files.createDirectory(path, mode: newDirectory), let status = try Files.status(path) else { return }
        let wanted = directory(status.mode)
        if wanted != status.mode { try? Files.setMode(path, wanted) }
    }

    /// Opens a file for our own use, creating it with the right mode where it is missing.
    func open(creating path: ConfinedPath, _ flags: OpenFile.Flags) throws(FileError) -> OpenFile {
        let file = try OpenFile(path, [flags, .create], mode: newFile)
        let mode = try file.status().mode
        // It may belong to another user of a shared repository, who then has set what is right.
        let wanted = self.file(mode)
        if wanted != mode { try? file.setMode(wanted) }
        return file
    }

    /// Runs `body` while the owner may write in a KEYDIR, and freezes it again in every case.
    func withThawed<Result>(_ keyDirectory: ConfinedPath, _ body: () throws -> Result) throws -> Result {
        guard let status = try Files.status(keyDirectory) else { return try body() }
        if status.mode & 0o200 == 0 { try? Files.setMode(keyDirectory, status.mode | 0o200) }
        defer { freeze(keyDirectory) }
        do {
            return try body()
        } catch let error as FileError {
            // Another process may have frozen the directory between our thaw and our work.
            guard error.code == .permissionDenied, let now = try Files.status(keyDirectory), now.mode & 0o200 == 0
            else {
                throw error
            }
            try Files.setMode(keyDirectory, now.mode | 0o200)
            return try body()
        }
    }

    /// Takes the write permission from a KEYDIR where the sharing mode says so; best effort.
    func freeze(_ keyDirectory: ConfinedPath) {
        guard let status = try? Files.status(keyDirectory) else { return }
        let wanted = self.keyDirectory(status.mode)
        if wanted != status.mode { try? Files.setMode(keyDirectory, wanted) }
    }
}
