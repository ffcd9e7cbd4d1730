import AnnexBranch
import AnnexProtocol
import Blocking
import GitHost
import Logging

/// One push to a name, from its commands to the end of what follows from it. What a push is lies here; whoever has the
/// connection only moves bytes.
///
/// ``run(protocol:inPlace:)`` finds or makes the repository, runs git, does what must be true before the client hears
/// that it succeeded, and only then tells what became of each ref.
public struct Push: Sendable {
    let request: ReceivePackRequest
    let name: RepositoryName
    /// The repository that it goes to; nil where the push makes one.
    let present: HostedRepository?
    let desk: Pushes
    /// Whether the pusher may rewrite and delete, or only add.
    let mayRewrite: Bool

    /// What a client sends.
    public struct Body: Sendable {
        /// What has come already, from the commands on.
        public var beginning: [UInt8]
        /// Whether that is all.
        public var isWhole: Bool
        /// Waits for the next bytes; nil at the end.
        public var next: @Sendable () async throws -> [UInt8]?

        public init(beginning: [UInt8], isWhole: Bool, next: @escaping @Sendable () async throws -> [UInt8]?) {
            self.beginning = beginning
            self.isWhole = isWhole
            self.next = next
        }
    }

    /// Takes a part of the answer, waiting until the client has room for more.
    public typealias Answer = @Sendable ([UInt8]) async throws -> Void

    /// Runs git while the place is held, and returns what it came to.
    public typealias Work = (Body, @escaping Answer) async -> Reception

    /// What is left to be told when everything is done.
    public struct Ending: Sendable {
        /// The end of the answer.
        public var bytes: [UInt8] = []
        /// What the log is to tell of a push that git has refused; nil where it went well.
        public var errors: String?
    }

    /// How far a push has come when git has ended.
    public struct Reception: Sendable {
        /// Where it went; nil where it went nowhere.
        var site: PushSite?
        /// Whether refs may have moved, although the client is gone, or git failed: what follows must be done all the
        /// same.
        var hasBegun = false
        var answer: PushAnswer
        var outcome: Result<String?, any Error> = .success(nil)
    }

    /// Receives the push.
    ///
    /// Throws what kept it from being received; ``refusal(_:)`` puts that into an answer.
    ///
    /// - Parameters:
    ///   - header: the client's `Git-Protocol`.
    ///   - place: waits until git may run, and gives its argument the body and the answer. It does not run it twice.
    public func run(protocol header: String?, inPlace place: (Work) async throws -> Reception) async throws -> Ending {
        guard let present else { return try await runOpen(header, place) }
        return try await present.keepingOpen { try await runOpen(header, place) }
    }

    /// The answer to a push that could not be received, so that the reason reaches the person; nil for clients that
    /// take no report.
    public func refusal(_ reason: String) -> [UInt8]? {
        var answer = PushAnswer(to: request)
        guard answer.takesReport else { return nil }
        _ = answer.end()
        return answer.close(PushReport(refusing: request, reason), saying: [])
    }

    private func runOpen(_ header: String?, _ place: (Work) async throws -> Reception) async throws -> Ending {
        let reception = try await place { body, answer in await receive(body, header, answer) }
        // The client may be gone and this task cancelled; the work is the host's own.
        let ending = await Task { await conclude(reception) }.value
        return try ending.get()
    }

    private func receive(_ body: Body, _ header: String?, _ answer: @escaping Answer) async -> Reception {
        var reception = Reception(answer: PushAnswer(to: request))
        do {
            let spool = try await spool(body)
            let site = try await desk.site(for: self)
            reception.site = site
            let (git, notice) = try await desk.git(for: self, in: site.repository)
            // What this begins is ended by `conclude` alone: nothing may fail in between.
            try await begin(in: site.repository)
            reception.hasBegun = true
            let filter = PushFilter(reception.answer)
            defer { reception.answer = filter.answer }
            if let notice { try await answer(notice.bytes) }
            let result = try await git.respond(
                .receivePack, GitProtocol(header: header),
                feed: { input in
                    guard try await input.write(body.beginning), !body.isWhole else { return }
                    if let spool { return try await spool.feed(input) }
                    while let chunk = try await body.next() { guard try await input.write(chunk) else { return } }
                },
                to: { chunk in
                    let shown = filter.receive(chunk.bytes)
                    if !shown.isEmpty { try await answer(shown) }
                })
            reception.outcome = .success(result.status == 0 ? nil : result.errors)
        } catch { reception.outcome = .failure(error) }
        return reception
    }

    /// The rest of a push that makes its repository, or is to take the place of the host's own branch, once it has come
    /// whole: nobody's connection can delay what begins then. Nil for any other push, which git takes as it comes.
    private func spool(_ body: Body) async throws -> PushSpool? {
        if body.isWhole { return nil }
        if let present { guard request.createsAnnexBranch, try await present.hidesBranch() else { return nil } }
        let spool = try await desk.spool(for: present)
        while let chunk = try await body.next() {
            try await spool.append(chunk)
            if let maximumPack = desk.maximumPack, spool.count > maximumPack {
                throw PushRefusal(.tooLarge, "a push of so many bytes is not accepted (limits.push_mebibytes)")
            }
        }
        return spool
    }

    /// What we know goes into the branch first, so that a fast-forward is judged against all of it (spec 02 §2.5).
    private func begin(in repository: HostedRepository) async throws {
        let (refs, gitDirectory) = (request.commands.map(\.ref), repository.gitDirectory)
        try? await repository.services.pool.run { try AbandonedFiles.removeLocks(of: refs, in: gitDirectory) }
        guard let branch = repository.branch, request.concernsAnnex else { return }
        // Not cut short when the client leaves: half of it would keep the branch out of sight.
        try await Task { [request] in
            guard request.createsAnnexBranch else {
                try await branch.prepareForPush()
                return try await branch.pushBegins()
            }
            try await branch.prepareForFirstPush()
            do { try await branch.pushBegins() } catch {
                try? await branch.firstPushFailed()
                throw error
            }
        }.value
    }
}
