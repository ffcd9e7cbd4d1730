import AnnexProtocol
import Dispatch
import Glibc
import Locations
import NIOCore
import TestKit
import Testing

@testable import Remotes

/// The share of this process's file descriptors that connections to other hosts may take.
@Suite struct ConnectionBudgetTests {
    private let key: Key

    init() throws { key = try Key(parsing: "URL--x") }

    private static func answerAll(_ connection: ScriptedConnection) throws {
        while true {
            _ = try connection.readHead()
            try connection.answer("200 OK", "{\"present\":true}")
        }
    }

    private func location(_ connections: RemoteConnections, _ server: ScriptedServer) throws -> any ContentLocation {
        connections.location(of: try target(port: server.port), gateway: gatewayUUID, caller: Caller())
    }

    @Test("idle connections are closed where a new one would be too many")
    func idle() async throws {
        let servers = try (0..<6).map { _ in try ScriptedServer { connection, _ in try Self.answerAll(connection) } }
        defer { for server in servers { server.close() } }
        try await withConnections(settings: testSettings { $0.maxConnections = 2 }) { connections in
            for server in servers + servers.reversed() {
                for _ in 0..<2 { #expect(try await location(connections, server).isPresent(key)) }
                let isBounded = try await onThread { eventually { connections.usage.open <= 2 } }
                #expect(isBounded, "\(connections.usage.open) connections")
            }
            #expect(servers.allSatisfy { $0.accepted <= 2 }, "a connection that is idle serves the next request")
        }
    }

    @Test("where all are in use the next request waits for one, and is told that it is not the remote's fault")
    func inUse() async throws {
        let gate = DispatchSemaphore(value: 0)
        let busy = try ScriptedServer { connection, _ in
            _ = try connection.readHead()
            gate.wait()
            try connection.answer("200 OK", "{\"present\":true}")
        }
        let other = try ScriptedServer { connection, _ in try Self.answerAll(connection) }
        defer { for server in [busy, other] { server.close() } }
        let settings = testSettings {
            $0.maxConnections = 2
            $0.queuePatience = .milliseconds(100)
        }
        try await withConnections(settings: settings) { connections in
            let (key, slow) = (key, try location(connections, busy))
            let running = (0..<2).map { _ in Task { try await slow.isPresent(key) } }
            #expect(try await onThread { eventually { busy.accepted == 2 } })
            let error = await failure { _ = try await location(connections, other).isPresent(key) }
            #expect(error?.code == .busy)
            #expect(error?.message == "the server has no connection left for node1: 2 to other hosts are in use")
            #expect(other.accepted == 0)
            for _ in running { gate.signal() }
            for task in running { #expect(try await task.value) }
            #expect(try await location(connections, other).isPresent(key))
        }
    }

    @Test("a want of file descriptors here is not the remote's fault", arguments: [EMFILE, ENFILE])
    func outOfDescriptors(code: Int32) {
        let error = ConnectionFailure.remoteError(
            IOError(errnoCode: code, reason: "socket"), name: "node1", settings: RemoteSettings())
        #expect(error.code == .busy)
        #expect(error.message == "the server has too many files open; try again")
    }
}
