import Logging
import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPTransport

private typealias Candidate = GivingWay<Int>.Candidate

@Suite struct GivingWayTests {
    @Test func whoHasMostGivesWayFirst() {
        let crowd = (1...5).map { Candidate(name: $0, client: "many", since: UInt64(100 - $0)) }
        let few = [
            Candidate(name: 11, client: "few", since: 1), Candidate(name: 12, client: "few", since: 2),
            Candidate(name: 21, client: "one", since: 3),
        ]
        let order = GivingWay.first(100, of: few + crowd).map(\.name)
        // The oldest of the crowd, until it has two like the other; then each of these, and at last everybody's last.
        #expect(order == [5, 4, 3, 11, 2, 12, 21, 1])
        #expect(GivingWay.first(2, of: few + crowd).map(\.name) == [5, 4])
        #expect(GivingWay<Int>.first(2, of: []).isEmpty)
    }
}

/// Attack: one address fills all connections with idle ones, and nobody else is served for as long as they may idle.
@Suite struct IdleConnectionsTests {
    private static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test(arguments: ["", "GET / HTTP/1.1\r\nHo", get]) func giveWayToNewOnes(sent: String) async throws {
        try await withServer {
            $0.maximumConnections = 8
            $0.idleGrace = .milliseconds(1)
            $0.timeouts.idle = .hours(1)
            $0.timeouts.head = .hours(1)
        } handler: { _, responder in
            try? await responder.respond(.ok)
        } _: { server, port in
            let crowd = try (0..<8).map { _ in try RawClient(port: port) }
            for client in crowd { client.send(sent) }
            try await eventually("all are taken") { server.statistics.openConnections == 8 }
            // They stay open, so each needs room of its own.
            var honest: [RawClient] = []
            for _ in 0..<6 {
                let client = try RawClient(port: port)
                honest.append(client)
                client.send(Self.get)
                #expect(try await onThread { client.readResponse()?.code } == 200)
            }
            #expect(server.statistics.closedIdleConnections >= 5)
            #expect(server.statistics.openConnections <= 9)
        }
    }

    @Test func busyOnesStay() async throws {
        let gate = Seen<Bool>()
        try await withServer {
            $0.maximumConnections = 4
            $0.idleGrace = .milliseconds(1)
            $0.timeouts.idle = .hours(1)
        } handler: { request, responder in
            if request.target == "/keep" {
                // As a lock is kept: by a body that may be silent.
                request.body.allowSilence()
                while let piece = try? await request.body.next() { _ = piece }
            } else if request.target == "/slow" {
                try? await eventually("gate") { gate.value == true }
            }
            try? await responder.respond(.ok, body: [UInt8](request.target.utf8))
        } _: { server, port in
            let keeping = try RawClient(port: port)
            keeping.send("POST /keep HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n")
            let slow = try RawClient(port: port)
            slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            try await eventually("both run") { server.statistics.runningRequests == 2 }
            let idle = try (0..<2).map { _ in try RawClient(port: port) }
            try await eventually("all are taken") { server.statistics.openConnections == 4 }
            for _ in 0..<10 {
                let honest = try RawClient(port: port)
                honest.send(Self.get)
                #expect(try await onThread { honest.readResponse()?.code } == 200)
            }
            for client in idle { #expect(try await onThread { client.isGone() }) }
            gate.set(true)
            #expect(try await onThread { slow.readResponse()?.text } == "/slow")
            keeping.send("x")
            #expect(try await onThread { keeping.readResponse()?.text } == "/keep")
        }
    }

    /// Where all are busy new ones wait, and are served when one becomes idle.
    @Test func newOnesWaitForBusyOnes() async throws {
        let gate = Seen<Bool>()
        try await withServer {
            $0.maximumConnections = 2
            $0.idleGrace = .milliseconds(1)
            $0.timeouts.idle = .hours(1)
        } handler: { request, responder in
            if request.target == "/slow" { try? await eventually("gate") { gate.value == true } }
            try? await responder.respond(.ok)
        } _: { server, port in
            let busy = try (0..<2).map { _ in try RawClient(port: port) }
            for client in busy { client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n") }
            try await eventually("both run") { server.statistics.runningRequests == 2 }
            let late = try (0..<3).map { _ in try RawClient(port: port) }
            for client in late { client.send(Self.get) }
            gate.set(true)
            for client in busy { #expect(try await onThread { client.readResponse()?.code } == 200) }
            for client in late { #expect(try await onThread { client.readResponse()?.code } == 200) }
        }
    }

    /// The request of a connection that has just begun is on its way: many clients at once must not close each other's.
    @Test func whatHasJustBegunIsLeftAlone() async throws {
        try await withServer {
            $0.maximumConnections = 4
            $0.idleGrace = .seconds(60)
        } handler: { _, responder in
            try? await responder.respond(.ok)
        } _: { server, port in
            let clients = try (0..<12).map { _ in try RawClient(port: port) }
            for client in clients {
                client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                #expect(try await onThread { client.readResponse()?.code } == 200)
            }
            #expect(server.statistics.closedIdleConnections == 0)
        }
    }
}
