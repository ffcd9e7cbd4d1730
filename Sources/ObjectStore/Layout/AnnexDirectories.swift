public import FileIO
internal import Glibc
internal import SystemPackage

extension ObjectStore {
    /// Makes what a fresh repository needs under `annex/`: the objects directory and the sentinel file (spec 01 §3.2).
    ///
    /// Harmless where these exist. Configuration and the git-annex branch are made elsewhere.
    public func createAnnexDirectories() throws(ObjectStoreError) {
        try reporting {
            let modes = FileModes(try settings(), paths)
            try modes.createDirectories(paths.objects)
            if try Files.status(paths.sentinel) == nil { try paths.createSentinel(modes) }
        }
    }

    /// Opens a file of the host's own, below `annexd/` in the git directory, for reading and writing. It is created
    /// where it is missing, for all who share the repository.
    public func openHostFile(_ name: String) throws(ObjectStoreError) -> OpenFile {
        try reporting {
            let modes = FileModes(try settings(), paths)
            let folder = paths.gitDirectory.appending("annexd")
            try modes.createDirectories(folder)
            return try modes.open(creating: folder.appending(name), .readWrite)
        }
    }
}

extension StorePaths {
    /// Creates the sentinel file and the record of its inode, by which the stock program notices that a repository was
    /// copied to another disk.
    func createSentinel(_ modes: FileModes) throws {
        let file = try modes.open(creating: sentinel, .readWrite)
        // How stock writes a fraction with leading zeros is unknown; this one has none, nor trailing ones.
        let seconds = RetentionTime.now.seconds
        let times = [
            timespec(tv_sec: time_t(seconds), tv_nsec: 0), timespec(tv_sec: time_t(seconds), tv_nsec: 123_456_789),
        ]
        _ = futimens(file.descriptor, times)
        let status = try file.status()
        var text = "\(status.inode) 0 \(status.modified.seconds)"
        if status.modified.nanoseconds != 0 {
            var fraction = String(status.modified.nanoseconds)
            while fraction.hasSuffix("0") { fraction.removeLast() }
            text += " \(fraction)"
        }
        let cache = try modes.open(creating: sentinelCache, [.writeOnly, .truncate])
        try cache.write(Array(text.utf8), at: 0)
    }
}
