import Blocking
import FileIO
import Glibc
import SystemPackage

extension Catalog {
    /// What a push may need before its first object is looked at, in bytes: locks, a quarantine, a commit that merges.
    static let smallestPush: UInt64 = 1 << 20

    /// Bytes that must become free at the root before a push is worth beginning; nil where there is room.
    public func spaceMissingForPush() async throws -> UInt64? {
        let path = root.path
        let shortage = services.reserve?.shortage ?? 0
        let free = try await services.pool.run { try Files.freeSpace(at: path) }
        let need = Self.smallestPush.addingSaturating(shortage)
        return free < need ? need - free : nil
    }

    /// Whether the root is on a read-only file system, where git would say no more than that it cannot make a folder.
    public func isReadOnly() async throws -> Bool {
        let path = root.path
        return try await services.pool.run { path.withPlatformString { access($0, W_OK) } != 0 && errno == EROFS }
    }
}
