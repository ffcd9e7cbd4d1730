import Accounts
import AnnexProtocol
import Gateways
import Hosting
import Locations

/// The P2P protocol over HTTP: finds the place that a request is about and hands the operation to its file.
///
/// The operations know only ``ContentLocation``: whether it is this repository's own store, a proxied remote or a cluster
/// is decided here and nowhere else.
struct P2PService {
    let context: ServiceContext
    let exchange: Exchange

    func run(_ request: P2PRequest, within name: RepositoryName?) async throws {
        exchange.note(repository: name, operation: request.operation.name)
        // Before anything is looked up: who may not read learns nothing about what exists.
        try context.authorize(exchange, Permission(request.operation.permission), repository: name)
        let repository = try await repository(for: request, within: name)
        let caller = Caller(client: request.client?.bytes ?? [], bypass: Set(request.bypass))
        let found = try await context.gateways.location(for: request.repository, in: repository, caller: caller)
        guard let location = found else {
            throw ServiceError.notFound("repository \(repository.name) does not serve \(request.repository)")
        }
        exchange.note(repository: repository.name, operation: request.operation.name)
        let handler = P2PHandler(
            version: request.version ?? .v0, client: caller.client, location: location,
            repository: repository, context: context, exchange: exchange)
        switch request.operation {
        case .getContent(let key, let offset, _): try await handler.getContent(key, from: offset)
        case .checkPresent(let key): try await handler.checkPresent(key)
        case .lockContent(let key): try await handler.lockContent(key)
        case .keepLocked(let id): try await handler.keepLocked(id)
        case .remove(let key): try await handler.remove(key, before: nil)
        case .removeBefore(let key, let timestamp):
            try await handler.remove(key, before: BootSeconds(Int64(clamping: timestamp)))
        case .getTimestamp: try await handler.getTimestamp()
        case .put(let put): try await handler.put(put)
        case .putOffset(let key): try await handler.putOffset(key)
        }
    }

    private func repository(for request: P2PRequest, within name: RepositoryName?) async throws -> HostedRepository {
        if let name {
            if let repository = try await context.catalog.repository(named: name) { return repository }
            // An annex URL that ends in `/git-annex` makes clients say it twice (spec 01 §7.3).
            if name.components.last == "git-annex" {
                guard let shorter = RepositoryName(components: name.components.dropLast()) else {
                    return try await repository(for: request, within: nil)
                }
                if let repository = try await context.catalog.repository(named: shorter) { return repository }
            }
            throw context.unknown(name)
        }
        try await context.waitUntilReady()
        guard let repository = try await context.gateways.repository(withUUID: request.repository) else {
            throw context.unknown(request.repository)
        }
        return repository
    }
}

/// One operation of the P2P protocol on one place that holds content.
struct P2PHandler {
    let version: P2PVersion
    /// Who asks, as it calls itself; empty where it did not say.
    let client: [UInt8]
    let location: any ContentLocation
    let repository: HostedRepository
    let context: ServiceContext
    let exchange: Exchange

    func reply(_ reply: P2PReply, headers: [(String, String)] = []) async throws {
        try await exchange.json(reply.json(for: version), headers: headers)
    }

    /// Of the repositories that have the content, or have lost it, those that were not asked: the client knows of the one
    /// that it asked.
    func others(_ places: [RepositoryUUID]) -> [RepositoryUUID] { places.filter { $0 != location.uuid } }
}

extension Permission {
    fileprivate init(_ permission: P2POperation.Permission) {
        switch permission {
        case .read: self = .read
        case .write: self = .write
        case .remove: self = .remove
        case .lock: self = .lock
        }
    }
}

extension P2POperation {
    /// For the log and the metrics.
    fileprivate var name: String {
        switch self {
        case .getContent: "get"
        case .checkPresent: "checkpresent"
        case .lockContent: "lockcontent"
        case .keepLocked: "keeplocked"
        case .remove: "remove"
        case .removeBefore: "remove-before"
        case .getTimestamp: "gettimestamp"
        case .put: "put"
        case .putOffset: "putoffset"
        }
    }
}
