// A prepared repository: a link or a FIFO in the place of each folder and file that git and annexd work in.

import FileIO
import GitHost
import Glibc
import SystemPackage
import Testing

@testable import Hosting

@Suite struct RepositoryShapeTests {
    private func link(_ path: FilePath, to target: String) throws {
        try Files.removeTree(path)
        try Files.createDirectories(path.removingLastComponent())
        try #require(path.withPlatformString { symlink(target, $0) } == 0)
    }

    private func fifo(_ path: FilePath) throws {
        try Files.removeTree(path)
        try Files.createDirectories(path.removingLastComponent())
        try #require(path.withPlatformString { mkfifo($0, 0o644) } == 0)
    }

    @Test("what annexd makes, and what git makes, is in order")
    func sound() async throws {
        let root = try Root()
        try await root.manager.create(name("a"))
        let repository = root.folder.path.appending("a.git")
        #expect(try RepositoryShape(repository).oddity() == nil)
        #expect(try RepositoryShape(repository).strays() == [])
    }

    @Test(
        "a link or a FIFO in the place of each is found and named, and the repository is not opened",
        arguments: [
            "objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/remotes", "annex", "annex/objects",
            "annex/tmp", "annex/journal", "annex/transfer", "annexd", "annexd/tmp", "config", "HEAD", "packed-refs",
            "objects/info/alternates", "annex/journal.lck",
        ])
    func oddities(place: String) async throws {
        let root = try Root()
        let uuid = try await root.manager.create(name("a"))
        let repository = root.folder.path.appending("a.git")
        for make in [{ try link($0, to: "/tmp") }, fifo] {
            try make(repository.appending(place))
            let oddity = try #require(try RepositoryShape(repository).oddity(), "\(place)")
            #expect(oddity.path == place)
            await #expect(throws: HostingError.self) { try await root.catalog.repository(named: name("a")) }
            await #expect(throws: HostingError.self) {
                try await root.catalog.repository(named: name("a"))?.uuid == uuid
            }
        }
    }

    @Test("HEAD may be a link to a branch, as git once wrote it, and nothing else")
    func head() async throws {
        let root = try Root()
        try await root.manager.create(name("a"))
        let repository = root.folder.path.appending("a.git")
        try link(repository.appending("HEAD"), to: "refs/heads/main")
        #expect(try RepositoryShape(repository).oddity() == nil)
        try link(repository.appending("HEAD"), to: "/etc/passwd")
        #expect(try RepositoryShape(repository).oddity()?.path == "HEAD")
    }

    @Test("links that lead out are strays, those within are not, whatever way their targets are written")
    func strays() async throws {
        let root = try Root()
        try await root.manager.create(name("a"))
        let repository = root.folder.path.appending("a.git")
        for (path, target) in [
            ("refs/heads/in", "main"), ("refs/heads/up", "../tags/x"), ("refs/in2", "\(repository)/refs/heads"),
            ("hooks/pre-receive", "/bin/true"), ("description", "./config"),
        ] { try link(repository.appending(path), to: target) }
        #expect(try RepositoryShape(repository).strays() == [])
        for (path, target) in [
            ("refs/heads/out", "/etc"), ("refs/heads/rel", "../../../b.git/refs/heads/main"), ("x", ".."),
            ("annex/objects/y", "/dev/null"),
        ] { try link(repository.appending(path), to: target) }
        try fifo(repository.appending("objects/ab/fifo"))
        let found = try RepositoryShape(repository).strays().map(\.path)
        #expect(found == ["annex/objects/y", "objects/ab/fifo", "refs/heads/out", "refs/heads/rel", "x"])
        #expect(try RepositoryShape(repository).strays(skipping: ["annex/objects"]).count == 4)
    }

    @Test("git's file that makes it look for everything elsewhere is refused")
    func commonDirectory() async throws {
        let root = try Root()
        try await root.manager.create(name("a"))
        let file = ConfinedPath(root.folder.path.appending("a.git")).appending("commondir")
        try OpenFile(file, [.writeOnly, .create]).write(Array("/srv/other.git\n".utf8), at: 0)
        let error = await #expect(throws: HostingError.self) { try await root.catalog.repository(named: name("a")) }
        #expect("\(error, default: "")".contains("commondir"))
    }

    /// Git 2.45 and later can make such repositories. The hooks that guard pushes read refs as files.
    @Test("refs in the reftable format are refused, with the command that converts them")
    func reftable() async throws {
        let root = try Root()
        try await root.manager.create(name("a"))
        try Files.createDirectory(root.folder.path.appending("a.git/reftable"))
        let error = await #expect(throws: HostingError.self) { try await root.catalog.repository(named: name("a")) }
        #expect("\(error, default: "")".contains("git refs migrate --ref-format=files"))
    }

    @Test("a repository that is not served can be deleted, and is listed until then")
    func deletion() async throws {
        let root = try Root()
        try await root.manager.create(name("a"))
        try link(root.folder.path.appending("a.git/config"), to: "/etc/passwd")
        #expect(try root.manager.list().map(\.name) == [name("a")])
        try await root.manager.delete(name("a"))
        #expect(try root.manager.list().isEmpty)
    }
}
