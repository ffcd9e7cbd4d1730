import FileIO
import Glibc
import NIOCore
import SystemPackage

/// The file of a Unix socket on which we listen.
///
/// Two servers may want one path: after a restart, or by mistake. Each removes its own file only, and what is no socket
/// is never removed: a wrong path in the settings must not cost a device or a pipe.
struct SocketFile: Sendable {
    let path: FilePath
    private let identity: FileStatus

    /// Listens at a path where nothing is.
    ///
    /// NIO would do that as well, and would remove whatever is at the path in the end.
    /// - Returns: the file and the descriptor of the socket, which the caller closes.
    static func listen(_ path: FilePath, backlog: Int32) throws -> (descriptor: Int32, file: SocketFile) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TransportError(.badAddress, "open a socket: \(Errno(rawValue: errno))") }
        do {
            let address = try SocketAddress(unixDomainSocketPath: path.string)
            let isBound = address.withSockAddr { bind(descriptor, $0, socklen_t($1)) == 0 }
            guard isBound, Glibc.listen(descriptor, backlog) == 0 else {
                let errno = Errno(rawValue: errno)
                if errno == .addressInUse { throw inUse(path) }
                throw TransportError(.badAddress, "listen on unix:\(path): \(errno)")
            }
            guard let status = try Files.status(path, followLinks: false) else {
                throw TransportError(.badAddress, "listen on unix:\(path): somebody removed it at once")
            }
            return (descriptor, SocketFile(path: path, identity: status))
        } catch {
            _ = Glibc.close(descriptor)
            throw error
        }
    }

    private static func inUse(_ path: FilePath) -> TransportError {
        TransportError(.addressInUse, "listen on unix:\(path): another process listens there")
    }

    /// Removes the file, unless another server has put its own there.
    ///
    /// To be called while we still listen: that keeps the inode number of the file ours, and from when we do not, the
    /// file is a stale one, which a successor may replace.
    func remove() {
        guard let present = try? Files.status(path, followLinks: false) else { return }
        if present.isSameFile(as: identity) { _ = try? Files.unlink(path) }
    }

    /// Makes room for a socket: removes the file of a server that is gone.
    ///
    /// Throws ``TransportError`` when somebody listens, when what is there is no socket, or when it cannot be told.
    static func clearStale(_ path: FilePath) throws {
        guard let isOurKind = try isSocket(path) else { return }
        guard isOurKind else {
            throw TransportError(.badAddress, "listen on unix:\(path): something else than a socket is there")
        }
        // Not blocking, since a server that has stopped accepting would have us wait for as long as it lives.
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let probe = socket(AF_UNIX, kind, 0)
        guard probe >= 0 else { throw TransportError(.badAddress, "open a socket: \(Errno(rawValue: errno))") }
        defer { _ = Glibc.close(probe) }
        let address = try SocketAddress(unixDomainSocketPath: path.string)
        let answer = address.withSockAddr { pointer, size in
            connect(probe, pointer, socklen_t(size)) == 0 ? nil : Errno(rawValue: errno)
        }
        switch answer {
        case Errno.connectionRefused?: try Files.unlink(path)
        case Errno.noSuchFileOrDirectory?: return
        case nil, Errno.resourceTemporarilyUnavailable?: throw inUse(path)
        case let errno?: throw TransportError(.badAddress, "listen on unix:\(path): ask who listens there: \(errno)")
        }
    }

    /// Nil where nothing is. A connection to something else would be refused just as one to a stale socket.
    private static func isSocket(_ path: FilePath) throws -> Bool? {
        var status = stat()
        guard path.withPlatformString({ lstat($0, &status) }) == 0 else {
            if errno == ENOENT { return nil }
            throw TransportError(.badAddress, "listen on unix:\(path): \(Errno(rawValue: errno))")
        }
        return status.st_mode & S_IFMT == S_IFSOCK
    }
}
