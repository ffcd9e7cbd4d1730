import AnnexBranch
public import AnnexProtocol
public import GitHost
import ObjectStore
import Synchronization
public import SystemPackage

/// What a repository's git config says to the host (spec 01 §3.2, spec 02 §9).
///
/// Commands that a configuration names (`annex.freezecontent-command` and the like) are never run.
public struct RepositorySettings: Sendable {
    public var uuid: RepositoryUUID?
    public var isBare: Bool
    var store: StoreSettings
    /// All of the file, for those who know more of it.
    public let config: GitConfig
    /// What relative paths in it start from: the work tree, or the bare repository itself.
    public let top: FilePath
    /// Settings of one generation are the same; those of another one may be.
    public let generation: UInt64
    private static let generations = Atomic<UInt64>(0)
    /// When git's objects are packed.
    var packing: PackUpkeep.Limits
    /// What an open repository relies on: where it changes, the repository is opened anew.
    private(set) var basis: Basis

    struct Basis: Hashable, Sendable {
        var isBare: Bool
        /// `annex.private`: its own facts stay in the private journal.
        var isPrivate: Bool
        /// So do those of these remotes, which have `annex-private`.
        var privateRemotes: Set<RepositoryUUID>
        var mergesBranches: Bool
        var commitMessage: String?
        /// `annex.tune.*`.
        var tuning: Set<Difference> = []
        var sharing: SharedRepository
        var allowsChanges: Bool
    }

    init(_ config: GitConfig, gitDirectory: FilePath) {
        let version = config.int("annex.version").map(Int.init)
        // One without the other means a damaged or foreign repository, which the stock program refuses as well.
        uuid = version == nil ? nil : config.string("annex.uuid").flatMap { RepositoryUUID($0) }
        isBare = config.bool("core.bare") ?? false
        store = StoreSettings()
        store.isBare = isBare
        store.version = version ?? 10
        store.sharing =
            config.all("core.sharedRepository").isEmpty
            ? .umask : SharedRepository(parsing: config.string("core.sharedRepository"))
        store.diskReserve =
            config.string("annex.diskreserve").flatMap { DataSize.parse($0) } ?? StoreSettings.defaultDiskReserve
        store.secureHashesOnly = config.bool("annex.securehashesonly") ?? false
        store.pidLock = config.bool("annex.pidlock") ?? false
        store.thin = config.bool("annex.thin") ?? false
        store.crippledWithoutSymlinks =
            (config.bool("annex.crippledfilesystem") ?? false) && config.bool("core.symlinks") == false
        store.objectHash1 = config.bool("annex.tune.objecthash1") ?? false
        store.objectHashLower = config.bool("annex.tune.objecthashlower") ?? false
        self.config = config
        top = isBare ? gitDirectory : gitDirectory.removingLastComponent()
        generation = Self.generations.add(1, ordering: .relaxed).newValue
        packing = PackUpkeep.Limits(config)
        basis = Basis(
            isBare: isBare, isPrivate: config.bool("annex.private") ?? false,
            privateRemotes: Self.privateRemotes(config),
            mergesBranches: config.bool("annex.merge-annex-branches") ?? true,
            commitMessage: config.string("annex.commitmessage").flatMap { $0.isEmpty ? nil : $0 },
            sharing: store.sharing, allowsChanges: store.allowsChanges)
        if config.bool("annex.tune.branchhash1") ?? false { basis.tuning.insert(.oneLevelBranchHash) }
        if store.objectHash1 { basis.tuning.insert(.oneLevelObjectHash) }
        if store.objectHashLower { basis.tuning.insert(.objectHashLower) }
    }

    private static func privateRemotes(_ config: GitConfig) -> Set<RepositoryUUID> {
        var found: Set<RepositoryUUID> = []
        for bytes in config.subsections(of: "remote") {
            guard let name = String(validating: bytes, as: UTF8.self), !name.isEmpty,
                config.bool("remote.\(name).annex-private") ?? false,
                let uuid = config.string("remote.\(name).annex-uuid").flatMap({ RepositoryUUID($0) })
            else { continue }
            found.insert(uuid)
        }
        return found
    }

    /// The same, for the git-annex branch.
    func branch(commitDelay: Duration) -> BranchSettings { branch(of: uuid, commitDelay: commitDelay) }

    /// - Parameter uuid: the repository's, also where the configuration does not have it yet.
    func branch(of uuid: RepositoryUUID?, commitDelay: Duration) -> BranchSettings {
        var branch = BranchSettings()
        branch.tuning = basis.tuning
        branch.mergesBranches = basis.mergesBranches
        branch.privateUUIDs = basis.privateRemotes
        if basis.isPrivate, let uuid { branch.privateUUIDs.insert(uuid) }
        branch.isReadOnly = !basis.allowsChanges
        if let message = basis.commitMessage { branch.commitMessage = message }
        branch.idleDelay = commitDelay
        branch.sharing =
            switch store.sharing {
            case .umask: .umask
            case .group: .group
            case .all: .world
            case .octal(let mode): .exact(mode)
            }
        return branch
    }
}
