import CLinux
import Glibc
import SystemPackage

/// Open-file-description locks (`fcntl(2)`, F_OFD_SETLK) on whole files.
///
/// They conflict with the classic record locks of the stock program, but belong to one descriptor: two requests of one
/// process exclude each other, and closing another descriptor of the file does not drop them (spec 01 §3.4).
extension OpenFile {
    public enum LockKind: Sendable {
        case shared, exclusive

        fileprivate var raw: Int16 { self == .shared ? Int16(F_RDLCK) : Int16(F_WRLCK) }
    }

    /// Takes the lock if nobody holds a conflicting one. Closing the file releases it.
    public func tryLock(_ kind: LockKind) throws(FileError) -> Bool {
        try injectFault("lock", path)
        if annexd_ofd_lock(descriptor, kind.raw, 0) == 0 { return true }
        let code = Errno(rawValue: errno)
        if code == .resourceTemporarilyUnavailable || code == .permissionDenied { return false }
        throw FileError(operation: "lock", path: path, code: code)
    }

    /// Waits for the lock. Closing the file releases it.
    public func lock(_ kind: LockKind) throws(FileError) {
        try attempt("lock", path) { annexd_ofd_lock(descriptor, kind.raw, 1) }
    }

    public func unlock() throws(FileError) {
        try attempt("unlock", path) { annexd_ofd_lock(descriptor, Int16(F_UNLCK), 0) }
    }

    /// Whether somebody else holds a lock that conflicts with `kind`.
    public func wouldBlock(_ kind: LockKind) throws(FileError) -> Bool {
        try attempt("test lock", path) { annexd_ofd_test(descriptor, kind.raw) } == 1
    }

    /// The process whose classic record lock conflicts with `kind`; nil when nothing conflicts, and for OFD locks,
    /// which belong to no process.
    public func conflictingProcess(_ kind: LockKind) throws(FileError) -> Int32? {
        let process = try attempt("test lock", path) { annexd_ofd_holder(descriptor, kind.raw) }
        return process > 0 ? process : nil
    }

    /// Whether the path still names this open file; lock files get unlinked, and a lock on an unlinked one is
    /// worthless.
    public func isStillLinked() throws(FileError) -> Bool {
        guard let current = try statusOfName else { return false }
        return current.isSameFile(as: try status())
    }
}
