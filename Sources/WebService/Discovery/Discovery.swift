import Accounts
import AnnexProtocol
import Hosting

/// `/<path>/config`.
struct Discovery {
    let context: ServiceContext
    let exchange: Exchange

    /// A name that does not exist is a 404: a client that pushes there asks again afterwards, finds the UUID and sends
    /// content in the same run, which it would not do after a config without a UUID.
    func run(_ name: RepositoryName) async throws {
        exchange.note(repository: name, operation: "config")
        try context.authorize(exchange, .config, repository: name)
        guard let repository = try await context.catalog.repository(named: name) else { throw context.unknown(name) }
        guard let authority = context.publicAddress ?? exchange.addressUsed else {
            throw ServiceError.badRequest("the Host header is not a host")
        }
        let config = RepositoryConfig(name: repository.name, uuid: repository.uuid, authority: authority)
        try await exchange.respond(
            status: 200, headers: [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-cache")],
            body: Array(config.text.utf8))
    }
}
