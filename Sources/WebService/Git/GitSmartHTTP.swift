import Accounts
import AnnexProtocol
import GitHost
import Hosting
import Locations
import Logging

/// Git over HTTP: the smart services first, plain files for clients that know no better (gitprotocol-http(5)).
struct GitSmartHTTP {
    let context: ServiceContext
    let exchange: Exchange

    func run(_ operation: Route.GitOperation, on name: RepositoryName) async throws {
        switch operation {
        case .advertisement(let service):
            switch service.map({ GitService(rawValue: String(decoding: $0, as: UTF8.self)) }) {
            case .some(.uploadPack?): try await advertiseUploadPack(of: name)
            case .some(.receivePack?): try await advertiseReceivePack(of: name)
            case .some(.none): throw ServiceError.forbidden("there is no such git service here")
            case .none: try await DumbGit(context: context, exchange: exchange).infoRefs(of: name)
            }
        case .uploadPack: try await uploadPack(from: name)
        case .receivePack: try await ReceivePack(context: context, exchange: exchange).run(on: name)
        case .file(let path): try await DumbGit(context: context, exchange: exchange).file(path, of: name)
        }
    }

    /// A name that does not exist is no repository to read. But DataLad fetches the git-annex branch before its first
    /// push, and goes on only where git says that there is no such ref: so who may create is told that, by version 2 of
    /// the protocol, in which each request says what it is about.
    private func advertiseUploadPack(of name: RepositoryName) async throws {
        if try await isYetToBeMade(name) {
            exchange.note(repository: name, operation: "info/refs")
            return try await advertise(.uploadPack, SmartHTTP(try await context.manager.emptyRepository()))
        }
        let repository = try await context.readable(name, exchange)
        exchange.note(repository: repository.name, operation: "info/refs")
        await repository.flushBranch()
        try await advertise(.uploadPack, context.git(repository, try await reading(repository)))
    }

    /// Whether there is no repository of this name, and this caller may create it and speaks version 2.
    private func isYetToBeMade(_ name: RepositoryName) async throws -> Bool {
        try context.authorize(exchange, .gitRead, repository: name)
        guard GitProtocol(header: exchange.header("Git-Protocol")).version == 2, context.mayCreate(name, exchange)
        else { return false }
        return try await context.catalog.repository(named: name) == nil
    }

    /// A clone of a repository in which there is nothing yet is told that it is empty, rather than that its HEAD is
    /// broken.
    private func reading(_ repository: HostedRepository) async throws -> SmartHTTP.Options {
        var options = SmartHTTP.Options()
        if try await repository.isFresh { options.hiddenRefs = [HostedRepository.branchRef] }
        return options
    }

    /// A name that does not exist is advertised as an empty repository where a push may create it. Nothing is created
    /// yet: `git push --dry-run`, or a push that fails, leaves nothing behind.
    private func advertiseReceivePack(of name: RepositoryName) async throws {
        try context.authorize(exchange, .gitWrite, repository: name)
        exchange.note(repository: name, operation: "info/refs")
        // Refused here, since git shows people the words of this answer, and not those of the next.
        try await context.requireSpaceForPush()
        guard let repository = try await context.catalog.repository(named: name) else {
            try context.requireCreation(of: name, exchange)
            context.awaitedNames.note(name)
            var options = SmartHTTP.Options()
            // The repository is made in the format of the one that is pushed.
            options.offeredFormats = [.sha256]
            let empty = try await context.manager.emptyRepository()
            return try await advertise(.receivePack, SmartHTTP(empty, options: options))
        }
        var options = SmartHTTP.Options()
        if try await repository.hidesBranch() {
            options.hiddenRefs = [HostedRepository.branchRef]
        } else {
            // What a client is shown is what its push is judged by.
            await repository.flushBranch()
        }
        do { try await advertise(.receivePack, context.git(repository, options)) } catch let error as GitError
            where exchange.status == nil
        {
            // As an answer of git's, whose words it shows.
            let reason = ServiceError(error).reason
            context.logger.error("push failed", metadata: ["request": "\(exchange.id)", "error": "\(error)"])
            exchange.note(reason: reason)
            let answer = GitAnswer(exchange, contentType: GitService.receivePack.advertisementType)
            try await answer.write(SmartHTTP.failure(reason, of: .receivePack))
            try await answer.finish()
        }
    }

