import Glibc
import Synchronization

/// Where finished log lines go.
public struct LogOutput: Sendable {
    /// Takes one whole line with its line feed. May be called from any thread.
    public var write: @Sendable (String) -> Void

    public init(write: @escaping @Sendable (String) -> Void) { self.write = write }

    /// Standard error, a whole line at a time. A line that cannot be written within a second is dropped: the log must
    /// not hold up the service.
    public static let standardError = LogOutput { line in
        standardErrorTurn.withLock { _ in writeAll(line, to: STDERR_FILENO) }
    }
}

/// Keeps lines of several threads from mixing where one takes more than one `write`.
private let standardErrorTurn = Mutex<Void>(())

private func writeAll(_ line: String, to descriptor: CInt) {
    var line = line
    line.withUTF8 { bytes in
        var rest = UnsafeRawBufferPointer(bytes)[...]
        while !rest.isEmpty {
            let count = writeOnce(descriptor, rest)
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0, errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&wait, 1, 1000) > 0 else { return }
            } else {
                return
            }
        }
    }
}

private func writeOnce(_ descriptor: CInt, _ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
    let buffer = UnsafeRawBufferPointer(rebasing: bytes)
    return write(descriptor, buffer.baseAddress, buffer.count)
}
