import AnnexBranch
import AnnexProtocol
import GitHost
import Hosting
import Locations
import LocationsTesting
import Remotes
import SystemPackage
import Testing

@testable import Gateways

/// A kind of remote that nobody here knows but its driver.
private struct FakeDriver: RemoteDriver {
    let place: FakeLocation

    func judge(_ remote: RemoteDescription) -> Reachability? {
        guard remote.url.hasPrefix("fake:") else { return nil }
        return Reachability(
            address: remote.url, defaultCost: 150, canBeGateway: false,
            obstacle: remote.url == "fake:later" ? .unidentified(reason: "nobody has asked it yet") : nil)
    }

    func location(
        of remote: RemoteDescription, uuid: RepositoryUUID, for gateway: RepositoryUUID, caller: Caller
    ) async throws -> any ContentLocation { place }

    func identify(_ remote: RemoteDescription) async throws -> RemoteIdentity? {
        remote.uuid == nil ? RemoteIdentity(uuid: place.uuid, warning: "\(remote.name) has only just arrived") : nil
    }

    func probe(
        _ remote: RemoteDescription, uuid: RepositoryUUID, for gateway: RepositoryUUID
    ) async -> RemoteHealth { .unreachable(reason: "it is imaginary") }

    func usage(of remote: RemoteDescription, uuid: RepositoryUUID) -> RemoteConnections.Usage? { nil }
}

/// What a new kind of remote needs is its driver in the list, and nothing else.
@Suite struct NewKindTests {
    private let site: Site
    private let place = FakeLocation(traits: LocationTraits(locks: false, takesUploadsOfOneKeyAtOnce: false))
    private let gateway: HostedRepository

    init() async throws {
        site = try Site(besides: [FakeDriver(place: place)])
        try await site.manager.create(name("gw"))
        gateway = try #require(try await site.catalog.repository(named: name("gw")))
    }

    private func configure(_ settings: [String: String]) async throws {
        let config = GitConfigFile(gateway.gitDirectory.appending("config"))
        for (key, value) in settings { try await config.set("remote.new.\(key)", value) }
    }

    @Test("it is identified, recorded, listed, and found by the UUID alone")
    func managed() async throws {
        try await configure(["url": "fake:1", "annex-proxy": "true"])
        let manager = try await ProxyManager(name("gw"), in: site.gateways)
        let update = try await manager.update()
        #expect(update.started.map(\.uuid) == [place.uuid])
        #expect(update.warnings == ["new has only just arrived"])
        let status = try #require(try await manager.list(asking: true).first)
        #expect(status.address == "fake:1" && status.cost == 150 && status.state == .proxied)
        #expect(status.health == .unreachable(reason: "it is imaginary"))
        _ = try await site.catalog.repository(named: name("gw"))
        await site.catalog.discard(gateway)
        let reopened = try #require(try await site.catalog.repository(named: name("gw")))
        #expect(try await site.gateways.repository(withUUID: place.uuid) === reopened)
    }

    @Test("content goes there and is logged; uploads of one key take turns, since its traits say so")
    func served() async throws {
        try await configure(["url": "fake:1", "annex-uuid": "\(place.uuid)", "annex-proxy": "true"])
        _ = try await ProxyManager(name("gw"), in: site.gateways).update()
        let location = try #require(
            try await site.gateways.location(for: place.uuid, in: gateway, caller: Caller()))
        #expect(location.traits == LocationTraits(locks: false, takesUploadsOfOneKeyAtOnce: true))
        let key = try Key(parsing: "URL-s3--x")
        let upload = Upload(client: [], associatedFile: nil, offset: 0, length: 3, body: FakeBody([1, 2, 3]))
        #expect(try await location.store(key, from: upload) == .stored(at: [place.uuid]))
        #expect(place[key] == [1, 2, 3])
        #expect(try await gateway.branch?.locations(of: key)[place.uuid] == .present)
        #expect(try await location.remove(key, before: nil) == .removed(from: [place.uuid]))
        #expect(try await gateway.branch?.locations(of: key)[place.uuid] != .present)
        place.script.failures[.isPresent] = LocationError(.misbehaved, "new makes no sense")
        await #expect(throws: LocationError(.misbehaved, "new makes no sense")) { try await location.isPresent(key) }
    }

    @Test("an obstacle is told to whoever asks for it, and to whoever lists it")
    func obstacle() async throws {
        try await configure(["url": "fake:later", "annex-uuid": "\(place.uuid)", "annex-proxy": "true"])
        let manager = try await ProxyManager(name("gw"), in: site.gateways)
        _ = try await manager.update()
        #expect(
            try await manager.list(asking: true).first?.health == .unreachable(reason: "nobody has asked it yet"))
        let error = await #expect(throws: LocationError.self) {
            try await site.gateways.location(for: place.uuid, in: gateway, caller: Caller())
        }
        #expect(error?.code == .notConfigured)
        #expect(place.asked.isEmpty)
    }
}
