internal import AnnexProtocol
internal import FileIO
internal import SystemPackage

/// The right to receive one key: both transfer locks and the info file (spec 01 §3.5).
///
/// Used by one thread at a time.
struct TransferSlot {
    private let locks: [OpenFile]
    private let info: OpenFile?
    private let head: [UInt8]
    private let tail: [UInt8]
    private let step: UInt64
    private var reported: UInt64 = 0
    /// How it gets on; nil where no info file tells of it.
    private let pace: UploadPace?
    /// Whether an earlier upload left its info file, as it ended before the location log was written.
    private let isInherited: Bool

    static let lockPrefix = Array("lck.".utf8)

    /// Takes the locks, or answers nil when somebody holds one of them.
    init?(
        _ key: Key, client: [UInt8], associatedFile: [UInt8], _ paths: StorePaths, _ modes: FileModes
    ) throws {
        head = RetentionTime.now.bytes
        tail = [10] + associatedFile.map { $0 == 10 || $0 == 13 || $0 == 0 ? UInt8(ascii: "_") : $0 } + [10]
        // About one percent; in steps that are worth a system call.
        step = max((key.contentSize ?? 0) / 100, 102_400)

        let directory = paths.downloads.appending(bytes: TransferSlot.directoryName(client))
        var locks: [OpenFile] = []
        do {
            // In this order: the first is what excludes; the second is for older releases of git-annex.
            for parent in [paths.downloads.appending("lck"), directory] {
                let path = parent.appending(bytes: Self.lockPrefix + key.fileName)
                try modes.createDirectories(parent)
                let lock = try LockFiles.take(.exclusive) { () throws -> OpenFile in
                    try modes.open(creating: path, .readWrite)
                }
                guard let lock else {
                    Self.free(locks)
                    return nil
                }
                locks.append(lock)
            }
            // The info file of a key that is called `lck.…` would be the lock file of another key.
            if key.fileName.starts(with: Self.lockPrefix) {
                info = nil
                pace = nil
                isInherited = false
            } else {
                let path = directory.appending(bytes: key.fileName)
                isInherited = try Files.exists(path)
                let info = try modes.open(creating: path, [.writeOnly, .truncate])
                try info.write(head + tail, at: 0)
                self.info = info
                pace = UploadPace(of: path)
            }
        } catch {
            Self.free(locks)
            throw error
        }
        self.locks = locks
    }

    /// Tells others how many bytes of the content are here; writes only when about one percent was added.
    ///
    /// - Parameter count: how many of them came just now.
    mutating func report(_ bytes: UInt64, newly count: Int) {
        pace?.advance(by: UInt64(count))
        guard let info, bytes > reported, bytes - reported >= step else { return }
        reported = bytes
        // Only a hint for others: a failure must not fail the transfer.
        try? info.write(head + Array(" \(bytes)".utf8) + tail, at: 0)
    }

    /// Removes the info and lock files and frees the locks.
    ///
    /// - Parameter isSettled: whether the location log tells what there is; if not, the info file stays, for
    ///   ``ObjectStore/interruptedUploads()``.
    func release(isSettled: Bool) {
        pace?.end()
        if isSettled, let info { _ = try? info.unlink() }
        Self.free(locks)
    }

    /// Frees the locks before anything was stored.
    func giveUp() { release(isSettled: !isInherited) }

    static func free(_ locks: [OpenFile]) {
        for lock in locks { _ = try? lock.unlink() }
        for lock in locks { try? lock.unlock() }
    }

    /// The directory of a client: its UUID where that is harmless as a name, else a placeholder.
    ///
    /// Attack: `clientuuid=../../x` makes the stock program write elsewhere. `lck` is where the locks are.
    static func directoryName(_ client: [UInt8]) -> [UInt8] {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        let isHarmless =
            (1...64).contains(client.count) && isAlphanumeric(client[0])
            && client.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") } && client != Array("lck".utf8)
        return isHarmless ? client : Array("unknown-client".utf8)
    }
}

extension TransferSlot {
    /// Bytes that other downloads into this repository, by any process, still have to write. Those of our own clients
    /// count as far as they will get soon, see ``UploadPace``.
    static func outstandingBytes(besides key: Key, _ paths: StorePaths) throws -> UInt64 {
        var total: UInt64 = 0
        for client in try Files.list(paths.downloads) where client != Array("lck".utf8) {
            let directory = paths.downloads.appending(bytes: client)
            for name in try Files.list(directory) where !name.starts(with: lockPrefix) {
                guard let other = try? Key(fileName: name), other != key, let size = other.contentSize,
                    isRunning(directory.appending(bytes: lockPrefix + name))
                else { continue }
                let info = directory.appending(bytes: name)
                let done = (try? Files.read(info, limit: 65536)).flatMap { bytesDone($0) } ?? 0
                var left = size - min(size, done)
                if let pace = UploadPace.of(info) { left = min(left, pace.expected(at: .now)) }
                total = total.addingSaturating(left)
            }
        }
        return total
    }

    /// Info files of transfers that died stay behind; only a held lock makes them count.
    private static func isRunning(_ lock: ConfinedPath) -> Bool {
        guard let file = try? OpenFile(lock, .readOnly) else { return false }
        return (try? file.wouldBlock(.exclusive)) ?? false
    }

    /// The number in line 1 of an info file: `<start time>s[ <bytes complete>]`.
    static func bytesDone(_ info: [UInt8]) -> UInt64? {
        let words = info.prefix { $0 != 10 }.split(separator: 32)
        return words.count < 2 ? nil : UInt64(String(decoding: words[1], as: UTF8.self))
    }
}
