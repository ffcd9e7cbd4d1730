import Accounts
import AnnexProtocol
import Hosting
import Locations

/// Content at the URL of its object, for clients that know no P2P protocol over HTTP (before 2024-08). Read only, and
/// from the object store, whichever layout that has.
struct ObjectFile {
    let context: ServiceContext
    let exchange: Exchange

    func run(_ key: Key, of name: RepositoryName) async throws {
        exchange.note(repository: name, operation: "object")
        try context.authorize(exchange, .read, repository: name)
        guard let repository = try await context.catalog.repository(named: name) else { throw context.unknown(name) }
        exchange.note(repository: repository.name, operation: "object")
        guard let own = repository.ownContent else {
            throw ServiceError.notFound("\(repository.name) has no UUID, and so no content")
        }
        let handler = P2PHandler(
            version: .v0, client: [], location: own, repository: repository, context: context, exchange: exchange)
        try await handler.getContent(key, from: 0)
    }
}
