import AnnexProtocol
import Blocking
import FileIO
import Locations
import LocationsTesting
import SystemPackage
import TestKit
import Testing

@Suite struct SpoolShelfTests {
    private let bytes = seededBytes(300_000, seed: 5)
    private let place = RepositoryUUID.random()

    private func withShelf(
        free: UInt64? = nil, _ body: (SpoolShelf, FilePath, SpaceLedger) async throws -> Void
    ) async throws {
        let pool = BlockingPool(name: "spool", threadCount: 2)
        let ledger = SpaceLedger()
        let scratch = try ScratchDirectory("spool")
        defer { scratch.close() }
        let folder = FilePath(scratch.path).appending("spool")
        // As much is to stay free as leaves so many bytes.
        let reserve = try free.map { try Files.freeSpace(at: FilePath(scratch.path)) - $0 } ?? 0
        let shelf = SpoolShelf(folder: ConfinedPath(folder), pool: pool, ledger: ledger) { reserve }
        try await body(shelf, folder, ledger)
        await pool.shutdown()
    }

    private func upload(
        _ bytes: some Collection<UInt8>, offset: UInt64 = 0, length: Int64? = nil, client: String = "a",
        end: UploadChunk = .end(.unchecked)
    ) -> Upload {
        Upload(
            client: Array(client.utf8), associatedFile: nil, offset: offset, length: length ?? Int64(bytes.count),
            body: FakeBody(Array(bytes), pieces: 70_000, end: end))
    }

    private func files(_ folder: FilePath) throws -> Int { try Files.exists(folder) ? Files.list(folder).count : 0 }

    @Test("right content is spooled, and its file goes away with it")
    func whole() async throws {
        try await withShelf { shelf, folder, ledger in
            let key = try sha256Key(bytes)
            do {
                guard case .spooled(let spool) = try await shelf.receive(upload(bytes), of: key, for: place) else {
                    Issue.record("not spooled")
                    return
                }
                #expect(spool.size == UInt64(bytes.count) && spool.proof == .right)
                #expect(try spool.file.readAll(limit: 1 << 20) == bytes)
                #expect(ledger.promisedBytes == 0)
            }
            #expect(try files(folder) == 0)
        }
    }

    @Test("wrong content, too little and too much of it leave nothing")
    func refused() async throws {
        try await withShelf { shelf, folder, ledger in
            let key = try sha256Key(bytes)
            for bad in [
                upload(bytes.reversed()), upload(bytes.dropLast(), length: Int64(bytes.count)),
                upload(bytes + [1], length: Int64(bytes.count)), upload([], length: -5),
            ] {
                guard case .notSpooled = try await shelf.receive(bad, of: key, for: place) else {
                    Issue.record("spooled")
                    return
                }
                #expect(try files(folder) == 0)
                #expect(ledger.promisedBytes == 0)
            }
        }
    }

    @Test("an upload that breaks off is resumed, and all of it is looked at", arguments: [true, false])
    func resumed(isRight: Bool) async throws {
        try await withShelf { shelf, folder, _ in
            let key = try sha256Key(isRight ? bytes : bytes.reversed())
            let first = upload(bytes[..<200_000], length: Int64(bytes.count), end: .broken)
            guard case .notSpooled = try await shelf.receive(first, of: key, for: place) else {
                Issue.record("spooled")
                return
            }
            #expect(try await shelf.kept(key, for: place, client: Array("b".utf8)) == 200_000)
            #expect(try await shelf.kept(key, for: .random(), client: []) == 0)
            let beyond = try await shelf.receive(upload(bytes[250_000...], offset: 250_000), of: key, for: place)
            guard case .notSpooled = beyond else {
                Issue.record("bytes are missing in the middle")
                return
            }
            // From a little before where it broke off.
            do {
                let rest = try await shelf.receive(upload(bytes[150_000...], offset: 150_000), of: key, for: place)
                if case .spooled(let spool) = rest {
                    #expect(isRight && spool.proof == .right)
                    #expect(try spool.file.readAll(limit: 1 << 20) == bytes)
                } else {
                    #expect(!isRight)
                }
            }
            #expect(try await shelf.kept(key, for: place, client: []) == 0)
        }
    }

    @Test("what has no digest is resumed by its own client alone")
    func withoutDigest() async throws {
        try await withShelf { shelf, _, _ in
            let key = try Key(parsing: "URL-s300000--http&c%%x/../../y")
            let first = upload(bytes[..<1000], length: Int64(bytes.count), end: .broken)
            _ = try await shelf.receive(first, of: key, for: place)
            #expect(try await shelf.kept(key, for: place, client: Array("a".utf8)) == 1000)
            #expect(try await shelf.kept(key, for: place, client: Array("b".utf8)) == 0)
            let rest = try await shelf.receive(upload(bytes[1000...], offset: 1000), of: key, for: place)
            guard case .spooled(let spool) = rest else {
                Issue.record("not spooled")
                return
            }
            #expect(spool.proof == .unchecked)
        }
    }

    @Test("a verdict from in front is taken, and one that says wrong is believed")
    func judged() async throws {
        try await withShelf { shelf, folder, _ in
            let pool = BlockingPool(name: "digests", threadCount: 1)
            for isRight in [true, false] {
                let key = try sha256Key(isRight ? bytes : bytes.reversed())
                let outcome = try await shelf.receive(
                    upload(bytes).judged(as: key, pool: pool), of: key, for: place)
                if case .spooled(let spool) = outcome {
                    #expect(isRight && spool.proof == .right)
                } else {
                    #expect(!isRight)
                    #expect(try files(folder) == 0)
                }
            }
            await pool.shutdown()
        }
    }

    @Test("what does not fit is refused before a byte is taken")
    func full() async throws {
        try await withShelf(free: 100_000) { shelf, folder, ledger in
            let body = FakeBody(bytes)
            let upload = Upload(
                client: [], associatedFile: nil, offset: 0, length: 1 << 40, body: body)
            let error = await #expect(throws: LocationError.self) {
                try await shelf.receive(upload, of: try Key(parsing: "URL--x"), for: place)
            }
            #expect(error?.code == .full && error?.missingBytes ?? 0 > 1 << 39)
            guard case .bytes = try await body.next() else {
                Issue.record("the body was taken")
                return
            }
            #expect(try files(folder) == 0 && ledger.promisedBytes == 0)
        }
    }

    @Test("two at once are not mixed, and what nobody comes back for is removed")
    func leftovers() async throws {
        try await withShelf { shelf, folder, _ in
            let key = try sha256Key(bytes)
            let body = FakeBody()
            body.give(bytes[..<1000])
            let slow = Upload(
                client: [], associatedFile: nil, offset: 0, length: Int64(bytes.count), body: body)
            let first = Task { try await shelf.receive(slow, of: key, for: place) }
            try await wait(for: "the first one to have begun") {
                try await shelf.kept(key, for: place, client: []) == 1000
            }
            let error = await #expect(throws: LocationError.self) {
                try await shelf.receive(upload(bytes), of: key, for: place)
            }
            #expect(error?.code == .busy)
            let later = Int64.max / 2
            try shelf.removeLeftovers(olderThan: .seconds(86_400), now: later)
            #expect(try files(folder) == 1, "it is being used")
            body.end(.broken)
            _ = try await first.value
            try shelf.removeLeftovers(olderThan: .seconds(86_400), now: 0)
            #expect(try files(folder) == 1, "it is young")
            try shelf.removeLeftovers(olderThan: .seconds(86_400), now: later)
            #expect(try files(folder) == 0)
        }
    }
}
