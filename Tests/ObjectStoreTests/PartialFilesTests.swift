// Partial content of several clients. Attack: somebody begins to upload a key that is not his, with bytes of his own,
// and is cut; the owner goes on behind these bytes. Without a digest, what is stored then is the start of one content
// and the end of another; with one, what the owner sent is thrown away. Or somebody throws away what another one has
// sent so far.

import AnnexProtocol
import FileIO
import SystemPackage
import Testing

@testable import ObjectStore

@Suite struct PartialFilesTests {
    private let fixture: Fixture
    private let good = sample(3_000_000, seed: 1)
    private let evil = sample(3_000_000, seed: 2)

    init() throws { fixture = try Fixture() }

    /// What `client` is told by `putoffset`.
    private func offset(_ key: Key, _ client: String) throws -> UInt64 {
        try fixture.store.partialSize(key, client: Array(client.utf8))
    }

    /// Sends the start of some content, and is cut.
    private func begin(_ content: [UInt8], _ count: Int, as key: Key, by client: String) throws {
        try fixture.put(
            Array(content[..<count]), as: key, length: Int64(content.count), end: .broken, client: client,
            verifiable: key.expectedDigest != nil)
    }

    /// Sends what a client that asked for the offset sends.
    private func goOn(_ content: [UInt8], as key: Key, by client: String) throws -> ReceiveOutcome {
        let start = Int(try offset(key, client))
        return try fixture.put(
            Array(content[start...]), as: key, offset: UInt64(start), client: client,
            verifiable: key.expectedDigest != nil)
    }

    private func stored(_ key: Key) throws -> [UInt8]? {
        try fixture.store.find(key).flatMap { try Files.read($0.path) }
    }

    @Test(
        "without a digest a partial is its client's alone",
        arguments: ["URL--http://x/y", "URL-s3000000--z", "WORM-s3000000-m1--f", "XFOO-s3000000--x", "VURL--v"])
    func withoutDigest(text: String) throws {
        let key = try Key(parsing: text)
        try begin(evil, 1_000_000, as: key, by: "B")
        #expect(try offset(key, "A") == 0)
        #expect(try offset(key, "B") == 1_000_000)
        try begin(good, 2_000_000, as: key, by: "A")
        #expect(try offset(key, "B") == 1_000_000)
        // The same store after a restart, which knows only what is on disk.
        let fresh = ObjectStore(gitDirectory: fixture.git, settings: fixture.settings)
        #expect(try fresh.partialSize(key, client: Array("A".utf8)) == 2_000_000)
        #expect(try goOn(good, as: key, by: "A") == .stored(newly: true))
        #expect(try stored(key) == good)
        #expect(try Files.list(fixture.store.paths.partials).isEmpty, "nothing of it is left")
    }

    @Test("what the stock program left has no owner: without a digest it counts for nobody")
    func stockPartial() throws {
        let url = try Key(parsing: "URL-s3000000--z")
        try write(Array(evil[..<1000]), to: fixture.store.paths.partial(url))
        #expect(try offset(url, "A") == 0)
        #expect(try goOn(good, as: url, by: "A") == .stored(newly: true))
        #expect(try stored(url) == good)
        #expect(try !Files.exists(fixture.store.paths.partial(url)))
        // With one it will turn out what it is, and it may well be right.
        let hashed = try key(for: good)
        try write(Array(good[..<1000]), to: fixture.store.paths.partial(hashed))
        #expect(try offset(hashed, "A") == 1000)
        #expect(try goOn(good, as: hashed, by: "A") == .stored(newly: true))
    }

    @Test("a process that is killed in the middle leaves bytes that belong to whom they came from")
    func killed() throws {
        let url = try Key(parsing: "URL--x")
        do {
            let reception = try fixture.begin(url, length: 3_000_000, client: "A", verifiable: false).reception
            try reception.append(Array(good[..<500_000]))
            // As the next process finds it.
            let next = ObjectStore(gitDirectory: fixture.git, settings: fixture.settings)
            #expect(try next.partialSize(url, client: Array("A".utf8)) == 500_000)
            #expect(try next.partialSize(url, client: Array("B".utf8)) == 0)
        }
        // A kill between the folder and the file, and one before the first byte.
        let folder = fixture.store.paths.partials.appending(bytes: url.fileName)
        try Files.removeTree(folder)
        try Files.createDirectories(folder.path)
        #expect(try offset(url, "A") == 0)
        try write([], to: folder.appending("A"))
        #expect(try offset(url, "A") == 0)
        #expect(try goOn(good, as: url, by: "A") == .stored(newly: true))
        #expect(try stored(url) == good)
    }

