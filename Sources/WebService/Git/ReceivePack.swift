import Accounts
import AnnexBranch
import AnnexProtocol
import Blocking
import GitHost
import Hosting
import Logging

/// `git-receive-pack`: takes a push, and does what must be true before the client hears that it succeeded.
struct ReceivePack {
    let context: ServiceContext
    let exchange: Exchange

    /// How many bytes of commands are read before the push has a place of its own: those of about 2000 refs, which take
    /// some four times as much once they are parsed. Connections without a place are many.
    private static let readWithoutSlot = 256 << 10

    func run(on name: RepositoryName) async throws {
        try context.authorize(exchange, .gitWrite, repository: name)
        exchange.note(repository: name, operation: "receive-pack")
        try exchange.requireContentType(GitService.receivePack.requestType)
        let body = GitBody(exchange, pace: context.gitPace)
        var request = ReceivePackRequest()
        if try await readCommands(of: &request, body, until: Self.readWithoutSlot) {
            return try await serve(request, followedBy: body, on: name, in: nil)
        }
        let beginning = request
        try await context.gitSlots.withSlot(for: exchange.clientAddress.group) { slot in
            var request = beginning
            try await slot.whileWaiting { _ = try await readCommands(of: &request, body, until: .max) }
            try await serve(request, followedBy: body, on: name, in: slot)
        }
    }

    /// - Parameter slot: the place of the push; nil where it has to get one.
    private func serve(
        _ request: ReceivePackRequest, followedBy body: GitBody, on name: RepositoryName, in slot: GitSlot?
    ) async throws {
        if request.commands.isEmpty, try await context.catalog.repository(named: name) == nil {
            // Git asks with nothing at all whether it may push, before it sends much: yes, and nothing is created yet.
            try context.requireCreation(of: name, exchange)
            return try await GitAnswer(exchange, contentType: GitService.receivePack.resultType).finish()
        }
        if request.commands.contains(where: { !$0.isDeletion }) { try await context.requireSpaceForPush() }
        let (repository, isNew) = try await repository(named: name, for: request)
        try await repository.keepingOpen {
            try await receive(request, followedBy: body, into: repository, isNew: isNew, in: slot)
        }
    }

    private func receive(
        _ request: ReceivePackRequest, followedBy body: GitBody, into repository: HostedRepository, isNew: Bool,
        in slot: GitSlot?
    ) async throws {
        let answer = GitAnswer(exchange, contentType: GitService.receivePack.resultType)
        var start = request.forwarded
        let isWhole = try await body.read(into: &start, until: start.count + GitBody.readAhead)
        let beginning = start
        body.mayTakeItsTime()
        let (git, notice) = try await git(for: request, into: repository, isNew: isNew)
        let outcome: Result<GitOutputOf<Int>, any Error> = try await withSlot(slot) { slot in
            let rest = isWhole ? nil : try await spool(body, of: request, for: repository, in: slot)
            // What this begins is ended by `conclude` alone: nothing may fail in between.
            try await prepare(repository, for: request)
            do {
                if let notice { try await slot.whileWaiting { try await answer.write(notice) } }
                return .success(
                    try await git.respond(
                        .receivePack, GitProtocol(header: exchange.header("Git-Protocol")),
                        feed: { input in
                            guard try await input.write(beginning), !isWhole else { return }
                            if let rest { return try await rest.feed(input) }
                            while let chunk = try await slot.whileWaiting({ try await body.next() }) {
                                guard try await input.write(chunk) else { return }
                            }
                        },
                        to: { chunk in try await slot.whileWaiting { try await answer.write(chunk) } }))
            } catch {
                return .failure(error)
            }
        }
        // Refs may have moved although the client is gone; what follows must be done all the same.
        await conclude(repository, request)
        let result = try outcome.get()
        if result.status != 0 { exchange.note(reason: result.errors) }
        try await answer.finish()
    }

