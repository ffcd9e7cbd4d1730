import AnnexBranch
import AnnexProtocol
import Locations
import LocationsTesting
import Testing

@testable import Gateways
@testable import Hosting

/// What a gateway makes of what a remote tells it.
@Suite struct LoggedLocationTests {
    private let root: Site
    private let catalog: Catalog
    private let gateway: HostedRepository
    private let key: Key

    init() async throws {
        root = try Site()
        try await root.manager.create(name("gateway"))
        catalog = root.catalog
        gateway = try #require(try await catalog.repository(named: name("gateway")))
        key = try Key(parsing: "SHA256-s3--x")
    }

    private func logged(_ target: FakeLocation) throws -> LoggedLocation {
        LoggedLocation(
            name: "archive", target: target, gateway: gateway, branch: try #require(gateway.branch),
            changes: root.gateways.view(of: gateway).changes, catalog: catalog)
    }

    private func log() async throws -> [RepositoryUUID: Bool] {
        let repository = try #require(try await catalog.repository(named: name("gateway")))
        return try #require(try await repository.branch?.locations(of: key)).mapValues { $0 == .present }
    }

    private var upload: Upload {
        Upload(client: [], associatedFile: nil, offset: 0, length: 3, body: FakeBody([1, 2, 3]))
    }

    @Test("what takes longer than an unused repository stays open is logged all the same", arguments: 0..<3)
    func slow(operation: Int) async throws {
        let target = FakeLocation()
        target[key] = operation == 0 ? nil : [1, 2, 3]
        target.script.meanwhile = { [catalog] _ in
            for repository in catalog.takeIdle(for: .zero) { await repository.close() }
        }
        let location = try logged(target)
        switch operation {
        case 0: #expect(try await location.store(key, from: upload) == .stored(at: [target.uuid]))
        case 1: #expect(try await location.confirm(key) == .stored(at: [target.uuid]))
        default:
            try await gateway.branch?.recordLocation(of: key, in: target.uuid, present: true)
            #expect(try await location.remove(key, before: nil) == .removed(from: [target.uuid]))
        }
        #expect(try await log() == [target.uuid: operation < 2])
    }

    /// Attack: a remote claims that repositories of this host have content, or have it no longer.
    @Test("spec 03 §1.8: a remote may speak for others, and not for what is hosted here")
    func others() async throws {
        let own = try #require(gateway.uuid)
        let hosted = try await root.manager.create(name("hosted"))
        _ = try await catalog.repository(named: name("hosted"))
        let stranger = RepositoryUUID.random()
        let cluster = RepositoryUUID("ac62637c-755e-82cf-a521-db9880915961")!
        let claimed = [own, hosted, stranger, cluster]
        let target = FakeLocation()
        target.script.others = claimed
        target[key] = [1, 2, 3]
        let location = try logged(target)
        #expect(
            try await location.partial(of: key, for: []) == .alreadyPresent(at: [target.uuid, stranger, cluster]))
        #expect(try await log() == [:])
        #expect(try await location.store(key, from: upload) == .stored(at: [target.uuid, stranger, cluster]))
        #expect(try await log() == [target.uuid: true, stranger: true])
        // A cluster that could not remove everywhere did so somewhere.
        target.script.isLocked = true
        target.script.others = [stranger]
        #expect(
            try await location.remove(key, before: nil) == .notRemoved(reason: "archive: locked", from: [stranger]))
        #expect(try await log() == [target.uuid: true, stranger: false])
    }

    @Test("a removal that a remote was asked for is logged, also where the client is gone by then")
    func cancelled() async throws {
        let begun = AsyncStream<Void>.makeStream()
        let proceed = AsyncStream<Void>.makeStream()
        let target = FakeLocation()
        target.script.meanwhile = { _ in
            begun.continuation.finish()
            for await _ in proceed.stream {}
            try Task.checkCancellation()
        }
        try await gateway.branch?.recordLocation(of: key, in: target.uuid, present: true)
        let location = try logged(target)
        let removal = Task { try await location.remove(key, before: nil) }
        for await _ in begun.stream {}
        removal.cancel()
        proceed.continuation.finish()
        #expect(try await removal.value == .removed(from: [target.uuid]))
        #expect(try await log() == [target.uuid: false])
    }

    @Test(
        "an upload that is overtaken by a removal, or the other way round, is logged as it came out",
        arguments: [true, false])
    func overtaken(uploadIsFirst: Bool) async throws {
        let target = FakeLocation()
        target[key] = [1, 2, 3]
        let location = try logged(target)
        // The first has done its work at the remote, and its answer comes after the second one is through.
        target.script.meanwhile = { [key] operation in
            if uploadIsFirst, operation == .confirm {
                _ = try await location.remove(key, before: nil)
            } else if !uploadIsFirst, operation == .remove {
                target[key] = [1, 2, 3]
                _ = try await location.confirm(key)
            }
        }
        if uploadIsFirst {
            #expect(try await location.confirm(key) == .stored(at: [target.uuid]))
        } else {
            #expect(try await location.remove(key, before: nil) == .removed(from: [target.uuid]))
        }
        #expect(try await log() == [target.uuid: !uploadIsFirst])
        #expect(root.gateways.view(of: gateway).changes.count == 0)
    }

    @Test("what fails at the remote is passed on, and nothing is logged of it")
    func failures() async throws {
        let target = FakeLocation()
        let location = try logged(target)
        let failure = LocationError(.timedOut, "archive has been silent for 60 s")
        target.script.failures = [.store: failure, .confirm: failure, .remove: failure, .isPresent: failure]
        await #expect(throws: failure) { try await location.store(key, from: upload) }
        await #expect(throws: failure) { try await location.confirm(key) }
        await #expect(throws: failure) { try await location.remove(key, before: nil) }
        await #expect(throws: failure) { try await location.isPresent(key) }
        #expect(try await log() == [:])
    }
}
