public import AnnexProtocol
public import Hosting
import Logging

extension Gateways {
    /// The repository whose own UUID this is, else the one that proxies for it; nil if there is none, or if several are
    /// copies of one another or proxy for the same. As the index knows; see ``Catalog/firstScan(within:)``.
    public func repository(withUUID uuid: RepositoryUUID) async throws -> HostedRepository? {
        if catalog.isHosted(uuid) { return try await catalog.repository(withUUID: uuid) }
        let (candidates, indirect) = catalog.gateways(for: uuid)
        return try await gateway(for: uuid, among: candidates, else: indirect)
    }

    /// How many repositories are asked at most whether they proxy for a UUID.
    private static let askedRepositories = 16

    /// The repository that proxies for `uuid`, as its git config and its proxy.log say; nil where none does, or
    /// several.
    ///
    /// - Parameters:
    ///   - candidates: repositories whose git config lets them proxy for it.
    ///   - indirect: repositories with remotes that may be gateways for it; asked where no candidate does.
    private func gateway(
        for uuid: RepositoryUUID, among candidates: Set<RepositoryName>, else indirect: Set<RepositoryName>
    ) async throws -> HostedRepository? {
        // Nobody else can be meant: whoever asks it hears the reason where it does not serve the UUID.
        if candidates.count == 1, indirect.isSubset(of: candidates), let name = candidates.first {
            return try await catalog.repository(named: name)
        }
        for names in [candidates, indirect.subtracting(candidates)] {
            if names.count > Self.askedRepositories {
                catalog.tellAmbiguous(uuid, names)
                return nil
            }
            var serving: [HostedRepository] = []
            for name in names.sorted() {
                if let repository = try await repository(named: name, proxyingFor: uuid) { serving.append(repository) }
            }
            if serving.count > 1 { catalog.tellAmbiguous(uuid, Set(serving.map(\.name))) }
            if !serving.isEmpty { return serving.count == 1 ? serving[0] : nil }
        }
        return nil
    }

    /// Nil where it does not pass requests for `uuid` on; nil as well where that cannot be found out.
    private func repository(
        named name: RepositoryName, proxyingFor uuid: RepositoryUUID
    ) async throws -> HostedRepository? {
        do {
            guard let repository = try await catalog.repository(named: name),
                case .remote = try await view(of: repository).routes.decide(uuid)
            else { return nil }
            return repository
        } catch let error as CancellationError {
            throw error
        } catch {
            // What is wrong with one repository is no reason to refuse what another one serves.
            catalog.services.logger.warning(
                "whether a repository proxies for a UUID could not be found out",
                metadata: ["repository": "\(name)", "uuid": "\(uuid)", "error": "\(error)"])
            return nil
        }
    }
}
