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

    /// Git for a push, with what guards it.
    ///
    /// Throws ``PushRefusal`` where the push is refused as a whole, and whatever keeps the hooks from being there.
    func git(for push: Push, in repository: HostedRepository) async throws -> GuardedGit {
        let (request, gitDirectory, root) = (push.request, repository.gitDirectory, catalog.root)
        var options = SmartHTTP.Options()
        options.memory = repository.services.gitMemory
        options.isBare = repository.isBare
        options.maximumPackSize = maximumPack
        if !repository.isBare { options.environment = try await ContentFilters.disabling(in: gitDirectory) }
        let succession = repository.isBare ? try await HeadFollower.succession(request.commands, in: gitDirectory) : nil
        options.allowsDeletingHead = succession?.next != nil
        let (hooks, occupied): (PushHooks, OpenFile)
        do {
            (hooks, occupied) = try await repository.services.pool.run {
                let occupied = try root.occupyWorkshop()
                let hooks = try PushHooks(
                    root.hooks, for: request.commands, of: RefPolicy(mayRewrite: push.mayRewrite), in: gitDirectory,
                    workshop: root.workshop, program: OwnProgram.path)
                return (hooks, occupied)
            }
        } catch let refused as PushHooks.TooManyRefused {
            let ref = String(decoding: refused.ref, as: UTF8.self)
            throw PushRefusal(.forbidden, "\(ref) and many other refs are refused: \(refused.reason)")
        }
        options.hooks = hooks
        return GuardedGit(
            git: SmartHTTP(gitDirectory, options: options), hooks: hooks,
            notice: succession.flatMap { SmartHTTP.notice($0.notice, to: request) }, occupied: occupied)
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

/// Git as it runs for one push.
struct GuardedGit: Sendable {
    let git: SmartHTTP
    let hooks: PushHooks
    /// What the person who pushes is told before git answers.
    let notice: GitChunk?
    /// Keeps the folder of the hooks from being cleared away.
    fileprivate let occupied: OpenFile

    fileprivate init(git: SmartHTTP, hooks: PushHooks, notice: GitChunk?, occupied: OpenFile) {
        self.git = git
        self.hooks = hooks
        self.notice = notice
        self.occupied = occupied
    }
}
