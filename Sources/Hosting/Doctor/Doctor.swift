import AnnexBranch
public import AnnexProtocol
import Blocking
import FileIO
import GitHost
import ObjectStore
import SystemPackage

/// Inspects a host and its repositories, and repairs what can be repaired safely.
///
/// Works beside a running server and the stock program: everything is changed under the locks that they take. Memory
/// does not grow with the size of a repository.
public struct Doctor: Sendable {
    public struct Options: Sendable {
        public var repairs = false
        /// Whether the content of objects is read and compared with their keys.
        public var verifiesObjects = false
        /// How fast content is read, in bytes per second; nil for as fast as it goes.
        public var rate: UInt64?

        public init() {}
    }

    private let root: RootFolder
    private let services: HostServices
    private let options: Options
    private let report: @Sendable (Finding) async -> Void

    /// - Parameter report: told each finding as soon as it is known.
    public init(
        root: RootFolder, services: HostServices, options: Options, report: @escaping @Sendable (Finding) async -> Void
    ) {
        self.root = root
        self.services = services
        self.options = options
        self.report = report
    }

    /// Inspects these repositories, or everything.
    public func run(_ names: [RepositoryName]) async throws -> DoctorSummary {
        let root = root
        let tally = DoctorTally(report)
        let all = try await services.pool.run { () -> [RepositoryScan.Found] in
            guard try Files.status(root.path)?.kind == .directory else {
                throw HostingError.refused("\"\(root.path)\" is no folder")
            }
            var scan = RepositoryScan(root: root)
            _ = scan.refresh()
            return scan.repositories.values.sorted { $0.name < $1.name }
        }
        var chosen = all
        if names.isEmpty {
            await examination(nil, tally).attempt("who owns the host's own state") {
                try await OwnershipCheck(examination: $0, root: root).run()
            }
            await examination(nil, tally).attempt("the host's own state") {
                try await HostStateCheck(examination: $0, root: root).run()
            }
        } else {
            chosen = []
            for name in names {
                if let found = all.first(where: { $0.name == name }) {
                    chosen.append(found)
                } else {
                    await tally.add(
                        Finding(
                            repository: name, kind: .unchecked, subject: "\(name)",
                            detail: "there is no such repository", outcome: .manual))
                }
            }
        }
        var namesByUUID: [RepositoryUUID: [RepositoryName]] = [:]
        for found in all { if let uuid = found.uuid { namesByUUID[uuid, default: []].append(found.name) } }
        for found in chosen {
            let twins = found.uuid.flatMap { namesByUUID[$0] } ?? []
            await inspect(found, sharing: twins.filter { $0 != found.name }, tally)
        }
        return await tally.summary
    }

    private func examination(_ name: RepositoryName?, _ tally: DoctorTally) -> Examination {
        Examination(repository: name, repairs: options.repairs, pool: services.pool, tally: tally)
    }

    private func inspect(_ found: RepositoryScan.Found, sharing twins: [RepositoryName], _ tally: DoctorTally) async {
        await tally.begin()
        let examination = examination(found.name, tally)
        let directory = found.gitDirectory
        var isServed = false
        await examination.attempt("the shape of the repository") {
            isServed = try await ShapeCheck(examination: $0, gitDirectory: directory).run()
        }
        // Nothing is repaired around a link, nor does anything else that is found say much.
        guard isServed else { return }
        await examination.attempt("who owns it") {
            try await OwnershipCheck(examination: $0, root: root, gitDirectory: directory).run()
        }
        await examination.attempt("permissions") {
            try await PermissionCheck(examination: $0, gitDirectory: directory).run()
        }
        await examination.attempt("git's own files") {
            try await GitDebrisCheck(examination: $0, gitDirectory: directory).run()
        }
        let settings: RepositorySettings
        do {
            let check = IdentityCheck(examination: examination, gitDirectory: directory, twins: twins)
            guard let read = try await check.run() else { return }
            settings = read
        } catch {
            await examination.found(.unreadableConfig, "config", "\(error)")
            return
        }
        guard let uuid = settings.uuid else { return }
        var branchSettings = settings.branch(commitDelay: .seconds(1))
        // An inspection that repairs nothing must not even commit.
        branchSettings.commitsAutomatically = false
        let source: SettingsSource
        do {
            source = try await services.pool.run { try SettingsSource(name: found.name, gitDirectory: directory) }
        } catch {
            await examination.found(.unreadableConfig, "config", "\(error)")
            return
        }
        let branch = AnnexBranch(
            gitDirectory: directory, uuid: uuid, settings: branchSettings, executor: services.pool,
            logger: services.logger,
            requireSame: {
                // Somebody may put another repository into its place meanwhile, which must not get this one's lines.
                guard try source.current().uuid == uuid else { throw HostingError.gone(found.name) }
            })
        let store = settings.store
        let annex = ExaminedAnnex(
            uuid: uuid, gitDirectory: directory, branch: branch,
            objects: ObjectStore(gitDirectory: directory, settings: store))
        await examination.attempt("the git-annex branch") {
            try await BranchCheck(examination: $0, annex: annex).run()
        }
        await examination.attempt("the journal") { try await JournalCheck(examination: $0, annex: annex).run() }
        await examination.attempt("temporary files") {
            try await TemporaryFilesCheck(examination: $0, annex: annex).run()
        }
        await examination.attempt("the objects") { try await ObjectsCheck(examination: $0, annex: annex).run() }
        await examination.attempt("the location log") { try await LocationsCheck(examination: $0, annex: annex).run() }
        if options.verifiesObjects {
            let (folder, rate) = (root.state.appending("doctor"), options.rate)
            await examination.attempt("the content of objects") {
                try await ContentCheck(examination: $0, annex: annex, folder: folder, rate: rate).run()
            }
        }
        if options.repairs { await examination.attempt("the git-annex branch") { _ in try await branch.flush() } }
        await branch.endReading()
    }
}

/// The annex of a repository that is inspected.
struct ExaminedAnnex: Sendable {
    let uuid: RepositoryUUID
    let gitDirectory: FilePath
    let branch: AnnexBranch
    let objects: ObjectStore

    /// Records in the location log whether a key is here, as the disk says at that moment.
    func correctLog(of key: Key) async throws {
        let objects = objects
        // A disk that cannot be read is no reason to say that the content is not here.
        let before = try objects.find(key) != nil
        try await branch.recordLocation(of: key, in: uuid) { (try? objects.find(key) != nil) ?? before }
    }
}
