import AnnexProtocol
import FileIO
import Foundation
import Testing

@testable import Hosting

@Suite struct RepositoryScanTests {
    private func write(_ repository: String, uuid: RepositoryUUID, in root: Root) throws {
        let folder = "\(root.folder.path)/\(repository).git"
        for part in ["objects", "refs"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: true)
        }
        try Data("ref: refs/heads/main\n".utf8).write(to: URL(fileURLWithPath: folder + "/HEAD"))
        try Data("[annex]\n\tuuid = \(uuid)\n".utf8).write(to: URL(fileURLWithPath: folder + "/config"))
        // So long ago that the clock of the file system has gone on since.
        try setDate(Date(timeIntervalSinceNow: -100), of: folder + "/config")
        try setDate(Date(timeIntervalSince1970: 1_700_000_000), of: "\(root.folder.path)")
    }

    private func setDate(_ date: Date, of path: String) throws {
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path)
    }

    @Test("new and removed repositories are seen by each scan, changed settings of others where these are due")
    func due() throws {
        let root = try Root()
        let uuids = (0..<4).map { _ in RepositoryUUID.random() }
        let start = ContinuousClock.now
        try write("a", uuid: uuids[0], in: root)
        var scan = RepositoryScan(root: root.folder)
        func refresh(_ now: ContinuousClock.Instant) -> Bool { scan.refresh(now: now) }
        #expect(refresh(start))
        #expect(try scan.repositories[name("a")]?.uuid == uuids[0])
        #expect(try scan.repositories[name("a")]?.version != nil)
        #expect(!refresh(start))

        try write("a", uuid: uuids[1], in: root)
        #expect(!refresh(start))
        #expect(refresh(start + .seconds(60)))
        #expect(try scan.repositories[name("a")]?.uuid == uuids[1])

        try write("b", uuid: uuids[2], in: root)
        try setDate(Date(timeIntervalSince1970: 1_700_000_001), of: "\(root.folder.path)")
        #expect(refresh(start + .seconds(60)))
        #expect(try scan.repositories[name("b")]?.uuid == uuids[2])
        try FileManager.default.removeItem(atPath: "\(root.folder.path)/a.git")
        #expect(refresh(start + .seconds(60)))
        #expect(try Array(scan.repositories.keys) == [name("b")])

        // One that was written a moment ago may be written again within the same tick of the clock.
        let config = URL(fileURLWithPath: "\(root.folder.path)/b.git/config")
        try Data("[annex]\n\tuuid = \(uuids[3])\n".utf8).write(to: config)
        try setDate(Date(timeIntervalSinceNow: 1000), of: config.path)
        #expect(refresh(start + .seconds(120)))
        #expect(try scan.repositories[name("b")]?.version == nil)
        try Data("[annex]\n\tuuid = \(uuids[0])\n".utf8).write(to: config)
        try setDate(Date(timeIntervalSinceNow: 1000), of: config.path)
        #expect(refresh(start + .seconds(120)))
        #expect(try scan.repositories[name("b")]?.uuid == uuids[0])
    }

    @Test(
        "looking at all configs uses two percent of a processor, and is done every few seconds at least",
        arguments: [(0, 0), (1, 50), (30, 1500), (100, 5000), (400, 5000)])
    func pause(cost: Int, pause: Int) {
        #expect(RepositoryScan.pause(after: .milliseconds(cost)) == .milliseconds(pause))
    }
}
