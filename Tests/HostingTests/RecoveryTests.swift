import AnnexBranch
import AnnexProtocol
import FileIO
import GitHost
import ObjectStore
import SystemPackage
import Testing

@testable import Hosting

/// What a crash cut off between the object and its log.
@Suite struct RecoveryTests {
    // Nothing is committed while the test looks at the journal.
    private let root: Root
    private let keys: [Key]

    init() throws {
        root = try Root(commitDelay: .seconds(600))
        keys = try (0..<8).map { try Key(parsing: "WORM-s1--recovered-\($0)") }
    }

    @Test("one key whose log cannot be written keeps no other from being logged, and has its turn at the next start")
    func oneBadKey() async throws {
        try await root.manager.create(name("data"))
        let repository = try #require(try await root.catalog.repository(named: name("data")))
        let uuid = try #require(repository.uuid)
        let branch = try #require(repository.branch)
        // One whose upload was cut off, and one whose removal was. The same way for all of them, so that the order in
        // which a folder lists its files does not matter.
        let bad = [keys[3], keys[7]]
        for key in keys[..<4] { try store(key, in: repository) }
        for key in keys[4...] {
            try await branch.recordLocation(of: key, in: uuid, present: true)
            do { try store(key, in: repository).release() }
            guard case .ready(let removal) = try repository.objects.beginRemoval(key) else {
                throw HostingError.refused("\(key) is locked")
            }
            try removal.unlinkContent()
        }
        let journal = repository.gitDirectory.appending("annex").appending("journal")
        for key in bad {
            // So that its name is known.
            try await branch.recordLocation(of: key, in: .random(), present: true)
            let file = try #require(try Files.list(journal).first { contains($0, key) })
            try Files.unlink(journal.appending(bytes: file))
            try Files.createDirectory(journal.appending(bytes: file))
        }
        // Each catalog is a start of its own.
        let recovered = try #require(try await root.catalog.repository(named: name("data")))
        for key in keys where !bad.contains(key) {
            let log = try await recovered.branch?.locations(of: key)
            #expect(log?[uuid] == (keys[..<4].contains(key) ? .present : .missing), "\(key)")
        }
        #expect(try recovered.objects.interruptedUploads() == [bad[0]])

        for key in bad {
            let folder = try #require(try Files.list(journal).first { contains($0, key) })
            try Files.removeTree(journal.appending(bytes: folder))
        }
        let again = try #require(try await root.catalog.repository(named: name("data")))
        #expect(try await again.branch?.locations(of: bad[0])[uuid] == .present)
        #expect(try await again.branch?.locations(of: bad[1])[uuid] == .missing)
        #expect(try again.objects.interruptedUploads().isEmpty)
        #expect(try again.objects.interruptedRemovals().isEmpty)
    }

    @Test("a branch that others moved is compared with the object store, and a repository nobody pushed to stays so")
    func movedByOthers() async throws {
        try await root.manager.create(name("data"))
        let repository = try #require(try await root.catalog.repository(named: name("data")))
        let uuid = try #require(repository.uuid)
        let branch = try #require(repository.branch)
        do { try store(keys[0], in: repository).release() }
        for key in keys[..<2] { try await branch.recordLocation(of: key, in: uuid, present: key == keys[0]) }
        await repository.close()

        // As the stock program does it, which merged what somebody pushed.
        func git(_ arguments: [String], input: String = "") async throws -> String {
            let output = try await GitCommand(arguments, in: repository.gitDirectory).output(input: Array(input.utf8))
            return String(decoding: output.prefix { $0 != 10 }, as: UTF8.self)
        }
        var input = "commit refs/heads/git-annex\ncommitter x <x> 1 +0000\ndata 1\nx\nfrom refs/heads/git-annex^0\n"
        for (key, status) in zip(keys, [0, 1]) {
            let line = "9999999999s \(status) \(uuid)\n"
            let path = BranchPath(of: key, .location, levels: .two)
            input += "M 100644 inline \(path)\ndata \(line.utf8.count)\n\(line)\n"
        }
        _ = try await git(["fast-import", "--quiet"], input: input)

        let reopened = try #require(try await root.catalog.repository(named: name("data")))
        let again = try #require(reopened.branch)
        var tries = 0
        while try await again.hasUnverifiedChanges {
            tries += 1
            try #require(tries < 3000, "the branch is not compared")
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await again.status(of: keys[0], in: uuid) == .present)
        #expect(try await again.status(of: keys[1], in: uuid) == .missing)
        #expect(try await again.isUnpushed)
        await reopened.close()
    }

    private func contains(_ file: [UInt8], _ key: Key) -> Bool {
        String(decoding: file, as: UTF8.self).contains(key.description)
    }

    @discardableResult
    private func store(_ key: Key, in repository: HostedRepository) throws -> Reception {
        let start = try repository.objects.beginReceiving(
            key, clientUUID: Array("client".utf8), offset: 0, length: 1, checker: Unchecked())
        guard case .ready(let reception) = start else { throw HostingError.refused("\(start)") }
        try [UInt8](arrayLiteral: 1).withUnsafeBytes { try reception.append($0) }
        #expect(try reception.finish(.complete) == .stored(newly: true))
        return reception
    }
}

private struct Unchecked: ContentChecking {
    let isVerifiable = false
    mutating func update(_ bytes: UnsafeRawBufferPointer) {}
    mutating func isGenuine(totalLength: UInt64) -> Bool { true }
}
