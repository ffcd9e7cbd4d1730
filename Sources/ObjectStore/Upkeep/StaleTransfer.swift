internal import FileIO
internal import SystemPackage

/// What a transfer left in `annex/transfer` when its process died (spec 01 §3.5).
public struct StaleTransfer: Sendable, Hashable {
    /// Below `annex/transfer`, such as `download/UUID/KEY`.
    public var path: [UInt8]
    /// When it was last touched, in seconds since 1970.
    public var modified: Int64
    fileprivate var file: ConfinedPath
    /// The lock files of the transfer.
    fileprivate var locks: [ConfinedPath]

    private static let lockPrefix = Array("lck.".utf8)

    /// Whether somebody holds this lock file.
    static func isHeld(_ lock: ConfinedPath) throws -> Bool {
        do {
            return try OpenFile(lock, .readOnly).wouldBlock(.exclusive)
        } catch {
            if error.isMissing { return false }
            throw error
        }
    }

    fileprivate static func find(in transfers: ConfinedPath) throws -> [StaleTransfer] {
        var result: [StaleTransfer] = []
        // `failed` holds what the stock program tries again later.
        for direction in ["download", "upload"] {
            let folder = transfers.appending(direction)
            for client in try Files.list(folder) {
                let directory = folder.appending(bytes: client)
                for name in try Files.list(directory) {
                    let file = directory.appending(bytes: name)
                    guard let status = try Files.status(file), status.kind == .regular else {
                        continue
                    }
                    let lockName = name.starts(with: lockPrefix) ? name : lockPrefix + name
                    let locks = [folder.appending("lck"), directory].map { $0.appending(bytes: lockName) }
                    if try locks.contains(where: isHeld) { continue }
                    let path = Array(direction.utf8) + [47] + client + [47] + name
                    result.append(
                        StaleTransfer(path: path, modified: status.modified.seconds, file: file, locks: locks))
                }
            }
        }
        return result
    }

    /// Takes the locks as a transfer would, so that none can begin meanwhile; false when one has begun.
    fileprivate func remove() throws -> Bool {
        var held: [OpenFile] = []
        // Under their locks, and each once: whoever comes then makes new ones.
        defer { for lock in held { _ = try? lock.unlink() } }
        for lock in locks {
            guard try Files.exists(lock.removingLastComponent()) else { continue }
            // Made where it is missing, or a transfer could begin after the look.
            let taken = try LockFiles.take(.exclusive) { () throws -> OpenFile in
                try OpenFile(lock, [.readWrite, .create])
            }
            guard let taken else { return false }
            held.append(taken)
        }
        if !locks.contains(file) { try Files.unlink(file) }
        return true
    }
}

extension ObjectStore {
    /// Info and lock files of transfers whose process is gone. Blocking.
    public func staleTransfers() throws(ObjectStoreError) -> [StaleTransfer] {
        try reporting { try StaleTransfer.find(in: paths.annex.appending("transfer")) }
    }

    /// Removes what a dead transfer left; answers false where another one has begun. Blocking.
    public func remove(_ transfer: StaleTransfer) throws(ObjectStoreError) -> Bool {
        try reporting { try transfer.remove() }
    }
}
