import Blocking
import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import SystemPackage

/// A socket on which the server listens.
struct Listener: Sendable {
    var channel: any Channel
    var bound: BoundAddress
    /// Of a Unix socket that is our own.
    var file: SocketFile?

    func close() async {
        file?.remove()
        try? await channel.close()
    }
}

/// Opens listening sockets.
struct Binding: Sendable {
    let core: ServerCore
    let count: ConnectionCount
    let group: MultiThreadedEventLoopGroup
    let tls: TLSIdentity?

    func listen(_ address: ServerAddress) async throws -> Listener {
        do {
            let channel: any Channel
            var file: SocketFile?
            switch address {
            case .tcp(let host, let port):
                let resolved = try await core.pool.run { try SocketAddress.makeAddressResolvingHost(host, port: port) }
                channel = try await bootstrap().bind(to: resolved).get()
            case .unix(let path):
                let backlog = core.configuration.backlog
                let own = try await core.pool.run {
                    try SocketFile.clearStale(path)
                    return try SocketFile.listen(path, backlog: backlog)
                }
                file = own.file
                channel = try await bootstrap().withBoundSocket(own.descriptor).get()
            case .inherited(let descriptor):
                // Children of ours must not inherit it in turn.
                guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
                    throw TransportError(.badAddress, "listen on \(address): \(Errno(rawValue: errno))")
                }
                guard Self.isListening(descriptor) else {
                    throw TransportError(.badAddress, "listen on \(address): it is no listening socket")
                }
                channel = try await bootstrap().withBoundSocket(descriptor).get()
            }
            let bound = BoundAddress(requested: address, actual: actual(channel, address))
            return Listener(channel: channel, bound: bound, file: file)
        } catch let error as TransportError {
            throw error
        } catch {
            let isInUse = (error as? IOError)?.errnoCode == EADDRINUSE
            let message = isInUse ? "listen on \(address): another process listens there" : "listen on \(address)"
            throw TransportError(isInUse ? .addressInUse : .badAddress, message, cause: error)
        }
    }

    private func actual(_ channel: any Channel, _ requested: ServerAddress) -> ServerAddress {
        guard let local = channel.localAddress else { return requested }
        if let port = local.port {
            if case .tcp(let host, _) = requested { return .tcp(host: host, port: port) }
            return .tcp(host: local.ipAddress ?? "", port: port)
        }
        return .unix(FilePath(local.pathname ?? ""))
    }

    private func bootstrap() -> ServerBootstrap {
        let core = core
        let count = count
        let tls = tls
        let settings = core.configuration
        let allocator =
            tls == nil
            ? Connection.headAllocator
            : AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: 64 * 1024)
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: settings.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // With one accept per round the maximum is exact; with many connections a few more do not matter.
            .serverChannelOption(.maxMessagesPerRead, value: settings.maximumConnections < 256 ? UInt(1) : UInt(16))
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(core: core, count: count))
                }
            }
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: allocator)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    Self.setKeepAlive(channel)
                    let pipeline = channel.pipeline.syncOperations
                    // A Unix socket is for a proxy on this machine.
                    let tls = channel.localAddress?.port == nil ? nil : tls
                    if let tls {
                        try pipeline.addHandler(PlainTextGuard(core: core))
                        try pipeline.addHandler(NIOSSLServerHandler(context: tls.context))
                    }
                    try pipeline.addHandler(Connection(core: core, channel: channel, isSecure: tls != nil))
                }
            }
    }

    private static func isListening(_ descriptor: Int32) -> Bool {
        var answer: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &answer, &length) == 0 && answer == 1
    }

    /// Finds dead peers within three minutes; refused by Unix sockets, which need none of it.
    private static func setKeepAlive(_ channel: any Channel) {
        guard channel.remoteAddress?.port != nil, let options = channel.syncOptions else { return }
        try? options.setOption(.tcpOption(.tcp_nodelay), value: 1)
        try? options.setOption(.socketOption(.so_keepalive), value: 1)
        try? options.setOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: 60)
        try? options.setOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: 15)
        try? options.setOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 8)
    }
}
