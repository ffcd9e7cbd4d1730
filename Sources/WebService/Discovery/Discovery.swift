import Accounts
import AnnexProtocol
import Hosting

/// `/<path>/config`.
struct Discovery {
    let context: ServiceContext
    let exchange: Exchange

    /// Of a name that does not exist, see ``AwaitedNames``.
    func run(_ name: RepositoryName) async throws {
        exchange.note(repository: name, operation: "config")
        try context.authorize(exchange, .config, repository: name)
        let repository = try await context.catalog.repository(named: name)
        var uuid = repository?.uuid
        if repository == nil {
            guard context.mayCreate(name, exchange) else { throw context.unknown(name) }
            guard context.awaitedNames.contains(name) else {
                context.awaitedNames.note(name)
                throw context.unknown(name)
            }
            // Without one clients ask again each time, and send content from the second run on.
            uuid = try await context.manager.uuidToBe(of: name)
        }
        guard let authority = context.publicAddress ?? exchange.addressUsed else {
            throw ServiceError.badRequest("the Host header is not a host")
        }
        let config = RepositoryConfig(
            name: repository?.name ?? name, uuid: uuid, authority: authority)
        try await exchange.respond(
            status: 200, headers: [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-cache")],
            body: Array(config.text.utf8))
    }
}
