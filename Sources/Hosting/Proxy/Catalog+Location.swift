import AnnexBranch
public import AnnexProtocol
public import Locations
import Remotes
import SystemPackage

extension Catalog {
    /// The place that holds content for `uuid` within a repository: its own objects, or a remote that it proxies; nil
    /// where the repository does not serve it (spec 03 §1.4).
    ///
    /// Throws ``LocationError`` where proxy.log names it and the repository's git config does not allow it, and where the
    /// request has come back to a gateway that it had passed.
    public func location(
        for uuid: RepositoryUUID, in repository: HostedRepository, caller: Caller
    ) async throws -> (any ContentLocation)? {
        guard let own = repository.ownContent else { return nil }
        if uuid == own.uuid { return own }
        let routes = try await repository.routes
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
            let target = try await target(remote, uuid, gateway: own.uuid, caller)
            return LoggedLocation(
                name: remote.name, target: target, gateway: repository, branch: own.branch, catalog: self)
        }
    }

    /// Whether a repository below the root has the content; nil where none has that UUID, as far as the index knows.
    func hosts(_ key: Key, in uuid: RepositoryUUID) async throws -> Bool? {
        guard isHosted(uuid) else { return nil }
        return try await repository(withUUID: uuid)?.ownContent?.isPresent(key) ?? false
    }

    /// The remote as a place of its own.
    private func target(
        _ remote: ProxiedRemote, _ uuid: RepositoryUUID, gateway: RepositoryUUID, _ caller: Caller
    ) async throws -> any ContentLocation {
        switch remote.address {
        case .path(let path): return LocalRemote(name: remote.name, content: try await local(remote, path, uuid))
        case .annexHTTP(let url, let gitURL):
            let target = AnnexHTTPTarget(name: remote.name, uuid: uuid, url: url, gitURL: gitURL)
            return SerializedUploads(
                target: services.remotes.location(of: target, gateway: gateway, caller: caller),
                turns: turns(ofRemote: uuid), pool: services.pool)
        case .gitHTTP, .unsupported:
            throw LocationError(.notConfigured, "\(remote.name) cannot be reached: \(remote.address)")
        }
    }

    /// A repository on this machine, worked on directly. Who it is is asked each time (spec 03 §3.1).
    func local(_ remote: ProxiedRemote, _ path: FilePath, _ uuid: RepositoryUUID) async throws -> LocalContent {
        guard let repository = try await self.repository(at: path) else {
            throw LocationError(.unreachable, "\(remote.name): there is no repository at \(path)")
        }
        guard let content = repository.ownContent else {
            throw LocationError(.unreachable, "\(remote.name): the repository at \(path) is no annex")
        }
        guard content.uuid == uuid else {
            throw LocationError(
                .misbehaved, "\(remote.name): the repository at \(path) is \(content.uuid), not \(uuid)")
        }
        return content
    }
}
