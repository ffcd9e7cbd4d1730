import Accounts
import AnnexProtocol
import Hosting
import Logging

/// `git-receive-pack`: moves the bytes of a push, and gives it a place among the git processes. What a push is, and
/// what follows from it, is in ``Hosting/Push``.
struct ReceivePack {
    let context: ServiceContext
    let exchange: Exchange

    /// How many bytes of commands are read before the push has a place of its own: those of about 2000 refs, which take
    /// some four times as much once they are parsed. Connections without a place are many.
    private static let readWithoutSlot = 256 << 10
    private static let contentType = "application/x-git-receive-pack-result"

    func run(on name: RepositoryName) async throws {
        try context.authorize(exchange, .gitWrite, repository: name)
        exchange.note(repository: name, operation: "receive-pack")
        try exchange.requireContentType("application/x-git-receive-pack-request")
        let body = GitBody(exchange, pace: context.gitPace)
        var request = PushRequest()
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
    private func serve(_ request: PushRequest, followedBy body: GitBody, on name: RepositoryName, in slot: GitSlot?)
        async throws
    {
        let present = try await context.catalog.repository(named: name)
        if present == nil {
            try context.requireCreation(of: name, exchange)
            // Yes; and nothing is created yet.
            if request.isQuestion { return try await GitAnswer(exchange, contentType: Self.contentType).finish() }
            // Only a real push creates.
            guard request.bringsRefs else { throw context.unknown(name) }
        }
        let mayRewrite = context.allows(exchange, .gitRewrite, repository: present?.name ?? name)
        let push = context.pushes.push(request, to: name, present, mayRewrite: mayRewrite)
        let answer = GitAnswer(exchange, contentType: Self.contentType)
        do { try await receive(push, request, followedBy: body, in: slot, answer) } catch {
            try await refuse(push, for: error, answer)
        }
    }

    private func receive(
        _ push: Push, _ request: PushRequest, followedBy body: GitBody, in slot: GitSlot?, _ answer: GitAnswer
    ) async throws {
        if request.bringsRefs { try await context.requireSpaceForPush() }
        var start = request.forwarded
        let isWhole = try await body.read(into: &start, until: start.count + GitBody.readAhead)
        let beginning = start
        body.mayTakeItsTime()
        let ending = try await push.run(protocol: exchange.header("Git-Protocol")) { work in
            try await withSlot(slot) { slot in
                await work(
                    Push.Body(beginning: beginning, isWhole: isWhole) {
                        try await slot.whileWaiting { try await body.next() }
                    }, { bytes in try await slot.whileWaiting { try await answer.write(bytes) } })
            }
        }
        if let errors = ending.errors { exchange.note(reason: errors) }
        try await answer.write(ending.bytes)
        try await answer.finish()
    }

    /// Tells the reason within git's protocol, since of the answer to a push git shows people nothing else.
    private func refuse(_ push: Push, for error: any Error, _ answer: GitAnswer) async throws {
        let told = ServiceError(error)
        // Too slow, or gone already; too many at a time is for programs to understand, which try again.
        guard ![401, 408, 503].contains(told.status), let refusal = push.refusal(told.reason) else { throw error }
        if told.status >= 500 && told.status != 507 {
            context.logger.error("push failed", metadata: ["request": "\(exchange.id)", "error": "\(error)"])
        }
        exchange.note(reason: told.reason)
        try await answer.write(refusal)
        try await answer.finish()
    }

    private func withSlot<Result: Sendable>(_ slot: GitSlot?, _ body: (GitSlot) async throws -> Result) async throws
        -> Result
    {
        if let slot { return try await body(slot) }
        return try await context.gitSlots.withSlot(for: exchange.clientAddress.group, body)
    }

    /// The commands at the start of the body; a malformed beginning is refused before git sees it.
    ///
    /// Returns false where they have not ended after so many bytes.
    private func readCommands(of request: inout PushRequest, _ body: GitBody, until limit: Int) async throws -> Bool {
        while !request.isComplete {
            if request.count >= limit { return false }
            guard let chunk = try await body.next() else {
                try request.finish()
                break
            }
            try request.receive(chunk)
        }
        return true
    }
}
