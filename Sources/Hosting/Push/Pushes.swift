public import AnnexProtocol
import Blocking
import FileIO
import GitHost
import SystemPackage

/// Where pushes begin: the repository of each, what git may do in it, and the steps that follow.
public struct Pushes: Sendable {
    let catalog: Catalog
    let manager: RepositoryManager
    /// The largest pack of a push, in bytes; nil for no bound.
    let maximumPack: Int64?
    /// What follows from a push, in this order.
    let steps: [PushStep]
    /// The names of repositories that pushes are making.
    let turns: WaitingLine<Set<RepositoryName>, RepositoryName>

    public init(catalog: Catalog, manager: RepositoryManager, maximumPack: Int64?, steps: [PushStep] = PushStep.all) {
        self.catalog = catalog
        self.manager = manager
        self.maximumPack = maximumPack
        self.steps = steps
        turns = WaitingLine([]) { names, name in names.insert(name).inserted }
    }

    /// A push whose commands are known.
    ///
    /// - Parameters:
    ///   - present: the repository of that name; nil where there is none and the push makes it.
    ///   - mayRewrite: whether the pusher may rewrite and delete, or only add.
    public func push(_ request: PushRequest, to name: RepositoryName, _ present: HostedRepository?, mayRewrite: Bool)
        -> Push
    { Push(request: request.git, name: present?.name ?? name, present: present, desk: self, mayRewrite: mayRewrite) }

    /// Git for a push, and what the person who pushes is told before git answers.
    ///
    /// Throws ``PushRefusal`` where the push is refused as a whole, and whatever keeps the hooks from being there.
    func git(for push: Push, in repository: HostedRepository) async throws -> (git: SmartHTTP, notice: GitChunk?) {
        let (request, gitDirectory, hooks) = (push.request, repository.gitDirectory, catalog.root.hooks)
        var options = SmartHTTP.Options()
        options.memory = repository.services.gitMemory
        options.isBare = repository.isBare
        options.maximumPackSize = maximumPack
        if !repository.isBare { options.environment = try await ContentFilters.disabling(in: gitDirectory) }
        let succession = repository.isBare ? try await HeadFollower.succession(request.commands, in: gitDirectory) : nil
        options.allowsDeletingHead = succession?.next != nil
        do {
            options.hooks = try await repository.services.pool.run {
                try PushHooks(
                    hooks, for: request.commands, of: RefPolicy(mayRewrite: push.mayRewrite), in: gitDirectory,
                    program: OwnProgram.path)
            }
        } catch let refused as PushHooks.TooManyRefused {
            let ref = String(decoding: refused.ref, as: UTF8.self)
            throw PushRefusal(.forbidden, "\(ref) and many other refs are refused: \(refused.reason)")
        }
        return (
            SmartHTTP(gitDirectory, options: options), succession.flatMap { SmartHTTP.notice($0.notice, to: request) }
        )
    }

    /// Where a body is kept until it has come whole: in the repository, or in the workshop where there is none yet.
    func spool(for repository: HostedRepository?) async throws -> PushSpool {
        if let repository {
            return try await PushSpool(in: repository.gitDirectory.appending("objects"), on: repository.services.pool)
        }
        let (root, pool) = (catalog.root, catalog.services.pool)
        let workshop = try await pool.run {
            try root.prepare()
            return try root.occupyWorkshop()
        }
        defer { withExtendedLifetime(workshop) {} }
        return try await PushSpool(in: root.workshop, on: pool)
    }
}
