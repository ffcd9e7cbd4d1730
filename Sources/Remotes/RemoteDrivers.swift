/// The kinds of remotes that this host reaches. The first one that knows a remote has it.
public struct RemoteDrivers: Sendable {
    private let drivers: [any RemoteDriver]

    public init(_ drivers: [any RemoteDriver]) { self.drivers = drivers }

    /// Who reaches the remote, and how; without a driver there is an obstacle.
    public func judge(_ remote: RemoteDescription) -> (driver: (any RemoteDriver)?, reachability: Reachability) {
        for driver in drivers {
            if let reachability = driver.judge(remote) { return (driver, reachability) }
        }
        let reason =
            remote.isSpecial
            ? "special remotes are not proxied yet"
            : "remotes at \(remote.url.prefix { $0 != "/" })… are not proxied yet"
        let unknown = Reachability(
            address: reason, defaultCost: 200, canBeGateway: !remote.isSpecial,
            obstacle: .unsupported(reason: reason))
        return (nil, unknown)
    }

    public func driver(of remote: RemoteDescription) -> (any RemoteDriver)? { judge(remote).driver }
}
