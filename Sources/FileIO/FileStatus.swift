import Glibc

/// What `stat` says about a file.
public struct FileStatus: Sendable, Hashable {
    public enum Kind: Sendable, Hashable { case regular, directory, symbolicLink, other }

    public var kind: Kind
    public var device: UInt64
    public var inode: UInt64
    /// In bytes.
    public var size: UInt64
    /// Permission bits including setuid, setgid and sticky.
    public var mode: UInt32
    public var linkCount: UInt64
    public var owner: UInt32
    public var group: UInt32
    public var modified: Timestamp
    /// When anything about the file changed last, its name included (`st_ctim`); in seconds since 1970.
    public var changed: Int64

    /// A point in time as the file system keeps it.
    public struct Timestamp: Sendable, Hashable {
        public var seconds: Int64
        public var nanoseconds: Int64
    }

    /// Changes whenever the file is replaced or rewritten; used to notice that a cached reading is stale.
    public struct Version: Sendable, Hashable {
        public var device: UInt64
        public var inode: UInt64
        public var size: UInt64
        public var modified: Timestamp
    }

    public var version: Version { Version(device: device, inode: inode, size: size, modified: modified) }

    /// Whether both describe the same file on disk.
    public func isSameFile(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }

    init(_ raw: stat) {
        switch raw.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFDIR: kind = .directory
        case S_IFLNK: kind = .symbolicLink
        default: kind = .other
        }
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
        size = UInt64(max(0, raw.st_size))
        mode = raw.st_mode & 0o7777
        linkCount = UInt64(raw.st_nlink)
        owner = raw.st_uid
        group = raw.st_gid
        changed = Self.plausible(raw.st_ctim.tv_sec)
        modified = Timestamp(
            seconds: Self.plausible(raw.st_mtim.tv_sec), nanoseconds: Int64(raw.st_mtim.tv_nsec))
    }

    /// Some file systems keep times at the ends of 64 bits, to which whoever owns a file may set it. Nearer times leave
    /// room to reckon with.
    private static func plausible(_ seconds: Int) -> Int64 { max(-(1 << 53), min(1 << 53, Int64(seconds))) }
}
