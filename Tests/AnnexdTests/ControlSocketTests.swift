import Blocking
import FileIO
import Glibc
import Hosting
import Logging
import SystemPackage
import Testing

@testable import annexd

@Suite struct ControlSocketTests {
    /// Runs `body` with a root folder whose path is longer than a socket's address may be.
    private func withRoot(_ body: (RootFolder) async throws -> Void) async throws {
        var template = Array("/tmp/annexd-control-XXXXXX".utf8CString)
        let scratch = FilePath(platformString: try #require(mkdtemp(&template)))
        defer { try? Files.removeTree(scratch) }
        let root = RootFolder(scratch.appending(String(repeating: "long", count: 40)))
        try root.prepare()
        try await body(root)
    }

    /// Asks on a thread that may wait, since the server under test needs the others.
    private func ask(
        _ root: RootFolder, _ name: String, _ parameters: [String: JSONValue] = [:]
    ) async throws -> JSONValue? {
        try await Self.pool.run { try ControlClient.ask(root: root, name, parameters) }
    }

    private static let pool = BlockingPool(threadCount: 4)

    private var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    /// Runs `body` while a server answers.
    private func serving(
        _ root: RootFolder, _ handlers: [String: ControlServer.Handler], _ body: () async throws -> Void
    ) async throws {
        let server = try #require(await ControlServer.open(root: root, handlers: handlers, logger: quiet))
        let task = Task { await server.serve() }
        do {
            try await body()
        } catch {
            task.cancel()
            await task.value
            throw error
        }
        task.cancel()
        await task.value
    }

    @Test func questionsAreAnsweredByName() async throws {
        try await withRoot { root in
            #expect(try await ask(root, "echo") == nil)
            let handlers: [String: ControlServer.Handler] = [
                "echo": { .object($0) }, "fail": { _ in throw Failure("no, since it is a test") },
                "long": { _ in .string(String(repeating: "ü", count: 3_000_000)) },
            ]
            try await serving(root, handlers) {
                let echoed = try await ask(root, "echo", ["a": ["b", .number(1), "line\nbreak"]])
                #expect(echoed?.text == "{\"a\":[\"b\",1,\"line\\nbreak\"]}")
                #expect(try await ask(root, "long")?.string?.count == 3_000_000)
                let refusal = await #expect(throws: Failure.self) { try await ask(root, "fail") }
                #expect(refusal?.message == "no, since it is a test")
                let unknown = await #expect(throws: Failure.self) { try await ask(root, "what") }
                #expect(unknown?.message.contains("\"what\"") == true)
            }
            #expect(try await ask(root, "echo") == nil)
            #expect(try Files.status(ControlSocket(root: root).path, followLinks: false) == nil)
        }
    }

    @Test func onlyItsOwnUserMayConnect() async throws {
        try await withRoot { root in
            try await serving(root, [:]) {
                let status = try #require(try Files.status(ControlSocket(root: root).path, followLinks: false))
                #expect(status.mode == 0o600)
            }
        }
    }

    @Test func aSocketThatAServerLeftIsReplacedAndOneInUseIsNot() async throws {
        try await withRoot { root in
            let socket = ControlSocket(root: root)
            // As after `kill -9`: the file is there, and nobody listens.
            _ = try #require(try socket.listen())
            #expect(try await ask(root, "who") == nil)
            try await serving(root, ["who": { _ in "first" }]) {
                let second = await ControlServer.open(root: root, handlers: [:], logger: quiet)
                #expect(second == nil)
                let answer = try await ask(root, "who")
                #expect(answer?.string == "first")
            }
        }
    }

    @Test func nonsenseAndSilenceDisturbNobody() async throws {
        try await withRoot { root in
            let socket = ControlSocket(root: root)
            try await serving(root, ["who": { _ in "me" }]) {
                let silent = try #require(try socket.connect())
                for text in ["garbage\n", "{}\n", "[]\n", "{\"ask\":1}\n", String(repeating: "x", count: 200_000)] {
                    let answer = try await Self.pool.run { try Self.exchange(text, over: socket) }
                    if text.hasSuffix("\n") {
                        #expect(try JSONValue(parsing: answer)["error"]?.string?.isEmpty == false)
                    } else {
                        #expect(answer.isEmpty, "a line without an end is given up")
                    }
                }
                #expect(try await ask(root, "who")?.string == "me")
                withExtendedLifetime(silent) {}
            }
        }
    }

    // A server that was stopped, or hangs, has a full queue, and connecting to it waits for room in that.
    @Test func aServerThatAcceptsNothingIsGivenUp() async throws {
        try await withRoot { root in
            let control = ControlSocket(root: root)
            let (bound, identity) = try #require(try control.listen())
            #expect(Glibc.listen(bound.descriptor, 0) == 0)
            let crowd = (0..<2).compactMap { _ in try? control.connect(patience: 1) }
            let error = #expect(throws: FileError.self) { try control.connect(patience: 1) }
            #expect(error?.code == .resourceTemporarilyUnavailable)
            #expect(try control.listen() == nil, "it is another server's all the same")
            withExtendedLifetime((crowd, bound)) {}
            control.remove(identity)
        }
    }

    private static func exchange(_ text: String, over socket: ControlSocket) throws -> [UInt8] {
        let client = try #require(try socket.connect())
        _ = Array(text.utf8).withUnsafeBytes {
            send(client.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        var piece = [UInt8](repeating: 0, count: 4096)
        let count = recv(client.descriptor, &piece, piece.count, 0)
        return Array(piece[..<max(0, count)])
    }
}
