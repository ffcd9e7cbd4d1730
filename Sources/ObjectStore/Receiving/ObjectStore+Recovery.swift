public import AnnexProtocol
internal import FileIO
internal import SystemPackage

/// Cleaning up after a process that was killed. Partial content stays: clients resume from it.
extension ObjectStore {
    /// The keys whose content is here, and came by an upload that ended before its lock and info files were removed:
    /// the location log may lack them. Ask before ``cleanUpTransfers()``.
    public func interruptedUploads() throws(ObjectStoreError) -> [Key] {
        try reporting {
            let settings = try settings()
            return try infoFiles().compactMap { file in
                guard let key = try? Key(fileName: file.name), try find(key, settings) != nil else { return nil }
                return key
            }
        }
    }

    /// Removes the lock and info files of uploads that nobody is making any more, and temporary files of our own. What
    /// is being used is left alone, and so are those of `kept` keys, whose content is not logged yet.
    public func cleanUpTransfers(besides kept: Set<Key> = []) throws(ObjectStoreError) {
        try reporting {
            let settings = try settings()
            guard settings.allowsChanges else { return }
            try removeTemporaryFiles(FileModes(settings, paths))
            for file in try infoFiles() where (try? Key(fileName: file.name)).map(kept.contains) != true {
                try TransferSlot.removeAbandoned(file.name, of: file.directory, paths)
            }
            try removeLocksWithoutTransfer(besides: kept)
        }
    }

    /// A crash before the info file was made, or after it was removed, leaves lock files alone.
    private func removeLocksWithoutTransfer(besides kept: Set<Key>) throws {
        for folder in try Files.list(paths.downloads) {
            let directory = paths.downloads.appending(bytes: folder)
            for file in try Files.list(directory) where file.starts(with: TransferSlot.lockPrefix) {
                let name = Array(file.dropFirst(TransferSlot.lockPrefix.count))
                if (try? Key(fileName: name)).map(kept.contains) == true { continue }
                if try Files.exists(directory.appending(bytes: name)) { continue }
                let path = directory.appending(bytes: file)
                let lock = try LockFiles.take(.exclusive) { () throws -> OpenFile in
                    try OpenFile(path, .readWrite)
                }
                if let lock { TransferSlot.free([lock]) }
            }
        }
    }

    private func infoFiles() throws -> [(directory: ConfinedPath, name: [UInt8])] {
        try Files.list(paths.downloads).filter { $0 != Array("lck".utf8) }.flatMap { client in
            let directory = paths.downloads.appending(bytes: client)
            return try Files.list(directory).filter { !$0.starts(with: TransferSlot.lockPrefix) }
                .map { (directory, $0) }
        }
    }

    /// Retention files are written by way of `othertmp/`. Nobody is writing one while its lock can be had exclusively.
    private func removeTemporaryFiles(_ modes: FileModes) throws {
        let names = try Files.list(paths.otherTemporary).filter { $0.starts(with: RetentionFile.temporaryPrefix) }
        guard !names.isEmpty else { return }
        let guardian = try modes.open(creating: paths.otherTemporaryLock, .readWrite)
        guard try guardian.tryLock(.exclusive) else { return }
        defer { withExtendedLifetime(guardian) {} }
        for name in names { try Files.unlink(paths.otherTemporary.appending(bytes: name)) }
    }
}

extension TransferSlot {
    /// Removes the info file `name` in a client's folder and both lock files, unless somebody holds one of them. The
    /// locks are taken meanwhile, as a receiver does.
    static func removeAbandoned(_ name: [UInt8], of directory: ConfinedPath, _ paths: StorePaths) throws {
        var locks: [OpenFile] = []
        for parent in [paths.downloads.appending("lck"), directory] {
            let path = parent.appending(bytes: lockPrefix + name)
            guard try Files.exists(path) else { continue }
            let lock = try LockFiles.take(.exclusive) { () throws -> OpenFile in
                try OpenFile(path, .readWrite)
            }
            guard let lock else { return free(locks) }
            locks.append(lock)
        }
        try Files.unlink(directory.appending(bytes: name))
        free(locks)
    }
}
