import AnnexProtocol
import FileIO
import Glibc
import Locations
import NIOCore
import TestKit
import Testing

@testable import Remotes

/// Every operation, against the stock program's own server.
@Suite(.serialized) struct StockTargetTests {
    /// A stock server, and its repository as a location that is asked in `version` at most.
    private func withStock(
        version: P2PVersion = .v4,
        _ body: (any ContentLocation, StockNode, RemoteConnections, AnnexHTTPTarget) async throws -> Void
    ) async throws {
        try await withServer { server in
            try await withConnections(settings: testSettings { $0.highestVersion = version }) { connections in
                let target = try target(port: server.port, name: "stock", uuid: server.uuid)
                let location = connections.location(of: target, gateway: gatewayUUID, caller: Caller())
                try await body(location, server, connections, target)
            }
        }
    }

    private func withServer(
        options: [String] = ["--wideopen"], environment: [String: String] = [:],
        _ body: (StockNode) async throws -> Void
    ) async throws {
        try await withScratch { scratch in
            let scratch = Unchecked(scratch)
            let server = try await onThread {
                try StockNode(in: scratch.value, options: options, environment: environment)
            }
            do { try await body(server) } catch {
                try await onThread { server.stop() }
                throw error
            }
            try await onThread { server.stop() }
        }
    }

