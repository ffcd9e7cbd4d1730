import AnnexProtocol

extension ProxyConfiguration {
    /// The same, with the remotes that its gateways bring along, as the stock program makes them up: each git remote R
    /// that proxies for p, as far as this repository's own proxy.log knows, brings a remote `R-p` (spec 03 §1.5).
    ///
    /// - Parameters:
    ///   - recorded: proxy.log: what each gateway proxies for.
    ///   - own: the UUID of the repository whose configuration this is.
    func instantiating(_ recorded: [RepositoryUUID: Set<ProxyLog.Entry>], own: RepositoryUUID) -> ProxyConfiguration {
        var brought: [(remote: ProxiedRemote, ours: [ProxyLog.Entry])] = []
        let names = names
        for gateway in remotes where gateway.canBeGateway {
            guard let uuid = gateway.uuid, uuid != own, let entries = recorded[uuid] else { continue }
            // What the gateway calls this repository, where it proxies for it.
            let namesOfOwn = entries.filter { $0.uuid == own }.map { $0.name + "-" }
            for entry in entries.sorted() where entry.uuid != own {
                let remote = gateway.bringing(entry)
                if names.contains(remote.name) { continue }
                // `us-R-p` of R is our `R-p`: with it, names would grow with each update of two gateways in a circle.
                let ours = namesOfOwn.filter { entry.name.hasPrefix($0) }.map {
                    ProxyLog.Entry(uuid: entry.uuid, name: String(entry.name.dropFirst($0.count)))
                }
                brought.append((remote, ours))
            }
        }
        if brought.isEmpty { return self }
        let named = (remotes + brought.map(\.remote)).compactMap { remote in
            remote.uuid.map { ProxyLog.Entry(uuid: $0, name: remote.name) }
        }
        let known = (recorded[own] ?? []).union(named)
        var result = self
        result.append(brought.filter { known.isDisjoint(with: $0.ours) }.map(\.remote))
        return result
    }
}

extension ProxiedRemote {
    /// A gateway is asked for what it proxies at its own address; one that is a path only serves itself (spec 03 §1.5).
    fileprivate var canBeGateway: Bool {
        switch address {
        case .path: false
        case .annexHTTP, .gitHTTP: true
        case .unsupported: !isSpecial
        }
    }

    /// The remote that stands for one entry of this gateway.
    fileprivate func bringing(_ entry: ProxyLog.Entry) -> ProxiedRemote {
        var remote = self
        remote.name = name + "-" + entry.name
        remote.uuid = entry.uuid
        remote.gateway = name
        // Only `annex-proxy` and the cost are passed on.
        (remote.clusters, remote.isClusterGateway, remote.isPrivate) = ([], false, false)
        return remote
    }
}
