public import AnnexProtocol
import Blocking
public import Hosting
public import Locations
public import Remotes
import Synchronization

/// What stands behind hosted repositories: the remotes to which they pass requests on.
///
/// Only here is it decided whether a request is about a repository's own objects or about a remote, and what stands in
/// front of that remote.
public final class Gateways: Sendable {
    public let catalog: Catalog
    let drivers: RemoteDrivers
    /// Who uploads what to remotes that take one upload of a key at a time; as many as there are such remotes.
    private let turns = Mutex<[RepositoryUUID: KeyTurns]>([:])

    /// - Parameter drivers: the kinds of remotes, in the order in which they are asked.
    public init(_ catalog: Catalog, drivers: [any RemoteDriver]) {
        let drivers = RemoteDrivers(drivers)
        self.catalog = catalog
        self.drivers = drivers
        catalog.index { settings in
            let configuration = ProxyConfiguration(settings.config, top: settings.top, drivers)
            return GatewayFacts(
                proxies: configuration.candidateUUIDs, mayHaveGateways: configuration.mayHaveGateways)
        }
    }

    /// The place that holds content for `uuid` within a repository: its own objects, or a remote that it proxies; nil
    /// if the repository does not serve it (spec 03 §1.4).
    ///
    /// Throws ``LocationError`` if proxy.log names it and the repository's git config does not allow it, and if the
    /// request has come back to a gateway that it had passed.
    public func location(
        for uuid: RepositoryUUID, in repository: HostedRepository, caller: Caller
    ) async throws -> (any ContentLocation)? {
        guard let own = repository.ownContent, let branch = repository.branch else { return nil }
        if uuid == own.uuid { return own }
        let view = view(of: repository)
        let routes = try await view.routes
        switch routes.decide(uuid) {
        case .notServed: return nil
        case .notConfigured:
            // Attack: uuid.log may be large, and would be read for each of these refusals. So it is not asked.
            let name = routes.name(of: uuid).map { "\($0) (\(uuid))" } ?? "\(uuid)"
            throw LocationError(.notConfigured, "not configured to proxy for repository \(name)")
        case .remote(let remote):
            if caller.bypass.contains(own.uuid) {
                throw LocationError(
                    .loop, "the request for \(uuid) came back to \(repository.name), which passed it on")
            }
            let target = try await place(remote, uuid, gateway: own.uuid, caller)
            return LoggedLocation(
                name: remote.name, target: target, gateway: repository, branch: branch, changes: view.changes,
                catalog: catalog)
        }
    }

    /// The remote as a place of its own.
    private func place(
        _ remote: ProxiedRemote, _ uuid: RepositoryUUID, gateway: RepositoryUUID, _ caller: Caller
    ) async throws -> any ContentLocation {
        guard remote.reachability.obstacle == nil, let driver = drivers.driver(of: remote.description) else {
            throw LocationError(
                .notConfigured, "\(remote.name) cannot be reached: \(remote.reachability.address)")
        }
        let target = try await driver.location(of: remote.description, uuid: uuid, for: gateway, caller: caller)
        if target.traits.takesUploadsOfOneKeyAtOnce { return target }
        return SerializedUploads(target: target, turns: turns(of: uuid), pool: catalog.services.pool)
    }

    /// The line of uploads to a remote, whichever repository proxies it.
    private func turns(of uuid: RepositoryUUID) -> KeyTurns {
        turns.withLock { turns in
            if let known = turns[uuid] { return known }
            let fresh = KeyTurns()
            turns[uuid] = fresh
            return fresh
        }
    }

    /// How many uploads wait for another one of the same key, here and at remotes.
    public var waitingUploads: Int {
        turns.withLock { $0.values.reduce(0) { $0 + $1.waiting } } + catalog.waitingUploads
    }

    /// What a repository proxies; made once and kept for as long as it is open.
    func view(of repository: HostedRepository) -> GatewayView {
        repository.attached { GatewayView(repository, drivers) }
    }
}
