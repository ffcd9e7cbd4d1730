import Blocking
import FileIO
import Glibc
import HTTPTransport
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import SystemPackage
import Testing

let testPool = BlockingPool(name: "tests", threadCount: 32)

/// A started server on a free port, shut down at the end.
func withServer(
    _ change: (inout TransportConfiguration) -> Void = { _ in },
    handler: @escaping HTTPServer.Handler, _ body: (HTTPServer, Int) async throws -> Void
) async throws {
    var configuration = TransportConfiguration(addresses: [.tcp(host: "127.0.0.1", port: 0)])
    change(&configuration)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let server = HTTPServer(configuration: configuration, pool: testPool, logger: logger, handler: handler)
    let bound = try await server.start()
    do {
        try await body(server, bound[0].port ?? 0)
    } catch {
        await server.shutdown(deadline: .zero)
        throw error
    }
    await server.shutdown(deadline: .zero)
}

/// Waits until something is true, for 20 s at most.
func eventually(_ what: Comment, _ condition: () async -> Bool) async throws {
    for _ in 0..<4000 {
        if await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("never: \(what)")
}

/// A value that handlers set and tests wait for.
final class Seen<Value: Sendable>: Sendable {
    private let box = Mutex<Value?>(nil)
    var value: Value? { box.withLock { $0 } }
    func set(_ value: Value) { box.withLock { $0 = value } }
}

/// A scratch directory, removed at the end.
func withScratch(_ body: (FilePath) async throws -> Void) async throws {
    var template = Array("/tmp/http-transport-XXXXXX\0".utf8CString)
    guard let made = mkdtemp(&template) else { throw SocketFailure(errno: errno) }
    let path = FilePath(String(cString: made))
    do {
        try await body(path)
    } catch {
        try? Files.removeTree(path)
        throw error
    }
    try Files.removeTree(path)
}

/// A file whose bytes depend on their position.
func makeFile(_ path: FilePath, size: Int) throws -> OpenFile {
    let file = try OpenFile(path, [.readWrite, .create, .truncate])
    var done = 0
    while done < size {
        let count = min(1 << 20, size - done)
        try file.write(pattern(from: done, count: count), at: UInt64(done))
        done += count
    }
    return file
}

func pattern(from start: Int, count: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    while result.count < count {
        let begin = (start + result.count) % noise.count
        result.append(contentsOf: noise[begin..<min(noise.count, begin + count - result.count)])
    }
    return result
}

/// Its length is a prime, so that no shift by a buffer size goes unnoticed.
private let noise: [UInt8] = {
    var generator = SystemRandomNumberGenerator()
    return (0..<99_991).map { _ in UInt8.random(in: 0...255, using: &generator) }
}()

/// The address space a process really used at most, in KiB (VmHWM), or uses now (VmRSS).
func memory(_ field: String) -> Int {
    guard let bytes = try? Files.read("/proc/self/status") else { return 0 }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix(field + ":") {
        return Int(line.split(whereSeparator: { !$0.isNumber }).first ?? "") ?? 0
    }
    return 0
}
