public import AnnexProtocol
public import Locations

/// Repositories on other hosts that speak the P2P protocol over HTTP (spec 01 §7, spec 03 §3.3).
public struct AnnexHTTPDriver: RemoteDriver {
    private let connections: RemoteConnections

    public init(_ connections: RemoteConnections) { self.connections = connections }

    public func judge(_ remote: RemoteDescription) -> Reachability? {
        if let (url, _) = Self.urls(remote) {
            return Reachability(address: "annex+" + url.base, defaultCost: 200, canBeGateway: true)
        }
        guard Self.isGitOverHTTP(remote.url) else { return nil }
        return Reachability(
            address: Self.withoutUserInfo(remote.url), defaultCost: 200, canBeGateway: true,
            obstacle: .unidentified(reason: "its annex URL is not known: annexd proxy update"))
    }

    public func location(
        of remote: RemoteDescription, uuid: RepositoryUUID, for gateway: RepositoryUUID, caller: Caller
    ) async throws -> any ContentLocation {
        connections.location(of: try target(remote, uuid), gateway: gateway, caller: caller)
    }

    public func identify(_ remote: RemoteDescription) async throws -> RemoteIdentity? {
        if let (_, gitURL) = Self.urls(remote) {
            // Somebody has set its annex URL, which stays as it is.
            guard remote.uuid == nil, let gitURL else { return nil }
            return RemoteIdentity(uuid: try await connections.discover(gitURL: gitURL).uuid)
        }
        guard Self.isGitOverHTTP(remote.url) else { return nil }
        let found = try await connections.discover(gitURL: remote.url)
        var identity = RemoteIdentity(uuid: found.uuid)
        guard let annexURL = found.annexURL else { return identity }
        // Attack: whoever answers could send this host's requests, and credentials, to any other.
        if annexURL.host == AnnexURL("annex+" + remote.url)?.host {
            identity.annexURL = "annex+" + annexURL.base
        } else {
            identity.warning = "\(remote.name) names an annex URL on another host: \(annexURL.base)"
        }
        return identity
    }

    public func probe(
        _ remote: RemoteDescription, uuid: RepositoryUUID, for gateway: RepositoryUUID
    ) async -> RemoteHealth {
        guard let target = try? target(remote, uuid) else { return .unreachable(reason: "it has no annex URL") }
        switch await connections.probe(target, gateway: gateway) {
        case .available: return .reachable
        case .anotherRepository(let error), .unavailable(let error): return .unreachable(reason: error.message)
        }
    }

    public func usage(of remote: RemoteDescription, uuid: RepositoryUUID) -> RemoteConnections.Usage? {
        (try? target(remote, uuid)).map { connections.usage(of: $0) }
    }

    private func target(_ remote: RemoteDescription, _ uuid: RepositoryUUID) throws -> AnnexHTTPTarget {
        guard let (url, gitURL) = Self.urls(remote) else {
            throw LocationError(
                .notConfigured, "\(remote.name) cannot be reached: \(Self.withoutUserInfo(remote.url))")
        }
        return AnnexHTTPTarget(name: remote.name, uuid: uuid, url: url, gitURL: gitURL)
    }

    /// Where the protocol is spoken; and the URL of the git repository, which tells the credentials that apply.
    private static func urls(_ remote: RemoteDescription) -> (annex: AnnexURL, git: String?)? {
        if let url = AnnexURL(remote.annexURL) { return (url, remote.url.isEmpty ? nil : remote.url) }
        return AnnexURL(remote.url).map { ($0, nil) }
    }

    private static func isGitOverHTTP(_ url: String) -> Bool { url.hasPrefix("http://") || url.hasPrefix("https://") }

    private static func withoutUserInfo(_ url: String) -> String {
        guard let start = url.firstRange(of: "://")?.upperBound else { return url }
        let authority = url[start...].prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return url }
        return String(url[..<start] + url[url.index(after: at)...])
    }
}
