import FileIO
import Glibc
import Hosting
import SystemPackage

/// The Unix socket below `<root>/.annexd/` through which commands speak to the running server.
///
/// Whoever may open it may do with the server what its own user may, so only that user can (mode 0600). It is reached
/// through a descriptor of its folder, since a socket's address has room for 107 bytes and a root folder's path may be
/// longer.
struct ControlSocket {
    let folder: FilePath

    static let name = "control"
    /// Bytes of one question or of one line of an answer's head; answers may be longer.
    static let maximumQuestion = 64 * 1024
    /// Seconds after which a connection is given up.
    static let patience = 60

    init(root: RootFolder) { folder = root.state }

    var path: FilePath { folder.appending(Self.name) }

    /// A connection to the server, or nil where none runs.
    ///
    /// Throws ``FileError`` where the socket is there and cannot be used, for example by another user, or where the
    /// server accepts nothing for `patience` seconds, which is also how long each use of the connection may wait.
    func connect(patience: Int = Self.patience) throws -> SocketDescriptor? {
        let directory: OpenFile
        do {
            directory = try OpenFile(folder, [.readOnly, .directory])
        } catch {
            if error.isMissing { return nil }
            throw error
        }
        let socket = try SocketDescriptor.open(path)
        // Connecting waits for room in the queue of a server that has stopped; this bounds that as well.
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(socket.descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let status = withAddress(in: directory, Self.name) { Glibc.connect(socket.descriptor, $0, $1) }
        if status == 0 { return socket }
        let code = Errno(rawValue: errno)
        if code == .noSuchFileOrDirectory || code == .connectionRefused { return nil }
        throw FileError(operation: "connect", path: path, code: code)
    }

    /// A listening socket of mode 0600 in the place of what a server that is gone may have left.
    ///
    /// - Returns: the socket and its identity on disk, or nil where another server of this root listens.
    func listen() throws -> (socket: SocketDescriptor, identity: FileStatus)? {
        do {
            if try connect(patience: 1) != nil { return nil }
        } catch let error as FileError where error.code == .resourceTemporarilyUnavailable {
            return nil
        }
        let directory = try OpenFile(folder, [.readOnly, .directory])
        let socket = try SocketDescriptor.open(path)
        // Made beside and renamed, so that whoever connects finds a socket that listens, or none.
        let fresh = "\(Self.name).\(getpid())"
        let freshPath = folder.appending(fresh)
        try Files.unlink(freshPath)
        // The mode of the socket before it is bound is the one that its file gets.
        guard fchmod(socket.descriptor, 0o600) == 0,
            withAddress(in: directory, fresh, { bind(socket.descriptor, $0, $1) }) == 0,
            Glibc.listen(socket.descriptor, 16) == 0
        else {
            let code = Errno(rawValue: errno)
            _ = try? Files.unlink(freshPath)
            throw FileError(operation: "listen", path: path, code: code)
        }
        guard let identity = try Files.status(freshPath, followLinks: false) else {
            throw FileError(operation: "listen", path: freshPath, code: .noSuchFileOrDirectory)
        }
        try Files.rename(freshPath, to: path)
        return (socket, identity)
    }

    /// Removes the socket's file, unless another server has put its own there.
    func remove(_ identity: FileStatus) {
        guard let present = try? Files.status(path, followLinks: false), present.isSameFile(as: identity) else {
            return
        }
        _ = try? Files.unlink(path)
    }

    private func withAddress(
        in directory: OpenFile, _ name: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) {
            $0.copyBytes(from: Array("/proc/self/fd/\(directory.descriptor)/\(name)".utf8))
        }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        return withExtendedLifetime(directory) {
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
            }
        }
    }
}

/// A socket that is closed with its last reference, unless somebody takes it over.
final class SocketDescriptor {
    private(set) var descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// A fresh Unix stream socket; `path` is for the message of a failure.
    static func open(_ path: FilePath) throws -> SocketDescriptor {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            throw FileError(operation: "open a socket for", path: path, code: Errno(rawValue: errno))
        }
        return SocketDescriptor(descriptor)
    }

    /// Gives the descriptor away; the caller closes it.
    func take() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