    private func advertise(_ service: GitService, _ git: SmartHTTP) async throws {
        let answer = GitAnswer(exchange, contentType: service.advertisementType)
        try await context.gitSlots.withSlot(for: exchange.clientAddress.group) { slot in
            try await git.advertise(service, GitProtocol(header: exchange.header("Git-Protocol"))) { chunk in
                try await slot.whileWaiting { try await answer.write(chunk) }
            }
        }
        try await answer.finish()
    }

    private func uploadPack(from name: RepositoryName) async throws {
        if try await isYetToBeMade(name) { return try await sayThatNothingIsThere(name) }
        let repository = try await context.readable(name, exchange)
        exchange.note(repository: repository.name, operation: "upload-pack")
        try exchange.requireContentType(GitService.uploadPack.requestType)
        let body = GitBody(exchange, pace: context.gitPace)
        var start: [UInt8] = []
        let isWhole = try await body.read(into: &start, until: GitBody.readAhead)
        let beginning = start
        // Version 2 lists refs in this request.
        await repository.flushBranch()
        let answer = GitAnswer(exchange, contentType: GitService.uploadPack.resultType)
        let git = context.git(repository, try await reading(repository))
        let result = try await context.gitSlots.withSlot(for: exchange.clientAddress.group) { slot in
            try await git.respond(
                .uploadPack, GitProtocol(header: exchange.header("Git-Protocol")),
                feed: { input in
                    guard try await input.write(beginning), !isWhole else { return }
                    while let chunk = try await slot.whileWaiting({ try await body.next() }) {
                        guard try await input.write(chunk) else { return }
                    }
                },
                to: { chunk in try await slot.whileWaiting { try await answer.write(chunk) } })
        }
        if result.status != 0 { exchange.note(reason: result.errors) }
        try await answer.finish()
    }
}

extension GitSmartHTTP {
    /// Answers that there are no such refs, or to a clone that there is no such repository.
    private func sayThatNothingIsThere(_ name: RepositoryName) async throws {
        exchange.note(repository: name, operation: "upload-pack")
        try exchange.requireContentType(GitService.uploadPack.requestType)
        var start: [UInt8] = []
        guard try await GitBody(exchange, pace: context.gitPace).read(into: &start, until: GitBody.readAhead) else {
            throw context.unknown(name)
        }
        let isAboutRefs = RefQuestion(start)?.namesRefs ?? false
        let answer = GitAnswer(exchange, contentType: GitService.uploadPack.resultType)
        let reason = "there is no repository \(name); a push to it creates it"
        if !isAboutRefs { exchange.note(reason: reason) }
        try await answer.write(GitChunk(isAboutRefs ? RefQuestion.noRefs : RefQuestion.refusal(reason)))
        try await answer.finish()
    }
}

extension ServiceContext {
    /// The services of git on a repository.
    func git(_ repository: HostedRepository, _ options: SmartHTTP.Options = .init()) -> SmartHTTP {
        var options = options
        options.memory = catalog.services.gitMemory
        return SmartHTTP(repository.gitDirectory, options: options)
    }

    /// The repository with this name, if the caller may read it.
    func readable(_ name: RepositoryName, _ exchange: Exchange) async throws -> HostedRepository {
        try authorize(exchange, .gitRead, repository: name)
        guard let repository = try await catalog.repository(named: name) else { throw unknown(name) }
        return repository
    }

    /// Throws a 507 where the disk has no room for even a small push: git would leave half of it behind.
    func requireSpaceForPush() async throws {
        if try await catalog.isReadOnly() { throw ServiceError.readOnlyDisk }
        if let missing = try await catalog.spaceMissingForPush() {
            throw ServiceError(.notEnoughSpace(missing: missing))
        }
    }

    /// Whether a push by this caller would create the repository, were it not there.
    func mayCreate(_ name: RepositoryName, _ exchange: Exchange) -> Bool {
        createsOnPush && allows(exchange, .create, repository: name)
    }

    /// Throws unless a push by this caller may create the repository.
    func requireCreation(of name: RepositoryName, _ exchange: Exchange) throws {
        guard createsOnPush else { throw unknown(name) }
        try authorize(exchange, .create, repository: name)
    }
}
