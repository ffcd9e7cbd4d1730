import Blocking
import FileIO
import Glibc
import HTTPTransport
import NIOCore
import NIOHTTP1
import SystemPackage
import Testing

@Suite(.serialized) struct FileResponseTests {
    private static let sizes = [0, 1, 4096, 128 * 1024, 128 * 1024 + 1, (8 << 20) + 1, 20 << 20]

    @Test(arguments: sizes, [0, 1000])
    func fileArrivesWhole(size: Int, offset: Int) async throws {
        try await withScratch { scratch in
            let file = try makeFile(scratch.appending("f"), size: size + offset)
            try await withServer { _, responder in
                try? await responder.respond(.ok, file: file, offset: UInt64(offset), length: UInt64(size))
            } _: { _, port in
                try await onThread {
                    let client = try RawClient(port: port)
                    for _ in 0..<2 {
                        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                        let response = try #require(client.readResponse())
                        #expect(response.headers["content-length"] == "\(size)")
                        #expect(response.body == pattern(from: offset, count: size))
                    }
                    client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(client.readResponse(toHead: true)?.headers["content-length"] == "\(size)")
                }
            }
        }
    }

    @Test(arguments: [0, 1, 4096, 300_000, (8 << 20) + 1], [true, false])
    func finalCheckWithholdsTheLastByte(size: Int, isValid: Bool) async throws {
        try await withScratch { scratch in
            let file = try makeFile(scratch.appending("f"), size: size)
            try await withServer { _, responder in
                try? await responder.respond(.ok, file: file, length: UInt64(size)) { isValid }
            } _: { _, port in
                try await onThread {
                    let client = try RawClient(port: port)
                    for _ in 0..<2 {
                        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                        let response = try #require(client.readResponse())
                        #expect(response.headers["transfer-encoding"] == "chunked")
                        #expect(response.isComplete)
                        #expect(response.body == pattern(from: 0, count: isValid ? size : max(0, size - 1)))
                    }
                    let old = try RawClient(port: port)
                    old.send("GET / HTTP/1.0\r\n\r\n")
                    #expect(old.readResponse()?.body.count == (isValid ? size : max(0, size - 1)))
                }
            }
        }
    }

    @Test(arguments: [100, 300_000])
    func shortFileIsRefusedBeforeAnythingIsSent(size: Int) async throws {
        try await withScratch { scratch in
            let file = try makeFile(scratch.appending("f"), size: size)
            try await withServer { _, responder in
                do {
                    try await responder.respond(.ok, file: file, offset: 1, length: UInt64(size))
                } catch {
                    #expect((error as? TransportError)?.code == .fileTooShort)
                    try? await responder.respond(.serviceUnavailable)
                }
            } _: { _, port in
                try await onThread {
                    let client = try RawClient(port: port)
                    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(client.readResponse()?.code == 503)
                    client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(client.readResponse(toHead: true)?.code == 503)
                }
            }
        }
    }

    @Test func leavingTheDownloadReleasesTheFile() async throws {
        try await withScratch { scratch in
            let path = scratch.appending("f")
            _ = try makeFile(path, size: 64 << 20)
            let outcome = Seen<Bool>()
            try await withServer { _, responder in
                do {
                    let file = try await testPool.run { try OpenFile(path, .readOnly) }
                    try await responder.respond(.ok, file: file, length: 64 << 20)
                } catch {
                    outcome.set(Task.isCancelled)
                }
            } _: { server, port in
                for index in 0..<100 {
                    let client = try RawClient(port: port)
                    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                    _ = client.read(exactly: 10_000)
                    if index % 2 == 0 { client.reset() }
                }
                try await eventually("handlers ended") { server.statistics.runningRequests == 0 }
                #expect(outcome.value == true)
                // spec 01 #83: the server stays responsive.
                let client = try RawClient(port: port)
                client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(client.read(exactly: 12) == Array("HTTP/1.1 200".utf8))
            }
        }
    }

    @Test(arguments: ["file", "stream"])
    func eightFastReadersNeedLittleMemory(mode: String) async throws {
        let size = 256 << 20
        try await withScratch { scratch in
            let file = try makeFile(scratch.appending("f"), size: size)
            try await withServer { _, responder in
                do {
                    if mode == "file" {
                        try await responder.respond(.ok, file: file, length: UInt64(size))
                    } else {
                        let writer = try await responder.startStreaming(.ok)
                        for _ in 0..<(size >> 19) {
                            try await writer.write(ByteBuffer(repeating: 7, count: 512 * 1024))
                        }
                        try await writer.finish()
                    }
                } catch {
                    Issue.record(error)
                }
            } _: { server, port in
                if let clear = try? OpenFile("/proc/self/clear_refs", .writeOnly) { try? clear.write([53], at: 0) }
                let before = memory("VmRSS")
                try await withThrowingTaskGroup { group in
                    for _ in 0..<8 {
                        group.addTask {
                            try await onThread {
                                let client = try RawClient(port: port)
                                client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                                var total = 0
                                while true {
                                    let flags = Int32(MSG_TRUNC)
                                    let count = recv(client.descriptor, nil, 1 << 20, flags)
                                    if count <= 0 { break }
                                    total += count
                                }
                                #expect(total > size)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                // Without the window of two pieces it is more than 1 GiB; other tests of this process use some, too.
                #expect(memory("VmHWM") - before < 128 * 1024, "KiB more than before")
            }
        }
    }
}
