import Glibc
import Synchronization
import SystemPackage
import Telemetry

/// The three descriptors that every process is given, and what becomes of them here.
enum StandardDescriptors {
    /// Opens those that we were started without.
    ///
    /// Otherwise the next file or socket that is opened gets their number, and what is meant for people is written into
    /// it. What is opened here fails each use the wrong way round, so that nobody takes lost results for printed ones.
    static func fill() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            let opened = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
            // The lowest number that is free is the one that we miss.
            guard opened == descriptor || open("/", O_RDONLY | O_DIRECTORY) == descriptor else { Glibc.exit(1) }
        }
    }
}

/// Results for whoever called us.
enum StandardOutput {
    private static let failure = Mutex<Errno?>(nil)

    /// Why not all of the results arrived; nil where they did, or where the reader has had enough.
    static var problem: String? {
        let errno = failure.withLock { $0 }
        return errno == .brokenPipe ? nil : errno.map { "the results could not be written: \($0)" }
    }

    /// Writes a line at once, also into a pipe. What goes wrong is remembered in ``problem``.
    static func print(_ line: String) {
        if let errno = writeLine(line, to: STDOUT_FILENO) { failure.withLock { $0 = errno } }
    }
}

/// Talk for people.
enum StandardError {
    /// Whether failures are told as JSON. Asked before the command line is parsed, since that may be what fails.
    static var isJSON: Bool { CommandLine.arguments.prefix { $0 != "--" }.contains("--json") }

    /// Tells why a command fails.
    static func report(_ message: String) {
        if isJSON {
            let report: JSONValue = ["error": .string(message)]
            print(report.text)
        } else {
            print("annexd: \(message)")
        }
    }

    /// Writes a line, or several; what came from outside in it cannot drive the terminal.
    static func print(_ line: String) {
        _ = writeLine(Quoting.terminal(line, keepsLineFeeds: true), to: STDERR_FILENO)
    }
}

/// - Returns: why it could not be written whole, or nil.
private func writeLine(_ line: String, to descriptor: CInt) -> Errno? {
    var text = line + "\n"
    return text.withUTF8 { bytes in
        var done = 0
        while done < bytes.count {
            let count = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
            if count >= 0 {
                done += count
            } else if errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&wait, 1, -1)
            } else if errno != EINTR {
                return Errno(rawValue: errno)
            }
        }
        return nil
    }
}
