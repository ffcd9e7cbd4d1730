import AnnexProtocol
import Locations

/// A repository on this machine as a remote of another one: says in its errors which remote it is, as remotes on other
/// hosts do.
struct LocalRemote: ContentLocation {
    /// What the gateway calls it.
    let name: String
    let content: any ContentLocation

    var uuid: RepositoryUUID { content.uuid }
    var traits: LocationTraits { content.traits }

    func isPresent(_ key: Key) async throws -> Bool { try await naming { try await content.isPresent(key) } }

    func open(_ key: Key, for reading: Reading) async throws -> Content? {
        try await naming { try await content.open(key, for: reading) }
    }

    func partial(of key: Key, for client: [UInt8]) async throws -> PartialContent {
        try await naming { try await content.partial(of: key, for: client) }
    }

    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        try await naming { try await content.store(key, from: upload) }
    }

    func confirm(_ key: Key) async throws -> StoreOutcome { try await naming { try await content.confirm(key) } }

    func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome {
        try await naming { try await content.remove(key, before: deadline) }
    }

    func lock(_ key: Key) async throws -> (any HeldLock)? { try await naming { try await content.lock(key) } }

    private func naming<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as LocationError {
            var named = error.at(name)
            // What was asked for is the gateway, and that is there.
            if [.gone, .reconfigured].contains(named.code) { named.code = .unreachable }
            throw named
        }
    }
}
