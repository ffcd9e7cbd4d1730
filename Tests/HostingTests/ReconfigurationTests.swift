import AnnexBranch
import AnnexProtocol
import FileIO
import GitHost
import SystemPackage
import Testing

@testable import Hosting

/// An operator changes the git config of a repository that is in use. What the instance in memory relies on must not be
/// what the file said when it was opened: facts of a repository that became private would be published for as long as
/// somebody uses it, and one that another program now locks in its own way would go on being written to.
@Suite struct ReconfigurationTests {
    // Nothing is committed while the test looks at the journal.
    private let root: Root
    private let key: Key

    init() throws {
        root = try Root(commitDelay: .seconds(600))
        key = try Key(parsing: "WORM-s1--reconfigured")
    }

    @Test("a repository that became private publishes nothing more about itself, and one that no longer is does")
    func becomesPrivate() async throws {
        let catalog = root.catalog
        let open = try await create(in: catalog)
        let (uuid, branch) = (try #require(open.uuid), try #require(open.branch))
        try await config(of: open).set("annex.private", "true")
        // Whoever has it in hand finds out before anything is written.
        await #expect(throws: HostingError.self) { try await branch.recordLocation(of: key, in: uuid, present: true) }
        let hidden = try #require(try await catalog.repository(named: name("data")))
        try await hidden.branch?.recordLocation(of: key, in: uuid, present: true)
        #expect(try journal(of: open, "journal").isEmpty && journal(of: open, "journal-private").count == 1)
        #expect(try await hidden.branch?.claims([key]) == [true], "or doctor would find each object unlogged")
        // What it says of others is public.
        try await hidden.branch?.recordLocation(of: key, in: .random(), present: true)
        let log = try #require(try journal(of: open, "journal").first)
        #expect(!log.contains(uuid.description))

        try await config(of: open).set("annex.private", "false")
        let shown = try #require(try await catalog.repository(named: name("data")))
        try await shown.branch?.recordLocation(of: key, in: uuid, present: true)
        #expect(try journal(of: open, "journal").contains { $0.contains(uuid.description) })
    }

    @Test("what waits in the journal is committed also where nobody asks for the repository again")
    func isRenewed() async throws {
        let catalog = root.catalog
        let open = try await create(in: catalog)
        try await open.branch?.recordLocation(of: key, in: .random(), present: true)
        try await config(of: open).set("annex.private", "true")
        let upkeep = Task { await catalog.keepPacked() }
        let deadline = ContinuousClock.now + .seconds(60)
        while try !journal(of: open, "journal").isEmpty, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
        }
        upkeep.cancel()
        await upkeep.value
        #expect(try journal(of: open, "journal").isEmpty, "not committed within a minute")
        await catalog.closeAll()
    }

    @Test("spec 02 §2.3: what is known of a remote with annex-private stays in the private journal")
    func privateRemote() async throws {
        let catalog = root.catalog
        let open = try await create(in: catalog)
        let remote = RepositoryUUID.random()
        try await config(of: open).set("remote.node.annex-uuid", remote.description)
        try await config(of: open).set("remote.node.annex-private", "true")
        let repository = try #require(try await catalog.repository(named: name("data")))
        try await repository.branch?.recordLocation(of: key, in: remote, present: true)
        #expect(try journal(of: open, "journal").isEmpty)
        #expect(try journal(of: open, "journal-private").contains { $0.contains(remote.description) })
    }

    @Test("spec 02 §2.1: with annex.pidlock, or an unknown version, the journal and the branch are left to others")
    func isLockedByOthers() async throws {
        let catalog = root.catalog
        let open = try await create(in: catalog)
        let uuid = try #require(open.uuid)
        for (setting, value, usual) in [("annex.pidlock", "true", "false"), ("annex.version", "11", "10")] {
            let other = RepositoryUUID.random()
            try await open.branchNow(catalog)?.recordLocation(of: key, in: other, present: true)
            try await config(of: open).set(setting, value)
            let repository = try #require(try await catalog.repository(named: name("data")))
            let branch = try #require(repository.branch)
            await #expect(throws: AnnexBranchError.self) {
                try await branch.recordLocation(of: key, in: uuid, present: true)
            }
            // No error, or whoever fetches or pushes something else would be turned away.
            try await branch.flush()
            await repository.flushBranch()
            #expect(try await branch.mergePushed() == MergeReport())
            #expect(try journal(of: open, "journal").contains { $0.contains(other.description) }, "\(setting)")
            await repository.close()
            #expect(try journal(of: open, "journal").contains { $0.contains(other.description) }, "\(setting)")

            try await config(of: open).set(setting, usual)
            try await open.branchNow(catalog)?.flush()
            #expect(try journal(of: open, "journal").isEmpty, "\(setting)")
        }
    }

    @Test("spec 01 §3.3: a shared repository that becomes an annex stays usable for those who share it")
    func initialisesShared() async throws {
        let catalog = root.catalog
        try root.folder.prepare()
        let directory = root.folder.folder(of: try name("shared"))
        try await RepositoryCreator.create(at: directory)
        let file = GitConfigFile(directory.appending("config"))
        try await file.set("core.sharedRepository", "group")
        try await file.set("annex.private", "true")
        let plain = try #require(try await catalog.repository(named: name("shared")))
        #expect(plain.uuid == nil)
        try await root.manager.initialiseAnnex(of: plain)
        for path in ["annex", "annex/journal.lck", "annex/journal-private", "annexd", "annexd/init.lck", "annexd/tmp"] {
            let mode = try #require(try Files.status(directory.appending(path))?.mode, "\(path)")
            #expect(mode & 0o060 == 0o060, "\(path): \(String(mode, radix: 8))")
        }
        #expect(try journal(of: plain, "journal").isEmpty, "a private repository tells nobody its name")
    }

    private func create(in catalog: Catalog) async throws -> HostedRepository {
        try await root.manager.create(name("data"))
        let repository = try #require(try await catalog.repository(named: name("data")))
        try await repository.branch?.flush()
        return repository
    }

    private func config(of repository: HostedRepository) -> GitConfigFile {
        GitConfigFile(repository.gitDirectory.appending("config"))
    }

    /// The texts of the files in a journal.
    private func journal(of repository: HostedRepository, _ folder: String) throws -> [String] {
        let directory = repository.gitDirectory.appending("annex").appending(folder)
        return try Files.list(directory).map { name in
            String(decoding: try Files.read(directory.appending(bytes: name)) ?? [], as: UTF8.self)
        }
    }
}

extension HostedRepository {
    /// The branch as it is opened now.
    fileprivate func branchNow(_ catalog: Catalog) async throws -> AnnexBranch? {
        try await catalog.repository(named: name)?.branch
    }
}
