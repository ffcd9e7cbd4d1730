internal import FileIO
internal import Glibc
internal import SystemPackage

/// Taking locks on files that others unlink when they are done.
enum LockFiles {
    /// Opens with `open` and takes the lock; nil when somebody holds a conflicting one, or the file is missing.
    ///
    /// A lock on a file that was unlinked meanwhile excludes nobody: the path must still name the locked file
    /// (the sane-lock check of spec 01 §3.4), and a new file is tried when it does not.
    static func take(_ kind: OpenFile.LockKind, _ open: () throws -> OpenFile) throws -> OpenFile? {
        for _ in 0..<10 {
            let file: OpenFile
            do {
                file = try open()
            } catch let error as FileError {
                if error.isMissing { return nil }
                throw error
            }
            guard try file.tryLock(kind) else { return nil }
            if try file.isStillLinked() { return file }
        }
        return nil
    }

    /// Takes a lock that others hold for moments; `attempt` answers nil where it could not be had. One who keeps it for
    /// many seconds is stopped or broken, and must not hold a thread of ours for ever: this throws then.
    static func takeSoon(_ path: ConfinedPath, _ attempt: () throws -> OpenFile?) throws -> OpenFile {
        for _ in 0..<500 {
            if let file = try attempt() { return file }
            usleep(10_000)
        }
        throw ObjectStoreError(code: .busy, message: "lock \"\(path)\": held by another process")
    }

    /// The shared lock on `annex/sentinal` that keeps the upgrade to version 10 out while content locks of version 8
    /// and 9 are held; nil when an upgrade is going on.
    static func takeSentinel(_ paths: StorePaths, _ modes: FileModes) throws -> OpenFile? {
        if try Files.status(paths.sentinel) == nil { try paths.createSentinel(modes) }
        return try take(.shared) { () throws -> OpenFile in try OpenFile(paths.sentinel, .readOnly) }
    }
}