    /// Git for this push, and what the person who pushes is told before git answers.
    private func git(
        for request: ReceivePackRequest, into repository: HostedRepository, isNew: Bool
    ) async throws -> (git: SmartHTTP, notice: GitChunk?) {
        var options = SmartHTTP.Options()
        options.isBare = repository.isBare
        options.maximumPackSize = context.maximumPack
        if !repository.isBare { options.environment = try await ContentFilters.disabling(in: repository.gitDirectory) }
        let succession =
            repository.isBare ? try await HeadFollower.succession(request.commands, in: repository.gitDirectory) : nil
        options.allowsDeletingHead = succession?.next != nil
        let policy = RefPolicy(mayRewrite: context.allows(exchange, .gitRewrite, repository: repository.name))
        let (hooks, gitDirectory) = (context.catalog.root.hooks, repository.gitDirectory)
        do {
            options.hooks = try await repository.services.pool.run {
                try PushHooks(
                    hooks, for: request.commands, of: policy, in: gitDirectory, program: OwnProgram.path)
            }
        } catch let refused as PushHooks.TooManyRefused {
            let ref = String(decoding: refused.ref, as: UTF8.self)
            throw ServiceError.forbidden("\(ref) and many other refs are refused: \(refused.reason)")
        }
        let notice =
            isNew ? "created \(repository.name); \"git annex push\" sends the content" : succession?.notice
        return (context.git(repository, options), notice.flatMap { SmartHTTP.notice($0, to: request) })
    }

    /// The rest of a push that is to take the place of the host's own branch, once it has come whole; nil for any other push,
    /// which git takes as it comes.
    private func spool(
        _ body: GitBody, of request: ReceivePackRequest, for repository: HostedRepository, in slot: GitSlot
    ) async throws -> PushSpool? {
        guard request.createsAnnexBranch, try await repository.hidesBranch() else { return nil }
        let spool = try await PushSpool(for: repository)
        while let chunk = try await slot.whileWaiting({ try await body.next() }) {
            try await spool.append(chunk)
            if let maximum = context.maximumPack, spool.count > maximum {
                throw ServiceError(status: 413, reason: "a push of so many bytes is not accepted")
            }
        }
        return spool
    }

    private func withSlot<Result: Sendable>(
        _ slot: GitSlot?, _ body: (GitSlot) async throws -> Result
    ) async throws -> Result {
        if let slot { return try await body(slot) }
        return try await context.gitSlots.withSlot(for: exchange.clientAddress.group, body)
    }

    /// The commands at the start of the body; a malformed beginning is refused before git sees it.
    ///
    /// Answers false where they have not ended after so many bytes.
    private func readCommands(
        of request: inout ReceivePackRequest, _ body: GitBody, until limit: Int
    ) async throws -> Bool {
        do {
            while !request.isComplete {
                if request.count >= limit { return false }
                guard let chunk = try await body.next() else {
                    try request.finish()
                    break
                }
                _ = try request.receive(chunk)
            }
            return true
        } catch ReceivePackRequest.Failure.tooLarge {
            throw ServiceError(status: 413, reason: "a push of so many refs is not accepted; push fewer at a time")
        } catch let failure as ReceivePackRequest.Failure {
            if case .notOffered(let capability) = failure {
                throw ServiceError.badRequest("the push asks for \(capability), which is not offered here")
            }
            throw ServiceError.badRequest("not a push: \(failure)")
        }
    }

    /// The repository of a push, and whether it was made for it.
    private func repository(named name: RepositoryName, for request: ReceivePackRequest) async throws
        -> (HostedRepository, isNew: Bool)
    {
        if let repository = try await context.catalog.repository(named: name) { return (repository, false) }
        try context.requireCreation(of: name, exchange)
        // Only a real push creates.
        guard request.commands.contains(where: { !$0.isDeletion }) else { throw context.unknown(name) }
        var isNew = true
        do {
            try await context.manager.create(name, objectFormat: request.objectFormat)
        } catch HostingError.exists {
            // Somebody else's push was first; this one goes to the same repository.
            isNew = false
        }
        guard let created = try await context.catalog.repository(named: name) else { throw context.unknown(name) }
        return (created, isNew)
    }

