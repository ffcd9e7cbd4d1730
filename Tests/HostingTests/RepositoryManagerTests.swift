import AnnexBranch
import AnnexProtocol
import Blocking
import FileIO
import GitHost
import Glibc
import Locations
import Logging
import Synchronization
import SystemPackage
import TestKit
import Testing

@testable import Hosting

@Suite struct RepositoryManagerTests {
    private let root: Root

    init() throws { root = try Root() }

    @Test("a created repository is an annex of its own, with its line of uuid.log waiting in the journal")
    func create() async throws {
        // Nothing is committed while the test looks at the journal.
        let root = try Root(commitDelay: .seconds(600))
        let uuid = try await root.manager.create(name("lab/a/data"))
        let repository = try #require(try await root.catalog.repository(named: name("lab/a/data")))
        #expect(repository.uuid == uuid)
        #expect(repository.gitDirectory == root.folder.path.appending("lab/a/data.git"))
        #expect(try await repository.hidesBranch())
        let journal = try #require(
            try Files.read(repository.gitDirectory.appending("annex").appending("journal").appending("uuid.log")))
        #expect(String(decoding: journal, as: UTF8.self).hasPrefix("\(uuid) lab/a/data (annexd) timestamp="))
        #expect(try Files.list(root.folder.workshop).isEmpty)
        await repository.close()
    }

    @Test("an unknown UUID is answered at once: no disk is asked and no scan waited for")
    func unknownUUID() async throws {
        let pool = BlockingPool(threadCount: 1)
        let services = HostServices(
            pool: pool, locks: LockTable(limit: 1, limitPerClient: 1), logger: root.services.logger,
            commitDelay: .milliseconds(50))
        let catalog = Catalog(root: root.folder, services: services)
        // The only thread that may wait is taken: whoever needs it does not come back.
        let isTaken = Atomic(false)
        let isFree = Atomic(false)
        async let blocked: Void = pool.run {
            isTaken.store(true, ordering: .relaxed)
            while !isFree.load(ordering: .relaxed) { usleep(1000) }
        }
        try await wait(for: "the thread to be taken") { isTaken.load(ordering: .relaxed) }
        for _ in 0..<1000 { #expect(try await catalog.repository(withUUID: .random()) == nil) }
        isFree.store(true, ordering: .relaxed)
        try await blocked
        await pool.shutdown()
    }

    @Test("copies are told in lists, and by what is shown of each")
    func copies() async throws {
        let uuid = try await root.manager.create(name("original"))
        try await root.manager.create(name("other"))
        let original = root.folder.folder(of: try name("original"))
        try await root.manager.importRepository(at: original, as: name("team/copy"), keepingSource: true)
        let list = try root.manager.list()
        #expect(list.filter { $0.uuid == uuid }.map(\.name) == [try name("original"), try name("team/copy")])
        #expect(list.first { $0.uuid == uuid }?.copies == [try name("team/copy")])
        #expect(list.first { $0.uuid != uuid }?.copies == [])
        #expect(try root.manager.show(name("team/copy")).copies == [try name("original")])
    }

    @Test("a name is given once")
    func duplicates() async throws {
        try await root.manager.create(name("data"))
        await #expect(throws: HostingError.self) { try await root.manager.create(name("data.git")) }
        try await RepositoryCreator.create(at: root.folder.path.appending("plain"))
        await #expect(throws: HostingError.self) { try await root.manager.create(name("plain/inner")) }
        #expect(try Files.list(root.folder.workshop).isEmpty)
    }

    /// Work trees hold what people push: files that look like a git directory, and links to anywhere.
    @Test("nothing inside a repository is served as another one")
    func nested() async throws {
        let work = root.folder.path.appending("work")
        try Files.createDirectories(work)
        try await RepositoryCreator.create(at: work.appending(".git"))
        try await RepositoryCreator.create(at: work.appending("inner"))
        try await RepositoryCreator.create(at: work.appending("bare.git"))
        for inner in ["work/inner", "work/bare", "work/inner/deeper"] {
            #expect(try await root.catalog.repository(named: name(inner)) == nil)
            #expect(try root.folder.gitDirectory(of: name(inner)) == nil)
        }
        #expect(try await root.catalog.repository(named: name("work")) != nil)
        await #expect(throws: HostingError.self) { try await root.manager.rename(name("work/inner"), to: name("mine")) }
    }

    @Test("who reads needs no lock on the journal, and is served also where nothing can be committed")
    func readersAndJournal() async throws {
        // Nothing is to be committed but by the calls here.
        let root = try Root(commitDelay: .seconds(600))
        try await root.manager.create(name("data"))
        let repository = try #require(try await root.catalog.repository(named: name("data")))
        let lock = repository.gitDirectory.appending("annex").appending("journal.lck")
        let journal = repository.gitDirectory.appending("annex").appending("journal")
        try Files.unlink(lock)
        try Files.createDirectory(lock)
        await repository.flushBranch()
        #expect(try !Files.list(journal).isEmpty)
        try Files.removeEmptyDirectory(lock)
        await repository.flushBranch()
        #expect(try Files.list(journal).isEmpty)
        try Files.unlink(lock)
        await repository.flushBranch()
        #expect(try !Files.exists(lock))
        await repository.close()
    }

    @Test("a repository is not closed for idleness while it receives an upload")
    func longUpload() async throws {
        try await root.manager.create(name("data"))
        let repository = try #require(try await root.catalog.repository(named: name("data")))
        let location = try #require(repository.ownContent)
        let body = SlowBody { repository.isIdle(for: .zero) }
        let upload = Upload(client: [], associatedFile: nil, offset: 0, length: 0, body: body)
        let empty = try Key(parsing: "SHA256-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(try await location.store(empty, from: upload) == .stored(at: [location.uuid]))
        #expect(body.wasIdle.withLock { $0 } == false)
        #expect(repository.isIdle(for: .zero))
        await repository.close()
    }

    /// An empty body that looks at the repository before it ends.
    private final class SlowBody: UploadBody {
        let wasIdle = Mutex<Bool?>(nil)
        private let isIdle: @Sendable () -> Bool
        init(isIdle: @escaping @Sendable () -> Bool) { self.isIdle = isIdle }

        func next() async throws -> UploadChunk {
            let answer = isIdle()
            wasIdle.withLock { $0 = answer }
            return .end(.unchecked)
        }
    }

    @Test("several first pushes of a git-annex branch at once give a repository one UUID")
    func initialisationRace() async throws {
        try await RepositoryCreator.create(at: root.folder.path.appending("plain.git"))
        let (manager, catalog) = (root.manager, root.catalog)
        let repository = try #require(try await catalog.repository(named: name("plain")))
        try await withThrowingTaskGroup { group in
            for _ in 0..<6 { group.addTask { try await manager.initialiseAnnex(of: repository) } }
            try await group.waitForAll()
        }
        let journal = repository.gitDirectory.appending("annex").appending("journal")
        let log = try #require(try Files.read(journal.appending("uuid.log")))
        let now = try #require(try await catalog.repository(named: name("plain")))
        let uuid = try #require(now.uuid)
        #expect(log.split(separator: 10).count == 1)
        #expect(String(decoding: log, as: UTF8.self).hasPrefix("\(uuid) "))
        await now.close()
    }

    @Test("of many who create one name at once exactly one does")
    func race() async throws {
        let (manager, name) = (root.manager, try name("data"))
        let created = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { (try? await manager.create(name)) != nil } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(created == 1)
        #expect(try Files.list(root.folder.workshop).isEmpty)
    }

    @Test("a repository that was renamed many times is found by every name it had; aliases in a circle lead nowhere")
    func renameOften() async throws {
        try await root.manager.create(name("n0"))
        for number in 1...40 { try await root.manager.rename(name("n\(number - 1)"), to: name("n\(number)")) }
        for number in 0..<40 { #expect(try root.folder.presentName(of: name("n\(number)")) == name("n40")) }
        try RepositoryRenaming.writeAlias(from: name("one"), to: name("two"), in: root.folder)
        try RepositoryRenaming.writeAlias(from: name("two"), to: name("one"), in: root.folder)
        #expect(try root.folder.presentName(of: name("one")) == nil)
    }

    @Test("a renamed repository is found by its old names, also over several steps, until the name is used again")
    func rename() async throws {
        let uuid = try await root.manager.create(name("old"))
        try await root.manager.rename(name("old"), to: name("team/middle"))
        try await root.manager.rename(name("team/middle"), to: name("team/new"))
        let catalog = root.catalog
        for text in ["old", "team/middle", "team/new"] {
            let repository = try #require(try await catalog.repository(named: name(text)))
            #expect(repository.uuid == uuid)
            #expect(repository.name == (try name("team/new")))
        }
        #expect(try root.manager.show(name("old")).formerNames == [name("old"), name("team/middle")])
        let other = try await root.manager.create(name("old"))
        #expect(try await catalog.repository(named: name("old"))?.uuid == other)
        await catalog.closeAll()
    }

    @Test("former names of a deleted repository lead nowhere, and a restored one gets them back")
    func aliasesOfDeleted() async throws {
        try await root.manager.create(name("old"))
        try await root.manager.rename(name("old"), to: name("middle"))
        try await root.manager.rename(name("middle"), to: name("new"))
        try await root.manager.delete(name("new"))
        try await root.manager.create(name("new"))
        #expect(try root.folder.presentName(of: name("old")) == nil)
        #expect(try root.folder.presentName(of: name("middle")) == nil)
        try await root.manager.restore(name("new"), as: name("back"))
        let catalog = root.catalog
        let (scanned, signal) = AsyncStream<Void>.makeStream()
        let maintenance = Task { await catalog.maintain { signal.yield() } }
        for await _ in scanned { break }
        for former in ["old", "middle"] {
            #expect(try await catalog.repository(named: name(former))?.name == name("back"))
        }
        maintenance.cancel()
        await maintenance.value
        await catalog.closeAll()
    }

    @Test("former names survive the loss of the host's own state")
    func rebuiltAliases() async throws {
        try await root.manager.create(name("old"))
        try await root.manager.rename(name("old"), to: name("new"))
        try Files.removeTree(root.folder.state)
        try root.folder.prepare()
        let catalog = root.catalog
        let (scanned, signal) = AsyncStream<Void>.makeStream()
        let maintenance = Task { await catalog.maintain { signal.yield() } }
        for await _ in scanned { break }
        #expect(try await catalog.repository(named: name("old"))?.name == name("new"))
        maintenance.cancel()
        await maintenance.value
        await catalog.closeAll()
    }

    @Test(
        "the next server clears away what was half made, but not while somebody is making it", .timeLimit(.minutes(10)))
    func workshop() async throws {
        try root.folder.prepare()
        let draft = root.folder.workshop.appending("draft.git")
        try await RepositoryCreator.create(at: draft)
        do {
            let work = try root.folder.occupyWorkshop()
            try root.folder.clearWorkshop()
            #expect(try Files.exists(draft))
            withExtendedLifetime(work) {}
        }
        // A process that another test is just starting has a copy of the lock until it runs its program.
        try await wait(for: "the draft to be cleared away") {
            try root.folder.clearWorkshop()
            return try Files.list(root.folder.workshop).isEmpty
        }
        #expect(try !Files.list(root.folder.state).contains { $0.starts(with: "litter".utf8) })
        try await root.manager.create(name("data"))
    }

    @Test("content whose upload ended before its log was written is logged by the next process")
    func interruptedUpload() async throws {
        try await root.manager.create(name("data"))
        let empty = try Key(parsing: "SHA256-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        let folder = root.folder.path.appending("data.git/annex")
        for directory in ["transfer/download/lck", "transfer/download/client"] {
            try Files.createDirectories(folder.appending(directory))
            _ = try OpenFile(folder.appending(directory).appending("lck.\(empty)"), [.writeOnly, .create])
        }
        _ = try OpenFile(folder.appending("transfer/download/client/\(empty)"), [.writeOnly, .create])
        // In place, and nobody has said so.
        let directories = HashDirectories(of: empty).lower(levels: .two)
        let target = directories.reduce(folder.appending("objects")) { $0.appending(bytes: $1) }.appending("\(empty)")
        try Files.createDirectories(target)
        _ = try OpenFile(target.appending("\(empty)"), [.writeOnly, .create])
        let catalog = root.catalog
        let repository = try #require(try await catalog.repository(named: name("data")))
        let uuid = try #require(repository.uuid)
        #expect(try await repository.branch?.locations(of: empty)[uuid] == .present)
        for directory in ["transfer/download/lck", "transfer/download/client"] {
            #expect(try Files.list(folder.appending(directory)).isEmpty)
        }
        await catalog.closeAll()
    }

    @Test("a deleted repository is gone at once, and comes back with everything")
    func trash() async throws {
        let uuid = try await root.manager.create(name("data"))
        let catalog = root.catalog
        _ = try await catalog.repository(named: name("data"))
        try await root.manager.delete(name("data"))
        #expect(try await catalog.repository(named: name("data")) == nil)
        #expect(try RepositoryTrash(root: root.folder).entries().map(\.name) == [name("data")])
        try await root.manager.restore(name("data"))
        #expect(try await catalog.repository(named: name("data"))?.uuid == uuid)
        #expect(try RepositoryTrash(root: root.folder).entries().isEmpty)
        await catalog.closeAll()
    }

    @Test("restoring never overwrites; another name is possible")
    func restoreElsewhere() async throws {
        let first = try await root.manager.create(name("data"))
        try await root.manager.delete(name("data"))
        let second = try await root.manager.create(name("data"))
        await #expect(throws: HostingError.self) { try await root.manager.restore(name("data")) }
        try await root.manager.restore(name("data"), as: name("saved/data"))
        let catalog = root.catalog
        #expect(try await catalog.repository(named: name("data"))?.uuid == second)
        #expect(try await catalog.repository(named: name("saved/data"))?.uuid == first)
        await catalog.closeAll()
    }

    @Test("an open repository whose folder was replaced is not used any more")
    func replaced() async throws {
        try await root.manager.create(name("data"))
        let catalog = root.catalog
        let old = try #require(try await catalog.repository(named: name("data")))
        try await root.manager.delete(name("data"))
        let uuid = try await root.manager.create(name("data"))
        #expect(throws: HostingError.self) { try old.currentSettings() }
        #expect(try await catalog.repository(named: name("data"))?.uuid == uuid)
        await catalog.closeAll()
    }

    @Test("import moves or copies, with UUID and content")
    func imports() async throws {
        let uuid = try await root.manager.create(name("source"))
        let source = root.folder.path.appending("source.git")
        let outside = root.folder.path.appending(".outside")
        try Files.rename(source, to: outside)
        try await root.manager.importRepository(at: outside, as: name("copied"), keepingSource: true)
        #expect(try Files.exists(outside))
        try await root.manager.importRepository(at: outside, as: name("moved"), keepingSource: false)
        #expect(try Files.exists(outside) == false)
        let listed = try root.manager.list()
        #expect(listed.map(\.name) == [try name("copied"), try name("moved")])
        #expect(listed.allSatisfy { $0.uuid == uuid })
        await #expect(throws: HostingError.self) {
            try await root.manager.importRepository(at: root.folder.state, as: name("x"), keepingSource: true)
        }
    }
}

@Suite struct CatalogTests {
    private let root: Root

    init() throws { root = try Root() }

    private func scanned(_ body: (Catalog) async throws -> Void) async throws {
        let catalog = root.catalog
        let (scanned, signal) = AsyncStream<Void>.makeStream()
        let maintenance = Task { await catalog.maintain { signal.yield() } }
        for await _ in scanned { break }
        do { try await body(catalog) } catch {
            maintenance.cancel()
            throw error
        }
        maintenance.cancel()
        await maintenance.value
        await catalog.closeAll()
    }

    @Test("repositories are found by UUID; copies of one another by path only (spec 01 §6.9)")
    func byUUID() async throws {
        let uuid = try await root.manager.create(name("a/b/data"))
        try await scanned { catalog in
            let found = try await catalog.repository(withUUID: uuid)
            let unknown = try await catalog.repository(withUUID: .random())
            #expect(try found?.name == name("a/b/data"))
            #expect(unknown == nil)
        }
        try await root.manager.importRepository(
            at: root.folder.path.appending("a").appending("b").appending("data.git"), as: name("twin"),
            keepingSource: true)
        try await scanned { catalog in
            let ambiguous = try await catalog.repository(withUUID: uuid)
            let twin = try await catalog.repository(named: try name("twin"))
            #expect(ambiguous == nil)
            #expect(twin?.uuid == uuid)
        }
    }

    @Test("the host's own folder and hidden ones are no repositories")
    func hidden() async throws {
        try await root.manager.create(name("data"))
        _ = try await root.manager.emptyRepository()
        try await root.manager.create(name("gone"))
        try await root.manager.delete(name("gone"))
        #expect(try root.manager.list().map(\.name) == [try name("data")])
        #expect(try await root.catalog.repository(named: name("missing")) == nil)
    }

    @Test("a scan notices what appears, changes and goes, in any folder")
    func changes() async throws {
        var scan = RepositoryScan(root: root.folder)
        try root.folder.prepare()
        _ = scan.refresh()
        #expect(scan.repositories.isEmpty)
        let uuid = try await root.manager.create(name("deep/er/data"))
        let isChanged1 = scan.refresh()
        #expect(isChanged1)
        #expect(scan.repositories[try name("deep/er/data")]?.uuid == uuid)

        let plain = root.folder.path.appending("plain.git")
        try await RepositoryCreator.create(at: plain)
        let isChanged2 = scan.refresh()
        #expect(isChanged2)
        #expect(scan.repositories[try name("plain")]?.uuid == nil)
        let config = GitConfigFile(plain.appending("config"))
        try await config.set("annex.uuid", "u-1")
        let isChanged3 = scan.refresh()
        #expect(isChanged3)
        #expect(scan.repositories[try name("plain")]?.uuid == RepositoryUUID("u-1"))

        try await root.manager.delete(name("deep/er/data"))
        let isChanged4 = scan.refresh()
        #expect(isChanged4)
        #expect(scan.repositories.keys.map(\.description) == ["plain"])
    }
}
