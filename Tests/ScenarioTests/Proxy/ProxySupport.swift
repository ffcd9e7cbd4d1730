import TestKit
import Testing

/// Runs a scenario with a fresh server whose repository `team/gateway` proxies a remote of this kind.
func withProxy(
    _ kind: ProxySetup.Kind, _ options: AnnexdHost.Options = .init(), other: AnnexdHost.Options = .init(),
    sourceLocation: SourceLocation = #_sourceLocation, _ body: (ProxySetup) throws -> Void
) throws {
    try withHost(options, sourceLocation: sourceLocation) { host, client in
        let setup = try ProxySetup(kind, host, client, other: other)
        do {
            try body(setup)
            try setup.otherHost?.stop()
        } catch {
            let log = setup.otherHost.map { "\n--- log of the other server ---\n\($0.log.suffix(3000))" } ?? ""
            throw TestKitError(.commandFailed, "\(error)\(log)")
        }
    }
}

extension ProxySetup {
    /// Whether the gateway's location log, journal included, has the key at the remote.
    func gatewayLists(_ key: String) throws -> Bool {
        let listed = try gateway.tree(client).attempt("git", "annex", "whereis", "--json", "--key", key).text
        return listed.contains(targetUUID)
    }

    /// Whether the remote's own location log has the key at the remote.
    func targetLists(_ key: String) throws -> Bool {
        try target.attempt("git", "annex", "whereis", "--json", "--key", key).text.contains(targetUUID)
    }
}
