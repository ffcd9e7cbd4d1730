import FileIO
import Hosting
import Logging
import NIOCore
import NIOPosix
import Synchronization
import SystemPackage

/// Answers what commands ask the running server, over the control socket of its root folder.
///
/// A question is one line of JSON, `{"ask":"locks.list","parameters":{…}}`, and its answer is one as well:
/// `{"answer":…}` or `{"error":"…"}`. Questions of one connection are answered in turn; a connection lives a minute at
/// most.
///
/// Each question is a handler by its name; another one needs no more than a line where the server is opened.
final class ControlServer: Sendable {
    /// Answers one kind of question. What it throws is told to whoever asked.
    typealias Handler = @Sendable (_ parameters: [String: JSONValue]) async throws -> JSONValue

    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private let socket: ControlSocket
    private let identity: FileStatus
    private let handlers: [String: Handler]
    private let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let listener: NIOAsyncChannel<Connection, Never>
    private let connections = Atomic<Int>(0)

    /// Connections at one time; further ones are closed at once.
    private static let maximumConnections = 16

    private init(
        socket: ControlSocket, identity: FileStatus, handlers: [String: Handler], logger: Logger,
        group: MultiThreadedEventLoopGroup, listener: NIOAsyncChannel<Connection, Never>
    ) {
        self.socket = socket
        self.identity = identity
        self.handlers = handlers
        self.logger = logger
        self.group = group
        self.listener = listener
    }

    /// Listens from now on; answer questions with ``serve()``.
    ///
    /// - Returns: nil, with a line in the log, where that is not possible: another server of this root has the socket,
    ///   or the file system knows no sockets. The host serves without it.
    static func open(root: RootFolder, handlers: [String: Handler], logger: Logger) async -> ControlServer? {
        let socket = ControlSocket(root: root)
        do {
            guard let (bound, identity) = try socket.listen() else {
                logger.warning(
                    "another server has this root's control socket; commands will reach that one only",
                    metadata: ["socket": "\(socket.path)"])
                return nil
            }
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            do {
                let listener = try await ServerBootstrap(group: group)
                    .bind(bound.take()) { channel in
                        channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
                    }
                return ControlServer(
                    socket: socket, identity: identity, handlers: handlers, logger: logger, group: group,
                    listener: listener)
            } catch {
                socket.remove(identity)
                try? await group.shutdownGracefully()
                throw error
            }
        } catch {
            logger.warning(
                "commands cannot reach this server: there is no control socket",
                metadata: ["socket": "\(socket.path)", "error": "\(error)"])
            return nil
        }
    }

    /// Answers until the task is cancelled, then removes the socket.
    func serve() async {
        do {
            try await listener.executeThenClose { clients in
                try await withThrowingDiscardingTaskGroup { tasks in
                    for try await client in clients { tasks.addTask { await self.serve(client) } }
                }
            }
        } catch {
            if !Task.isCancelled {
                logger.error("the control socket failed", metadata: ["error": "\(error)"])
            }
        }
        socket.remove(identity)
        try? await group.shutdownGracefully()
    }

    private func serve(_ client: Connection) async {
        let number = connections.add(1, ordering: .relaxed).newValue
        defer { connections.subtract(1, ordering: .relaxed) }
        let channel = client.channel
        let end = channel.eventLoop.scheduleTask(in: .seconds(Int64(ControlSocket.patience))) {
            channel.close(promise: nil)
        }
        defer { end.cancel() }
        do {
            try await client.executeThenClose { questions, answers in
                guard number <= Self.maximumConnections else { return }
                var waiting = ByteBuffer()
                for try await var bytes in questions {
                    waiting.writeBuffer(&bytes)
                    while let line = waiting.readLine() {
                        try await answers.write(ByteBuffer(string: await answer(line).text + "\n"))
                    }
                    guard waiting.readableBytes <= ControlSocket.maximumQuestion else { return }
                }
            }
        } catch {
            // Whoever asked has left.
            logger.debug("a control connection ended", metadata: ["error": "\(error)"])
        }
    }

    private func answer(_ line: [UInt8]) async -> JSONValue {
        do {
            let question = try JSONValue(parsing: line)
            guard let name = question["ask"]?.string else { throw Failure("a question has a name, as in {\"ask\":…}") }
            guard let handler = handlers[name] else { throw Failure("this server knows no question \"\(name)\"") }
            return ["answer": try await handler(question["parameters"]?.object ?? [:])]
        } catch let failure as Failure {
            return ["error": .string(failure.message)]
        } catch {
            return ["error": .string("\(error)")]
        }
    }
}

extension ByteBuffer {
    /// The bytes up to the next line feed, which is taken too; nil while there is none.
    fileprivate mutating func readLine() -> [UInt8]? {
        guard let end = readableBytesView.firstIndex(of: 10) else { return nil }
        let line = readBytes(length: end - readerIndex)
        moveReaderIndex(forwardBy: 1)
        return line
    }
}
