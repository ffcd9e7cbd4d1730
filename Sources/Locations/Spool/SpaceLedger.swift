import FileIO
import Synchronization
public import SystemPackage

/// Who has been promised how much of the free space of each disk, so that what is spooled at one time fits together.
public final class SpaceLedger: Sendable {
    /// Space on a disk that nobody else is promised, until it is used or the value goes away.
    public final class Reservation: Sendable {
        private let ledger: SpaceLedger
        private let device: UInt64
        private let left: Mutex<UInt64>

        fileprivate init(_ ledger: SpaceLedger, _ device: UInt64, _ bytes: UInt64) {
            self.ledger = ledger
            self.device = device
            left = Mutex(bytes)
        }

        /// In bytes.
        public var unused: UInt64 { left.withLock { $0 } }

        /// So many bytes were written: the disk itself shows that they are taken.
        public func use(_ bytes: UInt64) { give(back: bytes) }

        public func release() { give(back: .max) }

        deinit { release() }

        private func give(back bytes: UInt64) {
            let given = left.withLock { left in
                let given = min(left, bytes)
                left -= given
                return given
            }
            ledger.forget(given, on: device)
        }
    }

    private let promised = Mutex<[UInt64: UInt64]>([:])
    private let freeSpace: @Sendable (FilePath) throws -> UInt64

    public convenience init() { self.init { path throws in try Files.freeSpace(at: path) } }

    /// - Parameter freeSpace: the bytes that are free at a path; other than the disk's own only in tests. Blocking.
    init(freeSpace: @escaping @Sendable (FilePath) throws -> UInt64) { self.freeSpace = freeSpace }

    /// Promises space on the disk of an existing folder. Blocking.
    ///
    /// Throws ``LocationError`` with the code `full`, and how much is missing.
    /// - Parameter reserve: bytes that are to stay free.
    public func reserve(_ bytes: UInt64, at folder: FilePath, keeping reserve: UInt64 = 0) throws -> Reservation {
        do {
            guard let device = try Files.status(folder)?.device else {
                throw LocationError(.failed, "there is no folder to spool in")
            }
            // Both under the lock, or two could be promised the same space.
            try promised.withLock { promised in
                let free = try freeSpace(folder)
                let others = promised[device] ?? 0
                let need = Int128(bytes) + Int128(reserve) + Int128(others) - Int128(free)
                if need > 0 {
                    let missing = UInt64(clamping: need)
                    throw LocationError(.full, "Not enough space to pass content on", missingBytes: missing)
                }
                promised[device] = others + bytes
            }
            return Reservation(self, device, bytes)
        } catch let error as FileError {
            throw LocationError(error)
        }
    }

    /// In bytes, on all disks.
    public var promisedBytes: UInt64 { promised.withLock { $0.values.reduce(0, +) } }

    fileprivate func forget(_ bytes: UInt64, on device: UInt64) {
        if bytes == 0 { return }
        promised.withLock { promised in
            let left = (promised[device] ?? 0) - bytes
            promised[device] = left == 0 ? nil : left
        }
    }
}
