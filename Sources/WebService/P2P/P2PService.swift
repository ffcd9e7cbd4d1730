import Accounts
import AnnexProtocol
import Gateways
import Hosting
import Locations
import NIOCore

/// The P2P protocol over HTTP: finds the place that a request is about and hands the operation to its file.
///
/// The operations know only ``ContentLocation``: whether it is this repository's own store, a proxied remote or a
/// cluster is decided here and nowhere else.
struct P2PService {
    let context: ServiceContext
    let exchange: Exchange

    func run(_ request: P2PRequest, within name: RepositoryName?) async throws {
        exchange.note(repository: name, operation: request.operation.name)
        // Before anything is looked up: who may not read learns nothing about what exists.
        try context.authorize(exchange, Permission(request.operation.permission), repository: name)
        var known = try await find(request.repository, within: name)
        var beginning: ByteBuffer?
        if known == nil, let name, try await isToBe(request.repository, name) {
            let version = request.version ?? .v0
            switch request.operation {
            case .checkPresent: return try await exchange.json(P2PReply.present(false).json(for: version))
            case .putOffset: return try await exchange.json(P2PReply.offset(0).json(for: version))
            case .put(let put) where !put.isDataPresent:
                beginning = try await create(name)
                known = try await find(request.repository, within: name)
            default: break
            }
        }
        guard let repository = known else {
            throw name.map(context.unknown) ?? context.unknown(request.repository)
        }
        let caller = Caller(client: request.client?.bytes ?? [], bypass: Set(request.bypass))
        let found = try await context.gateways.location(for: request.repository, in: repository, caller: caller)
        guard let location = found else {
            throw ServiceError.notFound("repository \(repository.name) does not serve \(request.repository)")
        }
        exchange.note(repository: repository.name, operation: request.operation.name)
        let handler = P2PHandler(
            version: request.version ?? .v0, client: caller.client, location: location,
            repository: repository, context: context, exchange: exchange, beginning: beginning)
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

    /// The repository that a request goes to, by its name where the URL has one.
    private func find(_ uuid: RepositoryUUID, within name: RepositoryName?) async throws -> HostedRepository? {
        guard let name else {
            try await context.waitUntilReady()
            return try await context.gateways.repository(withUUID: uuid)
        }
        if let repository = try await context.catalog.repository(named: name) { return repository }
        // An annex URL that ends in `/git-annex` makes clients say it twice (spec 01 §7.3).
        guard name.components.last == "git-annex" else { return nil }
        guard let shorter = RepositoryName(components: name.components.dropLast()) else {
            return try await find(uuid, within: nil)
        }
        return try await context.catalog.repository(named: shorter)
    }

    /// Whether this is the UUID that a repository of this name would have if this caller created it.
    private func isToBe(_ uuid: RepositoryUUID, _ name: RepositoryName) async throws -> Bool {
        guard context.mayCreate(name, exchange) else { return false }
        return try await context.manager.uuidToBe(of: name) == uuid
    }

    /// Makes a repository for content that has begun to come; answers the first of it.
    private func create(_ name: RepositoryName) async throws -> ByteBuffer? {
        try await context.requireSpaceForPush()
        let beginning = try await exchange.nextBytes()
        do {
            try await context.manager.create(name)
        } catch HostingError.exists {
            // Somebody else was first; what comes goes to the same repository.
        }
        return beginning
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
    /// What was read of the body already.
    var beginning: ByteBuffer?

    func reply(_ reply: P2PReply, headers: [(String, String)] = []) async throws {
        try await exchange.json(reply.json(for: version), headers: headers)
    }

    /// Of the repositories that have the content, or have lost it, those that were not asked: the client knows of the
    /// one that it asked.
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
