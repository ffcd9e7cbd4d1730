import Synchronization
public import SystemPackage

/// Disk space that is held back in a preallocated file, and given up for work that must succeed on a full disk.
/// Blocking.
///
/// Without it a full disk could not be emptied: to remove content, its new location must be written first. The file is
/// made whole again by ``restore()``, as far as there is room; until then ``shortage`` tells how much it lacks.
///
/// Where the file system cannot allocate blocks in advance, zeros are written, which holds back space on those that do
/// not copy on write.
public final class SpaceReserve: Sendable {
    public let path: FilePath
    /// What the file should hold, in bytes.
    public let size: UInt64
    private let state: Mutex<State>

    private struct State {
        var held: UInt64
        /// Work that was told to try again with the space; it is not taken back under its feet.
        var borrowers = 0
        /// The file cannot be made at all: nobody need make room for it.
        var isUnusable = false
    }

    /// - Parameter size: in bytes; a reserve of none never helps. What an earlier process left of the file counts.
    public init(_ path: FilePath, size: UInt64) {
        self.path = path
        self.size = size
        let found = (try? Files.status(path, followLinks: false)) ?? nil
        state = Mutex(State(held: min(size, found?.size ?? 0)))
    }

    /// Bytes that should be left free so that the reserve can become whole.
    public var shortage: UInt64 { state.withLock { $0.isUnusable ? 0 : size - $0.held } }

    /// Gives the space up to somebody who met a full disk; pair it with ``endLoan()`` when the second try is over.
    ///
    /// Answers false where trying again is of no use: nothing was held, and nobody else has just been given it.
    public func lend() -> Bool {
        state.withLock { state in
            guard state.held > 0 || state.borrowers > 0 else { return false }
            if state.held > 0 {
                do {
                    try OpenFile(ConfinedPath(inParent: path), .writeOnly).truncate(to: 0)
                } catch {
                    return false
                }
                state.held = 0
            }
            state.borrowers += 1
            return true
        }
    }

    public func endLoan() { state.withLock { $0.borrowers -= 1 } }

    /// Takes as much of the missing space as there is, unless somebody is just using it.
    public func restore() throws(FileError) {
        do throws(FileError) {
            try state.withLock { state throws(FileError) in try restore(&state) }
        } catch {
            // Somebody else was faster with the space that was free a moment ago.
            if error.isOutOfSpace { return }
            state.withLock { $0.isUnusable = true }
            throw error
        }
    }

    private func restore(_ state: inout State) throws(FileError) {
        guard state.borrowers == 0, state.held < size, !state.isUnusable else { return }
        let free = try Files.freeSpace(at: path.removingLastComponent())
        // Whole blocks, and some more than none, or each second would bring a system call for nothing.
        let target = state.held + min(size - state.held, free) / Self.block * Self.block
        guard target > state.held else { return }
        let file = try OpenFile(ConfinedPath(inParent: path), [.readWrite, .create], mode: 0o600)
        do throws(FileError) {
            try hold(file, from: state.held, upTo: target)
        } catch {
            _ = try? file.truncate(to: state.held)
            throw error
        }
        state.held = target
    }

    private func hold(_ file: OpenFile, from start: UInt64, upTo end: UInt64) throws(FileError) {
        do {
            try file.allocate(upTo: end)
        } catch  where error.code == .notSupported || error.code == .notSupportedOnSocket {
            let zeros = [UInt8](repeating: 0, count: 1 << 20)
            var position = start
            while position < end {
                let count = min(UInt64(zeros.count), end - position)
                try file.write(Array(zeros[..<Int(count)]), at: position)
                position += count
            }
        }
    }

    private static let block: UInt64 = 4096
}