    /// What we know goes into the branch first, so that a fast-forward is judged against all of it (spec 02 §2.5).
    private func prepare(_ repository: HostedRepository, for request: ReceivePackRequest) async throws {
        let (refs, gitDirectory) = (request.commands.map(\.ref), repository.gitDirectory)
        try? await repository.services.pool.run { try AbandonedFiles.removeLocks(of: refs, in: gitDirectory) }
        guard let branch = repository.branch, request.commands.contains(where: \.namesAnnexBranch) else { return }
        // Not cut short when the client leaves: half of it would keep the branch out of sight.
        try await Task {
            guard request.createsAnnexBranch else {
                try await branch.prepareForPush()
                return try await branch.pushBegins()
            }
            try await branch.prepareForFirstPush()
            do {
                try await branch.pushBegins()
            } catch {
                try? await branch.firstPushFailed()
                throw error
            }
        }.value
    }

    /// After the push, successful or not: the annex, with the merge of what was pushed, and `HEAD`.
    ///
    /// Each step is for itself. Failures are logged, not answered: git has told the client already which refs were updated,
    /// and a merge that failed is done by the next one.
    private func conclude(_ repository: HostedRepository, _ request: ReceivePackRequest) async {
        // The client may be gone and this task cancelled; the work is the host's own.
        let context = context
        await Task {
            await context.attempt("the git-annex branch", of: repository) {
                guard request.commands.contains(where: \.namesAnnexBranch) else { return }
                let annex = try await context.annex(of: repository)
                try await annex?.concludePush(
                    movedBranch: request.commands.contains(where: \.isAnnexBranch), refs: request.commands.map(\.ref))
            }
            await context.attempt("HEAD", of: repository) {
                if repository.isBare { try await HeadFollower.follow(request.commands, in: repository.gitDirectory) }
            }
        }.value
    }
}

extension ServiceContext {
    fileprivate func attempt(
        _ step: String, of repository: HostedRepository, _ body: () async throws -> Void
    ) async {
        do {
            try await body()
        } catch {
            logger.error(
                "work after a push failed",
                metadata: ["repository": "\(repository.name)", "step": "\(step)", "error": "\(error)"])
        }
    }

    /// The repository as an annex: one without a UUID becomes an annex when somebody pushes a git-annex branch to it, and
    /// one without objects takes over the tuning of the first branch that is pushed.
    fileprivate func annex(of repository: HostedRepository) async throws -> HostedRepository? {
        var repository = repository
        if try await manager.adoptTuning(of: repository) {
            guard let tuned = try await reopened(repository) else { return nil }
            repository = tuned
        }
        if repository.branch != nil { return repository }
        try await manager.initialiseAnnex(of: repository)
        return try await reopened(repository)
    }

    /// The repository with the settings that it has got.
    private func reopened(_ repository: HostedRepository) async throws -> HostedRepository? {
        await catalog.discard(repository)
        return try await catalog.repository(named: repository.name)
    }
}

extension ReceivePackRequest {
    /// Whether it is to make `refs/heads/git-annex` where there is none.
    fileprivate var createsAnnexBranch: Bool {
        commands.contains { $0.isAnnexBranch && $0.isCreation && !$0.isDeletion }
    }
}

extension ReceivePackRequest.Command {
    /// `refs/heads/git-annex` itself.
    fileprivate var isAnnexBranch: Bool { ref == Array("refs/heads/git-annex".utf8) }

    /// Any ref that is merged into the git-annex branch.
    fileprivate var namesAnnexBranch: Bool {
        ref.split(separator: UInt8(ascii: "/")).last?.elementsEqual("git-annex".utf8) == true
    }
}
