import AnnexBranch
import AnnexDigest
import AnnexProtocol
import Blocking
import FileIO
import Glibc
import Locations
import LocationsTesting
import SystemPackage
import TestKit
import Testing

@testable import Hosting

/// A repository's own content as a place.
@Suite struct LocalContentTests {
    private let root: Root
    private let content: LocalContent
    private let bytes = seededBytes(300_000, seed: 3)

    init() async throws {
        root = try Root()
        try await root.manager.create(name("data"))
        content = try #require(try await root.catalog.repository(named: name("data"))?.localContent)
    }

    private func key(_ bytes: [UInt8]) throws -> Key {
        let digest = StreamingDigest.digest(.sha256, of: bytes)
        return try Key(
            parsing: "SHA256-s\(bytes.count)--"
                + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
    }

    private func upload(
        _ bytes: [UInt8], offset: Int = 0, length: Int? = nil, end: UploadChunk = .end(.unchecked)
    ) -> Upload {
        Upload(
            client: Array("c".utf8), associatedFile: nil, offset: UInt64(offset),
            length: Int64(length ?? bytes.count), body: FakeBody(bytes, pieces: 70_000, end: end))
    }

    /// A body that says what somebody in front found out.
    private struct Judged: UploadBody {
        let body: FakeBody
        var isJudged: Bool { true }
        func next() async throws -> UploadChunk { try await body.next() }
    }

    private func judged(_ bytes: [UInt8], _ proof: Proof) -> Upload {
        var upload = upload([])
        upload.length = Int64(bytes.count)
        upload.body = Judged(body: FakeBody(bytes, end: .end(proof)))
        return upload
    }

    @Test("a verdict from in front is believed: right content is stored without another look, wrong leaves nothing")
    func verdicts() async throws {
        let key = try key(bytes)
        #expect(
            try await content.store(key, from: upload(bytes).judged(as: key, pool: root.services.pool))
                == .stored(at: [content.uuid]))
        // Nobody could tell the difference but by hashing it once more.
        let unhashed = try self.key(Array(bytes.reversed()))
        #expect(try await content.store(unhashed, from: judged(bytes, .right)) == .stored(at: [content.uuid]))
        let wrong = try self.key(Array(bytes.dropLast()))
        guard case .notStored = try await content.store(wrong, from: judged(Array(bytes.dropLast()), .wrong)) else {
            Issue.record("wrong content is stored")
            return
        }
        #expect(try await content.partial(of: wrong, for: Array("c".utf8)) == .bytes(0))
        #expect(try await content.branch.locations(of: wrong)[content.uuid] == nil)
    }

    /// The verdict is about the body; what is on disk from before could be anything.
    @Test("a body that is judged takes the place of what an earlier upload left")
    func replacesPartial() async throws {
        let key = try key(bytes)
        let junk = [UInt8](repeating: 7, count: 100_000)
        _ = try await content.store(key, from: upload(junk, length: bytes.count, end: .broken))
        #expect(try await content.partial(of: key, for: Array("c".utf8)) == .bytes(100_000))
        let right = upload(bytes).judged(as: key, pool: root.services.pool)
        #expect(try await content.store(key, from: right) == .stored(at: [content.uuid]))
        guard case .file(let file)? = try await content.open(key, for: Reading())?.source else {
            Issue.record("it is not there")
            return
        }
        #expect(try file.readAll(limit: 1 << 20) == bytes)
    }

    @Test(
        "an upload that goes on where an earlier one broke off is looked at from its first byte",
        arguments: [true, false])
    func resumed(isRight: Bool) async throws {
        let key = try key(bytes)
        let front = isRight ? Array(bytes[..<100_000]) : [UInt8](repeating: 7, count: 100_000)
        _ = try await content.store(key, from: upload(front, length: bytes.count, end: .broken))
        let rest = upload(Array(bytes[100_000...]), offset: 100_000).judged(as: key, pool: root.services.pool)
        #expect(!rest.body.isJudged)
        let outcome = try await content.store(key, from: rest)
        #expect((outcome == .stored(at: [content.uuid])) == isRight)
    }

    @Test("what fails is told in the words of every place, and without the paths of this host")
    func failures() async throws {
        let key = try key(bytes)
        for folder in ["annex/objects", "annex/tmp", "annex/transfer"] {
            let path = content.repository.gitDirectory.appending(folder)
            try? Files.removeTree(path)
            try? Files.createDirectories(path.removingLastComponent())
            // A link in the way is never followed.
            try #require(path.withPlatformString { symlink("/tmp", $0) } == 0)
        }
        let error = await #expect(throws: LocationError.self) { try await content.store(key, from: upload(bytes)) }
        #expect(error?.code == .failed && error?.cause != nil, "\(String(describing: error))")
        #expect(error?.message.contains("annexd-hosting") == false, "\(String(describing: error?.message))")
    }

    @Test("a repository that is gone says so")
    func gone() async throws {
        let key = try key(bytes)
        try await root.manager.delete(name("data"))
        let error = await #expect(throws: LocationError.self) { try await content.isPresent(key) }
        #expect(error?.code == .gone)
    }
}
