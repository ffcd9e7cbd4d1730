public import AnnexProtocol
public import Hosting
public import Locations
public import Remotes
import SystemPackage

/// Git repositories on this machine, hosted here or not; worked on directly.
public struct LocalRepositoryDriver: RemoteDriver {
    private let catalog: Catalog

    public init(_ catalog: Catalog) { self.catalog = catalog }

    public func judge(_ remote: RemoteDescription) -> Reachability? {
        // One that is a path only serves itself (spec 03 §1.5).
        Self.path(remote).map { Reachability(address: $0.string, defaultCost: 100, canBeGateway: false) }
    }

    /// Who the repository is is asked each time (spec 03 §3.1).
    public func location(
        of remote: RemoteDescription, uuid: RepositoryUUID, for gateway: RepositoryUUID, caller: Caller
    ) async throws -> any ContentLocation {
        let content = try await content(of: remote)
        guard content.uuid == uuid else {
            let path = Self.path(remote)?.string ?? ""
            throw LocationError(
                .misbehaved, "\(remote.name): the repository at \(path) is \(content.uuid), not \(uuid)")
        }
        return LocalRemote(name: remote.name, content: content)
    }

    public func identify(_ remote: RemoteDescription) async throws -> RemoteIdentity? {
        guard remote.uuid == nil, let path = Self.path(remote) else { return nil }
        return RemoteIdentity(uuid: try await catalog.repository(at: path)?.uuid)
    }

    public func probe(
        _ remote: RemoteDescription, uuid: RepositoryUUID, for gateway: RepositoryUUID
    ) async -> RemoteHealth {
        do {
            _ = try await location(of: remote, uuid: uuid, for: gateway, caller: Caller())
            return .reachable
        } catch {
            return .unreachable(reason: LocationError(of: error)?.message ?? "\(error)")
        }
    }

    public func usage(of remote: RemoteDescription, uuid: RepositoryUUID) -> RemoteConnections.Usage? { nil }

    private func content(of remote: RemoteDescription) async throws -> any ContentLocation {
        guard let path = Self.path(remote), let repository = try await catalog.repository(at: path) else {
            let place = Self.path(remote)?.string ?? remote.url
            throw LocationError(.unreachable, "\(remote.name): there is no repository at \(place)")
        }
        guard let content = repository.ownContent else {
            throw LocationError(.unreachable, "\(remote.name): the repository at \(path) is no annex")
        }
        return content
    }

    private static func path(_ remote: RemoteDescription) -> FilePath? {
        let url = remote.url
        if url.isEmpty { return nil }
        if url.hasPrefix("file:///"), let path = percentDecoded(url.dropFirst("file://".count)) { return path }
        if url.hasPrefix("/") { return FilePath(url).lexicallyNormalized() }
        // `host:path` is a path of another machine.
        if url.prefix(while: { $0 != "/" }).contains(":") { return nil }
        return remote.top.pushing(FilePath(url)).lexicallyNormalized()
    }

    private static func percentDecoded(_ text: Substring) -> FilePath? {
        guard let bytes = try? PercentEncoding.decode(Array(text.utf8)), !bytes.contains(0) else { return nil }
        return FilePath(String(decoding: bytes, as: UTF8.self)).lexicallyNormalized()
    }
}
