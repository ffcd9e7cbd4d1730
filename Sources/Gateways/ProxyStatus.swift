public import AnnexProtocol
public import Remotes

/// What `proxy list` and `repo show` tell of one proxied remote.
public struct ProxyStatus: Sendable {
    public var name: String
    public var uuid: RepositoryUUID?
    /// Where it is, without credentials; nil where only proxy.log knows it.
    public var address: String?
    public var cost: Double?
    public var state: State
    /// Whether it can be reached now; nil where nobody asked.
    public var health: RemoteHealth?
    /// What the running server does with it; nil for remotes that need no connection, and where no server was asked.
    public var usage: RemoteConnections.Usage?

    public enum State: String, Sendable {
        /// Clients reach it.
        case proxied
        /// git config allows it, and proxy.log does not have it: `annexd proxy update` is due.
        case notRecorded = "not recorded"
        /// proxy.log has it, and git config does not allow it.
        case notConfigured = "not configured"
    }
}

extension ProxyManager {
    /// Every remote that is proxied, or nearly so, sorted by name.
    ///
    /// - Parameter asking: whether each is asked if it is there; all at once, each for a bounded time.
    public func list(asking: Bool) async throws -> [ProxyStatus] {
        let routes = try await self.routes
        let configuration = routes.configuration
        var result: [ProxyStatus] = []
        for remote in routes.shown {
            let isProxied = remote.uuid.map { routes.decide($0) == .remote(remote) } ?? false
            result.append(
                ProxyStatus(
                    name: remote.name, uuid: remote.uuid, address: remote.reachability.address, cost: remote.cost,
                    state: isProxied ? .proxied : .notRecorded))
        }
        for entry in routes.served where routes.decide(entry.uuid) == .notConfigured {
            result.append(ProxyStatus(name: entry.name, uuid: entry.uuid, state: .notConfigured))
        }
        result.sort { $0.name < $1.name }
        guard asking else { return result }
        return await withTaskGroup { group in
            for (index, status) in result.enumerated() {
                group.addTask { (index, await health(of: status, configuration)) }
            }
            for await (index, health) in group { result[index].health = health }
            return result
        }
    }

    private func health(
        of status: ProxyStatus, _ configuration: ProxyConfiguration
    ) async -> RemoteHealth? {
        guard let uuid = status.uuid, status.address != nil,
            let remote = configuration.remotes.first(where: { $0.name == status.name })
        else { return nil }
        if let obstacle = remote.reachability.obstacle { return .unreachable(reason: obstacle.reason) }
        return await gateways.drivers.driver(of: remote.description)?
            .probe(remote.description, uuid: uuid, for: self.uuid)
    }
}

extension ProxyManager {
    /// What goes on with each remote that is reached over a connection, by the remote's name.
    public func usage() async throws -> [String: RemoteConnections.Usage] {
        var result: [String: RemoteConnections.Usage] = [:]
        for remote in try await routes.shown {
            guard let uuid = remote.uuid, remote.reachability.obstacle == nil,
                let driver = gateways.drivers.driver(of: remote.description)
            else { continue }
            result[remote.name] = driver.usage(of: remote.description, uuid: uuid)
        }
        return result
    }
}
