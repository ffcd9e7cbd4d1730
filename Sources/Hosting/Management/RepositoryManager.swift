import AnnexBranch
public import AnnexProtocol
import Blocking
import FileIO
public import GitHost
import Logging
import ObjectStore
public import SystemPackage

/// Creates, renames, deletes and restores the repositories of a root folder.
///
/// Every change is one rename in the file system, so a running server, other processes and a crash see the state before
/// or after it, never one in between.
public struct RepositoryManager: Sendable {
    public let root: RootFolder
    let services: HostServices

    public init(root: RootFolder, services: HostServices) {
        self.root = root
        self.services = services
    }

    /// Creates an empty bare repository that is an annex, and answers its UUID.
    ///
    /// Its git-annex branch stays unborn as far as pushers can see, so that a plain first push of one is accepted.
    ///
    /// - Parameters:
    ///   - objectFormat: how git names its objects.
    ///   - tuning: where objects and logs lie; where it is empty, the first branch that is pushed decides.
    @discardableResult
    public func create(
        _ name: RepositoryName, objectFormat: ObjectFormat = .sha1, tuning: Set<Difference> = []
    ) async throws -> RepositoryUUID {
        let draft = try await draft(name, objectFormat: objectFormat, tuning: tuning)
        do { try await publish(draft) } catch {
            await discard(draft)
            throw error
        }
        return draft.uuid
    }

    /// The UUID that ``create(_:objectFormat:tuning:)`` would give; nil where that cannot be told before.
    public func uuidToBe(of name: RepositoryName) async throws -> RepositoryUUID? {
        let root = root
        return try await services.pool.run { try root.uuidToBe(of: name) }
    }

    /// Makes an existing git repository an annex, as `git annex init` would.
    ///
    /// Not where objects are present without a UUID: that is a lost configuration, and a new UUID would orphan them.
    public func initialiseAnnex(of repository: HostedRepository) async throws {
        let gitDirectory = repository.gitDirectory
        let lock = try await lockInitialisation(of: repository)
        defer { try? lock.unlock() }
        let config = GitConfigFile(gitDirectory.appending("config"))
        guard try await services.pool.run({ try config.current().string("annex.uuid") }) == nil else { return }
        let settings = try await services.pool.run { () -> RepositorySettings in
            let settings = try repository.currentSettings()
            guard settings.uuid == nil else { return settings }
            guard try Files.list(ConfinedPath(gitDirectory).appending("annex/objects")).isEmpty else {
                throw HostingError.refused("\(repository.name) has annexed objects but no annex.uuid")
            }
            let workTree = gitDirectory.removingLastComponent()
            if !settings.isBare, try Files.exists(ConfinedPath(workTree).appending(".noannex")) {
                throw HostingError.refused("\(repository.name) holds a .noannex file")
            }
            return settings
        }
        let uuid = RepositoryUUID.random()
        try await services.pool.run {
            try ObjectStore(gitDirectory: gitDirectory, settings: settings.store).createAnnexDirectories()
        }
        let branch = settings.branch(of: uuid, commitDelay: services.commitDelay)
        try await describe(uuid, as: repository.name, in: gitDirectory, branch, isUnpushed: false)
        try await recordTuning(of: uuid, in: gitDirectory, branch)
        try await config.set("annex.version", "10")
        try await config.set("annex.uuid", uuid.description)
        // Git does not wait for the disk; content may be acknowledged a moment later, under this UUID.
        try await services.pool.run {
            let folder = ConfinedPath(gitDirectory)
            try OpenFile(folder.appending("config"), .readOnly).synchronize()
            try Files.synchronizeDirectory(folder)
        }
        services.logger.info(
            "repository is an annex now", metadata: ["repository": "\(repository.name)", "uuid": "\(uuid)"])
    }

    /// Several pushes may bring the first git-annex branch at once. Only one may choose the UUID: clients that learnt
    /// another one would keep it for good. Waits without holding a thread, which the one who initialises needs.
    private func lockInitialisation(of repository: HostedRepository) async throws -> OpenFile {
        let objects = repository.objects
        let file = try await services.pool.run { try objects.openHostFile("init.lck") }
        while try await !services.pool.run({ try file.tryLock(.exclusive) }) {
            try await Task.sleep(for: .milliseconds(20))
        }
        return file
    }

    /// An empty bare repository, to show to those who push to a name that does not exist yet.
    public func emptyRepository() async throws -> FilePath {
        let path = root.state.appending("empty.git")
        if try await services.pool.run({ try RootFolder.isGitDirectory(path) }) { return path }
        let draft = root.workshop.appending("empty-\(RepositoryUUID.random())")
        let workshop = try await services.pool.run {
            try root.prepare()
            return try root.occupyWorkshop()
        }
        defer { withExtendedLifetime(workshop) {} }
        try await RepositoryCreator.create(at: draft)
        try await services.pool.run {
            do {
                // It is made once and for all, so it had better be whole after a power cut.
                try Files.synchronizeTree(draft)
                if try !Files.moveIntoPlace(draft, to: path) { try Files.removeTree(draft) }
            } catch {
                try? Files.removeTree(draft)
                throw error
            }
        }
        return path
    }