    @Test("content is stored, found, read and removed (spec 03 #63)", arguments: P2PVersion.allCases)
    func lifeOfContent(version: P2PVersion) async throws {
        try await withStock(version: version) { location, server, connections, target in
            let bytes = seededBytes(1_500_001, seed: 1)
            let key = try sha256Key(bytes)
            #expect(try await !location.isPresent(key))
            #expect(try await location.open(key, for: Reading()) == nil)
            #expect(try await location.partial(of: key, for: []) == .bytes(0))
            #expect(
                try await location.store(key, from: upload(bytes, file: "a b/c%.bin")) == .stored(at: [location.uuid]))
            #expect(try await location.isPresent(key))
            #expect(try await location.partial(of: key, for: []) == .alreadyPresent(at: [location.uuid]))
            #expect(try await location.store(key, from: upload(bytes)) == .stored(at: [location.uuid]))

            #expect(try await read(location.open(key, for: Reading())) == bytes)
            let tail = try await location.open(key, for: Reading(offset: 1_000_000))
            #expect(tail?.size == 1_500_001)
            #expect(try await read(tail, from: 1_000_000) == Array(bytes[1_000_000...]))
            let other = try await location.open(key, for: Reading())
            #expect(try await read(other, from: 1_500_000) == [bytes[1_500_000]])
            #expect(try await read(location.open(key, for: Reading(offset: 2_000_000)), from: 2_000_000) == [])
            let head = try await location.open(key, for: Reading(wantsBytes: false))
            #expect(head?.size == 1_500_001)
            #expect(try await read(head) == bytes)

            #expect(try await location.confirm(key) == .stored(at: [location.uuid]))
            #expect(
                try await location.remove(key, before: BootSeconds(BootSeconds.now.value + 100))
                    == .removed(from: [location.uuid]))
            #expect(try await !location.isPresent(key))
            guard case .notStored = try await location.confirm(key) else {
                Issue.record("absent content was confirmed")
                return
            }
            #expect(try await location.remove(key, before: nil) == .removed(from: [location.uuid]))
            #expect(await connections.probe(target, gateway: gatewayUUID) == .available(version))
        }
    }

    @Test("empty content, content without a size, and keys of all sorts")
    func oddKeys() async throws {
        try await withStock { location, server, _, _ in
            let empty = try sha256Key([])
            #expect(try await location.open(empty, for: Reading()) == nil)
            #expect(try await location.store(empty, from: upload([])) == .stored(at: [location.uuid]))
            #expect(try await location.isPresent(empty))
            let content = try await location.open(empty, for: Reading())
            #expect(content?.size == 0)
            #expect(try await read(content) == [])

            for text in ["URL--http://example.com/a b%20c", "WORM-s5-m3--[x]"] {
                let key = try Key(parsing: text)
                let bytes = seededBytes(5, seed: 2)
                #expect(try await location.open(key, for: Reading()) == nil)
                #expect(try await location.store(key, from: upload(bytes)) == .stored(at: [location.uuid]))
                #expect(try await read(location.open(key, for: Reading())) == bytes)
                #expect(try await location.open(key, for: Reading(offset: 9))?.size == 5)
                #expect(try await location.open(key, for: Reading(wantsBytes: false))?.size == 5)
            }
        }
    }

    @Test("an upload is resumed where it broke (spec 03 #63)", arguments: [P2PVersion.v1, .v4])
    func resume(version: P2PVersion) async throws {
        try await withStock(version: version) { location, _, _, _ in
            let bytes = seededBytes(3_000_000, seed: 3)
            let key = try sha256Key(bytes)
            // Until the server has got some of it, nothing tells that the bytes have left.
            let broken = try await location.store(
                key, from: upload(Array(bytes[..<2_000_000]), length: 3_000_000, end: .broken))
            guard case .notStored = broken else {
                Issue.record("a broken upload was \(broken)")
                return
            }
            #expect(try await !location.isPresent(key))
            var kept: UInt64 = 0
            for _ in 0..<100 where kept == 0 {
                // It answers 500 until it has noticed that the first upload is over.
                if case .bytes(let count)? = try? await location.partial(of: key, for: []) { kept = count }
                if kept == 0 { try await Task.sleep(for: .milliseconds(50)) }
            }
            #expect(kept > 0 && kept <= 2_000_000)
            let rest = Array(bytes[Int(kept)...])
            #expect(try await location.store(key, from: upload(rest, offset: kept)) == .stored(at: [location.uuid]))
            #expect(try await read(location.open(key, for: Reading())) == bytes)
        }
    }

    @Test("wrong, short and long bodies store nothing (spec 03 #64)")
    func distrusted() async throws {
        try await withStock { location, _, _, _ in
            let bytes = seededBytes(700_000, seed: 4)
            let key = try sha256Key(bytes)
            var wrong = bytes
            wrong[699_999] ^= 1
            for body in [
                upload(wrong), upload(Array(bytes.dropLast()), length: 700_000), upload(bytes + [1], length: 700_000),
                upload([], length: -5),
            ] {
                let outcome = try await location.store(key, from: body)
                guard case .notStored = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
                #expect(try await !location.isPresent(key))
                // What cannot be trusted is not kept for a resumption either.
                guard case .bytes(let kept) = try await location.partial(of: key, for: []) else {
                    Issue.record("present")
                    return
                }
                #expect(kept < 700_000)
            }
            #expect(try await location.store(key, from: upload(bytes)) == .stored(at: [location.uuid]))
        }
    }

    @Test("a deadline on our clock is kept on the target's (spec 03 #63)")
    func deadlines() async throws {
        try await withStock { location, _, _, _ in
            let bytes = seededBytes(100, seed: 5)
            let key = try sha256Key(bytes)
            #expect(try await location.store(key, from: upload(bytes)) == .stored(at: [location.uuid]))
            guard try await !location.remove(key, before: .now).isComplete else {
                Issue.record("removed after the deadline")
                return
            }
            #expect(try await location.isPresent(key))
            let later = BootSeconds(BootSeconds.now.value + 60)
            #expect(try await location.remove(key, before: later) == .removed(from: [location.uuid]))
            #expect(try await !location.isPresent(key))
        }
    }

    @Test(
        "a lock holds until it is released, also after it was renewed (spec 03 #63)", arguments: [P2PVersion.v0, .v4])
    func locks(version: P2PVersion) async throws {
        try await withStock(version: version) { location, _, connections, target in
            let bytes = seededBytes(100, seed: 6)
            let key = try sha256Key(bytes)
            #expect(try await location.lock(key) == nil)
            #expect(try await location.store(key, from: upload(bytes)) == .stored(at: [location.uuid]))

            let lock = try #require(try await location.lock(key))
            await expectLocked(location, key)
            #expect(await lock.extend(protectedUntil: Int64(time(nil)) + 660))
            await expectLocked(location, key)
            #expect(await lock.extend(protectedUntil: Int64(time(nil)) + 10))
            await expectLocked(location, key)
            await lock.release()
            #expect(try await location.remove(key, before: nil) == .removed(from: [location.uuid]))

            // Given up, it stays, even when this process ends.
            #expect(try await location.store(key, from: upload(bytes)) == .stored(at: [location.uuid]))
            let left = try #require(try await location.lock(key))
            await left.detach(protectedUntil: Int64(time(nil)) + 600)
            #expect(connections.usage(of: target).inUse == 0)
            try await withConnections { others in
                let other = others.location(of: target, gateway: gatewayUUID, caller: Caller())
                await expectLocked(other, key)
            }
        }
    }

    /// The stock program answers 500 where content is locked.
    private func expectLocked(
        _ location: any ContentLocation, _ key: Key, sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let outcome = try? await location.remove(key, before: nil)
        #expect(outcome != .removed(from: [location.uuid]), sourceLocation: sourceLocation)
        let isPresent = try? await location.isPresent(key)
        #expect(isPresent == true, sourceLocation: sourceLocation)
    }

    @Test("another repository is told from one that cannot be reached (spec 03 #65)")
    func probes() async throws {
        try await withStock { _, server, connections, target in
            #expect(await connections.probe(target, gateway: gatewayUUID) == .available(.v4))
            var other = target
            other.uuid = targetUUID
            guard case .anotherRepository(let error) = await connections.probe(other, gateway: gatewayUUID) else {
                Issue.record("not noticed")
                return
            }
            #expect(error.message == "stock does not serve the repository \(targetUUID)")
            try await onThread { server.stop() }
            guard case .unavailable(let gone) = await connections.probe(target, gateway: gatewayUUID) else {
                Issue.record("not noticed")
                return
            }
            #expect(gone.code == .unreachable)
            #expect(gone.message == "stock is unreachable: connection refused")
        }
    }

    @Test("logins are found, remembered, and refused (spec 01 §6.8)")
    func logins() async throws {
        // In base64 the password has characters that differ between the alphabets.
        let password = "p:w?>~\u{fc}"
        try await withServer(
            options: ["--authenv-http"], environment: ["GIT_ANNEX_P2PHTTP_PASSWORD_alice": password]
        ) { try await logins(of: $0, password) }
    }

    private func logins(of server: StockNode, _ password: String) async throws {
        let bytes = seededBytes(2_000_000, seed: 7)
        let key = try sha256Key(bytes)
        let target = try target(port: server.port, name: "stock", uuid: server.uuid)

        let good = OneLogin("alice", password)
        try await withConnections(credentials: good) { connections in
            let location = connections.location(of: target, gateway: gatewayUUID, caller: Caller())
            let stored = try await location.store(key, from: upload(bytes))
            #expect(stored == .stored(at: [location.uuid]))
            #expect(try await read(location.open(key, for: Reading())) == bytes)
            #expect(good.events == .init(asked: ["annex+http://127.0.0.1:\(server.port)"], accepted: 1, rejected: 0))
        }
        let bad = OneLogin("alice", "wrong")
        try await withConnections(credentials: bad) { connections in
            let location = connections.location(of: target, gateway: gatewayUUID, caller: Caller())
            let error = await failure { _ = try await location.isPresent(key) }
            #expect(error?.code == .unauthenticated)
            #expect(bad.events == .init(asked: ["annex+http://127.0.0.1:\(server.port)"], accepted: 0, rejected: 1))
        }
        try await withConnections { connections in
            var target = target
            target.url = try #require(AnnexURL("annex+http://alice:p%3Aw%3F%3E~%C3%BC@127.0.0.1:\(server.port)/"))
            let location = connections.location(of: target, gateway: gatewayUUID, caller: Caller())
            #expect(try await location.isPresent(key))
            let anonymous = AnnexHTTPTarget(
                name: "stock", uuid: server.uuid, url: try #require(AnnexURL("annex+http://127.0.0.1:\(server.port)")))
            let unknown = connections.location(of: anonymous, gateway: gatewayUUID, caller: Caller())
            let error = await failure { _ = try await unknown.isPresent(key) }
            #expect(error?.code == .unauthenticated)
            #expect(
                error?.message
                    == "stock wants a login, and this host has none for annex+http://127.0.0.1:\(server.port)")
        }
    }
}
