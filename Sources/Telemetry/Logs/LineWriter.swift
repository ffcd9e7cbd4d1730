import Glibc
import Synchronization

/// Writes lines to a descriptor that somebody else may have stopped reading.
///
/// The log must not hold up the service: whoever collects it may be stuck, and every request writes a line. So a line
/// for which there is no room within a tenth of a second is dropped, and those after it at once, until there is room
/// again.
///
/// The descriptor stays blocking, since that belongs to the file and not to us: others may share it. A pipe, socket or
/// file that `poll` calls writable takes a piece of 4096 bytes (`PIPE_BUF`) without waiting.
final class LineWriter: Sendable {
    private struct State {
        /// Whether the last try found no room.
        var isStuck = false
        /// Whether the last line that was begun did not get its end.
        var isTorn = false
        var dropped = 0
    }

    private let descriptor: CInt
    /// Keeps lines of several threads from mixing where one takes more than one `write`.
    private let state = Mutex(State())

    private static let pieceSize = 4096
    private static let patience: CInt = 100

    init(_ descriptor: CInt) { self.descriptor = descriptor }

    /// - Parameter line: makes the line, with the number of those that were dropped before it.
    func write(_ line: (_ dropped: Int) -> String) {
        // Outside of the lock, since hardly ever anything was dropped.
        let usual = line(0)
        state.withLock { state in
            guard hasRoom(&state) else {
                state.dropped += 1
                return
            }
            var text = state.dropped > 0 ? line(state.dropped) : usual
            if state.isTorn { text = "\n" + text }
            text.withUTF8 { bytes in
                switch write(UnsafeRawBufferPointer(bytes), &state) {
                case bytes.count: (state.isTorn, state.dropped) = (false, 0)
                case 0: state.dropped += 1
                default: (state.isTorn, state.dropped) = (true, state.dropped + 1)
                }
            }
        }
    }

    /// - Returns: how many bytes were taken; the first piece finds room.
    private func write(_ bytes: UnsafeRawBufferPointer, _ state: inout State) -> Int {
        var done = 0
        while done < bytes.count {
            let piece = UnsafeRawBufferPointer(rebasing: bytes[done..<min(bytes.count, done + Self.pieceSize)])
            let count = Glibc.write(descriptor, piece.baseAddress, piece.count)
            if count < 0, errno == EINTR { continue }
            if count > 0 { done += count } else if errno != EAGAIN { return done }
            if done < bytes.count, !hasRoom(&state) { return done }
        }
        return done
    }

    /// Waits a little where the last try found room.
    private func hasRoom(_ state: inout State) -> Bool {
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        // An error or a hangup is an answer too: the write fails at once then.
        state.isStuck = poll(&wait, 1, state.isStuck ? 0 : Self.patience) <= 0
        return !state.isStuck
    }
}