    @Test("with a digest a wrong start of somebody else costs its owner nothing")
    func withDigest() throws {
        let key = try key(for: good)
        try begin(evil, 1_000_000, as: key, by: "B")
        #expect(try offset(key, "A") == 0)
        try begin(good, 2_000_000, as: key, by: "A")
        #expect(try offset(key, "A") == 2_000_000)
        #expect(try offset(key, "B") == 1_000_000)
        #expect(try goOn(good, as: key, by: "A") == .stored(newly: true))
        #expect(try Files.list(fixture.store.paths.partials).isEmpty)
        #expect(try !Files.exists(fixture.store.paths.partial(key)))
    }

    @Test("so it is with little content, whose owner is noted when it is cut")
    func littleWithDigest() throws {
        let little = Array(good[..<10_000])
        let key = try key(for: little)
        try begin(Array(evil[..<10_000]), 5000, as: key, by: "B")
        #expect(try offset(key, "A") == 0)
        #expect(try offset(key, "B") == 5000)
        #expect(try goOn(little, as: key, by: "A") == .stored(newly: true))
        #expect(try stored(key) == little)
        #expect(try Files.list(fixture.store.paths.partials).isEmpty)
        #expect(try !Files.exists(fixture.store.paths.partial(key)))
    }

    @Test("a wrong start without an owner is thrown away once it is noticed, and the next try begins on its own")
    func wrongStartOfNobody() throws {
        let key = try key(for: good)
        try write(Array(evil[..<1000]), to: fixture.store.paths.partial(key))
        #expect(try goOn(good, as: key, by: "A") == .rejected(.contentMismatch))
        #expect(try offset(key, "A") == 0)
        try begin(evil, 1_000_000, as: key, by: "B")
        #expect(try goOn(good, as: key, by: "A") == .stored(newly: true))
    }

    @Test(
        "neither a negative length nor an upload from the start touches what others have sent",
        arguments: ["URL-s3000000--z", "SHA256"])
    func othersStay(text: String) throws {
        let key = text == "SHA256" ? try key(for: good) : try Key(parsing: text)
        try begin(good, 2_000_000, as: key, by: "A")
        #expect(try fixture.begin(key, length: -1, client: "B").refusal == .negativeLength)
        #expect(try offset(key, "A") == 2_000_000)
        try begin(evil, 100_000, as: key, by: "B")
        #expect(try offset(key, "A") == 2_000_000)
        #expect(try fixture.begin(key, length: -1, client: "B").refusal == .negativeLength)
        #expect(try offset(key, "B") == 0)
        #expect(try offset(key, "A") == 2_000_000)
        // Its own goes.
        #expect(try fixture.begin(key, offset: 2_000_000, length: -1, client: "A").refusal == .negativeLength)
        #expect(try offset(key, "A") == 0)
    }

    @Test("a negative length also leaves alone what has no owner; its client begins at 0 from then on")
    func nobodysStays() throws {
        let key = try key(for: good)
        try write(Array(good[..<1000]), to: fixture.store.paths.partial(key))
        for _ in 0..<2 {
            #expect(try fixture.begin(key, offset: 1000, length: -1, client: "B").refusal == .negativeLength)
            #expect(try offset(key, "B") == 0)
            #expect(try offset(key, "A") == 1000)
        }
        #expect(try goOn(good, as: key, by: "A") == .stored(newly: true))
    }

    @Test("a client may be called anything, and each name is another client's")
    func names() throws {
        let key = try Key(parsing: "URL--x")
        let long = String(repeating: "a", count: 300)
        let names = ["", ".", "..", "../../x", "a/b", "A", "a", "%41", "=", ".shared", "ü", long, long + "b"]
        for (number, name) in names.enumerated() {
            try begin(good, 1000 + number, as: key, by: name)
        }
        for (number, name) in names.enumerated() { #expect(try offset(key, name) == UInt64(1000 + number), "\(name)") }
        #expect(try Files.list(fixture.root) == [Array("r.git".utf8)])
        #expect(Set(try Files.list(fixture.git)) == [Array("annex".utf8), Array("annexd".utf8)])
    }
}
