import AnnexDigest
import AnnexProtocol
import Locations
import Logging
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import Remotes

let gatewayUUID = RepositoryUUID("11111111-1111-4111-8111-111111111111") ?? .random()
let targetUUID = RepositoryUUID("22222222-2222-4222-8222-222222222222") ?? .random()

func testSettings(_ change: (inout RemoteSettings) -> Void = { _ in }) -> RemoteSettings {
    var settings = RemoteSettings()
    settings.answerTimeout = .seconds(120)
    settings.stallTimeout = .seconds(120)
    change(&settings)
    return settings
}

/// Connections with time limits that no slow machine meets, ended afterwards; nothing may be going on then.
func withConnections(
    credentials: any CredentialSource = NoCredentials(), settings: RemoteSettings = testSettings(),
    sourceLocation: SourceLocation = #_sourceLocation, _ body: (RemoteConnections) async throws -> Void
) async throws {
    let connections = try RemoteConnections(
        settings: settings, credentials: credentials, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    do {
        try await body(connections)
        let isQuiet = try await onThread {
            eventually { connections.usage.inUse == 0 && connections.usage.waiting == 0 }
        }
        #expect(isQuiet, "still going on: \(connections.usage)", sourceLocation: sourceLocation)
    } catch {
        await connections.shutdown()
        throw error
    }
    await connections.shutdown()
    let isClosed = try await onThread { eventually { connections.usage.open == 0 } }
    #expect(isClosed, "connections stay open", sourceLocation: sourceLocation)
}

func target(port: Int, name: String = "node1", uuid: RepositoryUUID = targetUUID, path: String = "") throws
    -> AnnexHTTPTarget
{
    AnnexHTTPTarget(name: name, uuid: uuid, url: try #require(AnnexURL("annex+http://127.0.0.1:\(port)\(path)")))
}

/// A location of a scripted target.
func withScript(
    credentials: any CredentialSource = NoCredentials(), settings: RemoteSettings = testSettings(),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ play: @escaping @Sendable (ScriptedConnection, Int) throws -> Void,
    _ body: (any ContentLocation, RemoteConnections, ScriptedServer) async throws -> Void
) async throws {
    let server = try ScriptedServer(play)
    defer { server.close() }
    try await withConnections(credentials: credentials, settings: settings, sourceLocation: sourceLocation) {
        connections in
        let location = connections.location(
            of: try target(port: server.port), gateway: gatewayUUID, caller: Caller())
        try await body(location, connections, server)
    }
}

struct NoCredentials: CredentialSource {
    func credentials(for place: CredentialPlace) async throws -> BasicCredentials? { nil }
    func accepted(_ credentials: BasicCredentials, for place: CredentialPlace) async {}
    func rejected(_ credentials: BasicCredentials, for place: CredentialPlace) async {}
}

/// Knows one login, and remembers what became of it.
final class OneLogin: CredentialSource {
    private let credentials: BasicCredentials
    private let state = Mutex(Events())

    struct Events: Equatable {
        var asked: [String] = []
        var accepted = 0
        var rejected = 0
    }

    init(_ user: String, _ password: String) {
        credentials = BasicCredentials(user: Array(user.utf8), password: Array(password.utf8))
    }

    var events: Events { state.withLock { $0 } }

    func credentials(for place: CredentialPlace) async throws -> BasicCredentials? {
        state.withLock { $0.asked.append("\(place)") }
        return credentials
    }

    func accepted(_ credentials: BasicCredentials, for place: CredentialPlace) async {
        state.withLock { $0.accepted += 1 }
    }

    func rejected(_ credentials: BasicCredentials, for place: CredentialPlace) async {
        state.withLock { $0.rejected += 1 }
    }
}

/// An upload whose chunks are given; where it ends with none that ends a body, the sender stays silent until the task
/// is cancelled.
final class GivenBody: UploadBody {
    private let chunks: Mutex<[UploadChunk]>
    let pulled = Atomic<Int>(0)

    init(_ chunks: [UploadChunk]) { self.chunks = Mutex(chunks) }

    convenience init(_ bytes: [UInt8], pieces: Int = 65_536, end: UploadChunk? = .end(.unchecked)) {
        var chunks: [UploadChunk] = stride(from: 0, to: bytes.count, by: pieces).map {
            .bytes(ByteBuffer(bytes: bytes[$0..<min($0 + pieces, bytes.count)]))
        }
        if let end { chunks.append(end) }
        self.init(chunks)
    }

    func next() async throws -> UploadChunk {
        if let chunk = chunks.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            if case .bytes(let piece) = chunk { pulled.add(piece.readableBytes, ordering: .relaxed) }
            return chunk
        }
        // As the server's bodies do: a cancelled pull reads as a broken connection.
        try? await Task.sleep(for: .seconds(3600))
        return .broken
    }
}

func upload(
    _ bytes: [UInt8], length: Int? = nil, offset: UInt64 = 0, file: String? = nil, pieces: Int = 65_536,
    end: UploadChunk? = .end(.unchecked)
) -> Upload {
    Upload(
        client: gatewayUUID.bytes, associatedFile: file.map { Array($0.utf8) }, offset: offset,
        length: Int64(length ?? bytes.count), body: GivenBody(bytes, pieces: pieces, end: end))
}

func sha256Key(_ bytes: [UInt8]) throws -> Key {
    let digest = StreamingDigest(.sha256)
    bytes.withUnsafeBytes { digest.update($0) }
    let digits = digest.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return try Key(parsing: "SHA256-s\(bytes.count)--\(digits)")
}

/// Runs a command to its end on a thread of its own; it must succeed.
func run(_ command: Command) async throws { _ = try await onThread { try command.check() } }

/// A scratch directory for the length of `body`.
func withScratch(_ body: (ScratchDirectory) async throws -> Void) async throws {
    let scratch = Unchecked(try ScratchDirectory("remotes"))
    do { try await body(scratch.value) } catch {
        try await onThread { scratch.value.close() }
        throw error
    }
    try await onThread { scratch.value.close() }
}

/// Lends a value to a thread while nobody else uses it.
struct Unchecked<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// All bytes of opened content, from `offset` on.
func read(_ content: Content?, from offset: UInt64 = 0) async throws -> [UInt8] {
    guard case .stream(let remote)? = content?.source else { throw TestKitError(.malformed, "no content") }
    let source = try await remote.bytes(from: offset)
    var bytes: [UInt8] = []
    while let piece = try await source.next() { bytes += Array(piece.readableBytesView) }
    return bytes
}

/// The failure of a remote that `work` ends with.
func failure(
    sourceLocation: SourceLocation = #_sourceLocation, _ work: () async throws -> Void
) async -> LocationError? {
    do {
        try await work()
        Issue.record("no error", sourceLocation: sourceLocation)
    } catch let error as LocationError {
        return error
    } catch {
        Issue.record("another error: \(error)", sourceLocation: sourceLocation)
    }
    return nil
}

/// Keeps what several threads tell, in order.
final class Recorder<Element: Sendable>: Sendable {
    private let list = Mutex<[Element]>([])

    var all: [Element] { list.withLock { $0 } }

    func append(_ element: Element) { list.withLock { $0.append(element) } }
}
