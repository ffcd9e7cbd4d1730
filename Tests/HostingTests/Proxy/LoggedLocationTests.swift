import AnnexBranch
import AnnexProtocol
import Locations
import NIOCore
import Synchronization
import Testing

@testable import Hosting

/// What a gateway makes of what a remote tells it.
@Suite struct LoggedLocationTests {
    private let root: Root
    private let catalog: Catalog
    private let gateway: HostedRepository
    private let key: Key

    init() async throws {
        root = try Root()
        try await root.manager.create(name("gateway"))
        catalog = root.catalog
        gateway = try #require(try await catalog.repository(named: name("gateway")))
        key = try Key(parsing: "SHA256-s3--x")
    }

    /// A remote that says what it was told to, after `meanwhile`.
    private struct Target: ContentLocation {
        let uuid: RepositoryUUID
        let traits = LocationTraits()
        var storing: StoreOutcome
        var removing: RemovalOutcome
        var present: [RepositoryUUID] = []
        var meanwhile: @Sendable () async -> Void = {}

        let holds = SharedFlag()

        init(_ uuid: RepositoryUUID = .random(), meanwhile: @escaping @Sendable () async -> Void = {}) {
            self.uuid = uuid
            storing = .stored(at: [uuid])
            removing = .removed(from: [uuid])
            self.meanwhile = meanwhile
        }

        func isPresent(_ key: Key) async throws -> Bool { holds.value }
        func open(_ key: Key, for reading: Reading) async throws -> Content? { nil }
        func partial(of key: Key, for client: [UInt8]) async throws -> PartialContent {
            .alreadyPresent(at: present)
        }
        func lock(_ key: Key) async throws -> (any HeldLock)? { nil }

        func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
            await meanwhile()
            return storing
        }

        /// Has it at once, and answers later.
        func confirm(_ key: Key) async throws -> StoreOutcome {
            holds.value = true
            await meanwhile()
            return storing
        }

        func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome {
            holds.value = false
            await meanwhile()
            try Task.checkCancellation()
            return removing
        }
    }

    private final class SharedFlag: Sendable {
        private let flag = Atomic(false)
        var value: Bool {
            get { flag.load(ordering: .acquiring) }
            set { flag.store(newValue, ordering: .releasing) }
        }
    }

    private struct Nothing: UploadBody {
        func next() async throws -> UploadChunk { .end }
    }

    private func proxied(_ target: Target) throws -> LoggedLocation {
        LoggedLocation(
            name: "archive", target: target, gateway: gateway, branch: try #require(gateway.branch), catalog: catalog)
    }

    private func log() async throws -> [RepositoryUUID: Bool] {
        let repository = try #require(try await catalog.repository(named: name("gateway")))
        return try #require(try await repository.branch?.locations(of: key)).mapValues { $0 == .present }
    }

    private let upload = Upload(client: [], associatedFile: nil, offset: 0, length: 3, body: Nothing())

    @Test("what takes longer than an unused repository stays open is logged all the same", arguments: 0..<3)
    func slow(operation: Int) async throws {
        var target = Target()
        target.meanwhile = { [catalog] in
            for repository in catalog.takeIdle(for: .zero) { await repository.close() }
        }
        let location = try proxied(target)
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
        var target = Target()
        target.storing = .stored(at: [target.uuid] + claimed)
        target.removing = .notRemoved(reason: "no", from: [stranger])
        target.present = claimed
        let location = try proxied(target)
        #expect(try await location.partial(of: key, for: []) == .alreadyPresent(at: [stranger, cluster]))
        #expect(try await log() == [:])
        #expect(try await location.store(key, from: upload) == .stored(at: [target.uuid, stranger, cluster]))
        #expect(try await log() == [target.uuid: true, stranger: true])
        // A cluster that could not remove everywhere did so somewhere.
        #expect(
            try await location.remove(key, before: nil) == .notRemoved(reason: "archive: no", from: [stranger]))
        #expect(try await log() == [target.uuid: true, stranger: false])
    }

    @Test("a removal that a remote was asked for is logged, also where the client is gone by then")
    func cancelled() async throws {
        let begun = AsyncStream<Void>.makeStream()
        let proceed = AsyncStream<Void>.makeStream()
        let target = Target(meanwhile: {
            begun.continuation.finish()
            for await _ in proceed.stream {}
        })
        try await gateway.branch?.recordLocation(of: key, in: target.uuid, present: true)
        let location = try proxied(target)
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
        let target = Target()
        // The first has done its work at the remote, and its answer comes after the second one is through.
        let second = try proxied(target)
        var slow = target
        let key = key
        slow.meanwhile = {
            if uploadIsFirst {
                _ = try? await second.remove(key, before: nil)
            } else {
                _ = try? await second.confirm(key)
            }
        }
        let first = try proxied(slow)
        if uploadIsFirst {
            #expect(try await first.confirm(key) == .stored(at: [target.uuid]))
        } else {
            #expect(try await first.remove(key, before: nil) == .removed(from: [target.uuid]))
        }
        #expect(try await log() == [target.uuid: !uploadIsFirst])
        #expect(gateway.changesAtRemotes.count == 0)
    }
}