    /// Gives a repository another name; its old URL keeps working.
    public func rename(_ name: RepositoryName, to newName: RepositoryName) async throws {
        try await services.pool.run {
            try root.prepare()
            guard let gitDirectory = try root.gitDirectory(of: name) else { throw HostingError.gone(name) }
            guard try root.gitDirectory(of: newName) == nil else { throw HostingError.exists(newName) }
            try requireNoEnclosingRepository(of: newName)
            try RepositoryRenaming(root: root, gitDirectory: gitDirectory, name: name, newName: newName).run()
        }
        // Kept in the repository as well, so that the alias can be made again from it.
        if let gitDirectory = try await services.pool.run({ try root.gitDirectory(of: newName) }) {
            try await GitConfigFile(gitDirectory.appending("config")).add(GitConfig.formerNameKey, name.description)
        }
    }

    /// Moves a repository to the trash, from which ``restore(_:as:)`` brings it back.
    ///
    /// Not in the middle of a change to its git-annex branch: what is written then goes to the trash with it, and never
    /// into a repository that takes its place.
    public func delete(_ name: RepositoryName) async throws {
        let trash = RepositoryTrash(root: root)
        let branch = try await services.pool.run { try self.branchToExclude(of: name) }
        do {
            if let branch {
                try await branch.excludingChanges { try trash.discard(name) }
            } else {
                try await services.pool.run { try trash.discard(name) }
            }
        } catch let error as AnnexBranchError where error.code == .locked {
            // Another program keeps the journal locked, perhaps for ever. It has its own files open.
            try await services.pool.run { try trash.discard(name) }
        }
        services.logger.info("repository moved to the trash", metadata: ["repository": "\(name)"])
    }

    /// The branch of a repository whose changes a deletion has to wait for.
    private func branchToExclude(of name: RepositoryName) throws -> AnnexBranch? {
        guard let gitDirectory = try root.gitDirectory(of: name) else { throw HostingError.gone(name) }
        // A repository that nobody can open, since it is not what it seems, can be deleted all the same.
        guard try RepositoryShape(gitDirectory).oddity() == nil else { return nil }
        let settings = RepositorySettings(
            try GitConfigFile(gitDirectory.appending("config")).current(), gitDirectory: gitDirectory)
        guard let uuid = settings.uuid, settings.store.allowsChanges else { return nil }
        return AnnexBranch(
            gitDirectory: gitDirectory, uuid: uuid, settings: settings.branch(commitDelay: services.commitDelay),
            executor: services.pool, logger: services.logger)
    }

    /// Brings back the repository of this name that was deleted last, under its own or another name.
    public func restore(_ name: RepositoryName, as newName: RepositoryName? = nil) async throws {
        try await services.pool.run {
            try requireNoEnclosingRepository(of: newName ?? name)
            try RepositoryTrash(root: root).restore(name, as: newName ?? name)
        }
    }

    /// Takes an existing repository from elsewhere on this machine into the root, with its UUID and content.
    ///
    /// - Parameter keepingSource: copies instead of moving; the copy has the same UUID, so the source must no longer be
    ///   used as an annex of its own.
    public func importRepository(at source: FilePath, as name: RepositoryName, keepingSource: Bool) async throws {
        try await services.pool.run {
            try root.prepare()
            guard try root.gitDirectory(of: name) == nil else { throw HostingError.exists(name) }
            try requireNoEnclosingRepository(of: name)
            try RepositoryImport(root: root, source: source, name: name).run(keepingSource: keepingSource)
        }
    }

    /// Writes the line of uuid.log into the journal, from which it is committed when the repository is used.
    func describe(
        _ uuid: RepositoryUUID, as name: RepositoryName, in gitDirectory: FilePath, _ settings: BranchSettings,
        isUnpushed: Bool
    ) async throws {
        try await changeJournal(of: uuid, in: gitDirectory, settings) { branch in
            if isUnpushed { try await branch.markUnpushed() }
            try await branch.describe(uuid, as: Array("\(name) (annexd)".utf8))
        }
    }

    /// Runs `body` on the branch of a repository that is not being served; nothing is committed.
    func changeJournal(
        of uuid: RepositoryUUID, in gitDirectory: FilePath, _ settings: BranchSettings,
        _ body: (AnnexBranch) async throws -> Void
    ) async throws {
        var settings = settings
        settings.commitsAutomatically = false
        let branch = AnnexBranch(
            gitDirectory: gitDirectory, uuid: uuid, settings: settings, executor: services.pool, logger: services.logger
        )
        try await body(branch)
        try await branch.close()
    }

    /// A repository inside another one's folder would be part of it.
    func requireNoEnclosingRepository(of name: RepositoryName) throws {
        if let parent = try root.repository(enclosing: name) {
            throw HostingError.refused("\"\(name)\" would lie inside the repository \"\(parent)\"")
        }
    }
}
