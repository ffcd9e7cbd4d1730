import AnnexBranch
import Hosting
import Remotes
import Synchronization

/// What an open repository proxies, and what is going on with it. Goes away with the open repository.
final class GatewayView: Sendable {
    /// The changes at its remotes that are not logged yet.
    let changes = ChangesInFlight()
    // The view goes away with the repository, and does not keep it.
    private unowned let repository: HostedRepository
    private let drivers: RemoteDrivers
    private let cache: CachedLog<ProxyConfiguration, ProxyRoutes>?
    /// What the git config of the last request came to.
    private let known = Mutex<(generation: UInt64, configuration: ProxyConfiguration)?>(nil)

    init(_ repository: HostedRepository, _ drivers: RemoteDrivers) {
        self.repository = repository
        self.drivers = drivers
        cache = repository.uuid.map {
            ProxyRoutes.cached(own: $0, name: repository.name, services: repository.services)
        }
    }

    /// What it proxies, as its git config and proxy.log say now. Asked for every request for another repository, so
    /// that a push, a commit or another program's change counts at once; computed only when one of the two has changed.
    var routes: ProxyRoutes {
        get async throws {
            let repository = repository
            let settings = try await repository.perform { try repository.currentSettings() }
            let configuration = configuration(settings)
            guard let branch = repository.branch, let cache else { return ProxyRoutes(configuration, served: []) }
            return try await cache.value(in: branch, with: configuration)
        }
    }

    /// How often the routes had to be computed.
    var derivations: Int { cache?.derivations ?? 0 }

    private func configuration(_ settings: RepositorySettings) -> ProxyConfiguration {
        if let known = known.withLock({ $0 }), known.generation == settings.generation { return known.configuration }
        let configuration = ProxyConfiguration(settings.config, top: settings.top, drivers)
        known.withLock { $0 = (settings.generation, configuration) }
        return configuration
    }
}
