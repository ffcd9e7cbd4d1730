import AnnexProtocol
import Blocking
import FileIO
import GitHost
import Hosting

/// The files of the dumb HTTP protocol, for clients without the smart one.
struct DumbGit {
    let context: ServiceContext
    let exchange: Exchange

    func infoRefs(of name: RepositoryName) async throws {
        let repository = try await context.readable(name, exchange)
        exchange.note(repository: repository.name, operation: "info/refs")
        await repository.flushBranch()
        let refs = try await context.gitSlots.withSlot(for: exchange.clientAddress.group) { _ in
            try await DumbHTTP(repository.gitDirectory).infoRefs()
        }
        try await text(refs)
    }

    /// - Parameter path: the components below the repository: `HEAD`, or those below and with `objects`.
    func file(_ path: [String], of name: RepositoryName) async throws {
        let repository = try await context.readable(name, exchange)
        exchange.note(repository: repository.name, operation: "git-object")
        let files = DumbHTTP(repository.gitDirectory)
        switch path {
        case ["HEAD"]:
            let head = try await context.gitSlots.withSlot(for: exchange.clientAddress.group) { _ in
                try await files.head()
            }
            try await text(head)
        case ["objects", "info", "packs"]:
            try await text(try await repository.services.pool.run { try files.packs() })
        default:
            guard let file = files.objectFile(path.joined(separator: "/")) else {
                throw ServiceError.notFound("Not Found")
            }
            let opened = try await repository.services.pool.run { try file.open() }
            guard let (content, size) = opened else { throw ServiceError.notFound("Not Found") }
            try await exchange.respond(
                status: 200,
                headers: [("Content-Type", file.contentType), ("Cache-Control", "public, max-age=31536000")],
                file: content, offset: 0, length: size, isUnchanged: nil)
        }
    }

    private func text(_ bytes: [UInt8]) async throws {
        try await exchange.respond(
            status: 200, headers: [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-cache")],
            body: bytes)
    }
}
