import Gateways
import Hosting
import Remotes

extension Gateways {
    /// With the kinds of remotes that this program reaches; the first one that knows a remote has it.
    convenience init(_ catalog: Catalog, _ remotes: RemoteConnections) {
        self.init(
            catalog,
            drivers: [
                AnnexHTTPDriver(remotes),
                LocalRepositoryDriver(catalog),
            ])
    }
}
