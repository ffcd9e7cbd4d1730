import Foundation

/// A file system in memory that is soon full. Mounting one needs root.
public final class SmallDisk {
    /// Where it is mounted.
    public let path: String

    /// Mounts `mebibytes` at the folder `name` of `scratch`; unmounted at the end.
    public init(in scratch: ScratchDirectory, as name: String, mebibytes: Int) throws {
        path = try scratch.makeDirectory(name)
        let mounted = path
        try Command(["mount", "-t", "tmpfs", "-o", "size=\(mebibytes)m", "tmpfs", mounted]).check()
        scratch.atEnd { _ = try? Command(["umount", "-l", mounted]).run() }
    }

    /// Whether this machine lets us mount one; found out by doing it.
    public static let isAvailable: Bool =
        (try? ScratchDirectory.with("mount") { scratch in
            _ = try SmallDisk(in: scratch, as: "disk", mebibytes: 1)
            return true
        }) ?? false

    /// Bytes that are free.
    public var free: Int {
        var info = statvfs()
        return statvfs(path, &info) == 0 ? Int(info.f_bavail * info.f_frsize) : 0
    }

    private var ballast: String { "\(path)/ballast" }

    /// Fills the disk but for `rest` bytes, with something that has nothing to do with the server.
    public func fill(leaving rest: Int = 0) throws {
        // Into a new file each time: growing one leaves the old blocks alone anyway.
        let name = "\(ballast)-\(UInt32.random(in: 0 ... .max))"
        let wanted = free - rest
        guard wanted > 0 else { return }
        _ = try Command(["dd", "if=/dev/zero", "of=\(name)", "bs=4096", "count=\(wanted / 4096)", "status=none"]).run()
    }

    /// Takes away what ``fill(leaving:)`` has put there.
    public func empty() throws {
        try Command(["sh", "-c", "rm -f \"$0\"-*", ballast]).check()
    }
}
