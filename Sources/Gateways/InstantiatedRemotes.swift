import AnnexProtocol
import Remotes

extension ProxyConfiguration {
    /// The same, with the remotes that its gateways bring along, as the stock program makes them up: each git remote R
    /// that proxies for p, as far as this repository's own proxy.log knows, brings a remote `R-p` (spec 03 §1.5).
    ///
    /// - Parameters:
    ///   - recorded: proxy.log: what each gateway proxies for.
    ///   - own: the UUID of the repository whose configuration this is.
    func instantiating(_ recorded: [RepositoryUUID: Set<ProxyLog.Entry>], own: RepositoryUUID) -> ProxyConfiguration {
        var lookups = 0
        return instantiating(recorded, own: own, lookups: &lookups)
    }

    /// - Parameter lookups: grows by how many names were looked up, however the entries relate to one another.
    func instantiating(
        _ recorded: [RepositoryUUID: Set<ProxyLog.Entry>], own: RepositoryUUID, lookups: inout Int
    ) -> ProxyConfiguration {
        var brought: [(remote: ProxiedRemote, ours: [ProxyLog.Entry])] = []
        let names = names
        for gateway in remotes where gateway.reachability.canBeGateway {
            guard let uuid = gateway.uuid, uuid != own, let entries = recorded[uuid] else { continue }
            // What the gateway calls this repository, where it proxies for it.
            let namesOfOwn = NamePrefixes(entries.lazy.filter { $0.uuid == own }.map(\.name))
            for entry in entries.sorted() where entry.uuid != own {
                let remote = gateway.bringing(entry)
                if names.contains(remote.name) { continue }
                // `us-R-p` of R is our `R-p`: with it, names would grow with each update of two gateways in a circle.
                let ours = namesOfOwn.remainders(of: entry.name, lookups: &lookups).map {
                    ProxyLog.Entry(uuid: entry.uuid, name: $0)
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

    /// The repositories whose lines in proxy.log matter: those that a remote may be a gateway to.
    var gateways: Set<RepositoryUUID> { Set(remotes.lazy.filter(\.reachability.canBeGateway).compactMap(\.uuid)) }
}

/// Names, each of which may be followed by a hyphen and another name.
///
/// Attack: names and entries both come from proxy.log. Were each compared with each, a log of 0.9 MB, far below what a
/// push may bring, would take minutes.
struct NamePrefixes {
    private let names: Set<String>
    /// In bytes; where no name has the length of a beginning, it need not be looked up.
    private let lengths: Set<Int>

    init(_ names: some Sequence<String>) {
        self.names = Set(names)
        lengths = Set(self.names.map(\.utf8.count))
    }

    /// What follows the hyphen after each of the names that `text` begins with.
    ///
    /// - Parameter lookups: grows by at most one for each hyphen in `text`.
    func remainders(of text: String, lookups: inout Int) -> [String] {
        if names.isEmpty { return [] }
        var result: [String] = []
        let bytes = text.utf8
        for (length, index) in bytes.indices.enumerated()
        where bytes[index] == UInt8(ascii: "-") && lengths.contains(length) {
            lookups += 1
            if names.contains(String(text[..<index])) { result.append(String(text[bytes.index(after: index)...])) }
        }
        return result
    }
}

extension ProxiedRemote {
    /// The remote that stands for one entry of this gateway.
    fileprivate func bringing(_ entry: ProxyLog.Entry) -> ProxiedRemote {
        var remote = self
        remote.description.name = name + "-" + entry.name
        remote.description.uuid = entry.uuid
        remote.gateway = name
        // Only `annex-proxy` and the cost are passed on.
        (remote.clusters, remote.isClusterGateway, remote.isPrivate) = ([], false, false)
        return remote
    }
}
