import AnnexProtocol
import FileIO
import Glibc
import SystemPackage
import Testing

@testable import ObjectStore

@Suite struct ReceivingTests {
    private let content = Self.content
    private static let content = sample(300_000)
    private let key: Key
    private let fixture: Fixture
    private var partial: FilePath { fixture.store.paths.partial(key).path }

    init() throws {
        key = try ObjectStoreTests.key(for: content)
        fixture = try Fixture()
    }

    private func part(_ range: Range<Int>) -> [UInt8] { Array(content[range]) }

    @Test("spec 01 #20: stored with frozen modes, and nothing left in tmp")
    func stores() throws {
        let reception = try fixture.begin(key, length: 300_000).reception
        for start in stride(from: 0, to: 300_000, by: 7000) {
            try reception.append(part(start..<min(start + 7000, 300_000)))
        }
        #expect(reception.bytesReceived == 300_000)
        #expect(try fixture.store.find(key) == nil)
        #expect(try reception.finish(.complete) == .stored(newly: true))
        // The locks stay until the location is logged.
        #expect(try Files.exists(fixture.annex.appending("transfer/download/client/lck.\(key)")))
        reception.release()
        let place = fixture.place(key)
        #expect(try Files.read(place.object) == content)
        #expect(try fixture.mode(place.object) == 0o444)
        #expect(try fixture.mode(place.directory) == 0o555)
        #expect(try fixture.mode(place.parents[1]) == 0o755)
        #expect(try fixture.tree(fixture.annex.appending("tmp")).isEmpty)
        #expect(
            try fixture.tree(fixture.annex.appending("transfer")) == ["download", "download/client", "download/lck"])
        // spec 01 #53
        #expect(try fixture.begin(key, length: 3).isAlreadyPresent)
        #expect(try fixture.begin(key, length: -3).isAlreadyPresent)
    }

    @Test("spec 01 #14: empty content")
    func empty() throws {
        let key = try ObjectStoreTests.key(for: [])
        #expect(try fixture.put([], as: key) == .stored(newly: true))
        #expect(try fixture.store.find(key)?.status.size == 0)
    }

    @Test("spec 01 #43, #50: wrong content of the right length")
    func wrongContent() throws {
        var wrong = content
        wrong[150_000] ^= 1
        #expect(try fixture.put(wrong, as: key) == .rejected(.contentMismatch))
        #expect(try fixture.store.partialSize(key) == 0)
        #expect(try !Files.exists(partial))
        #expect(try fixture.tree(fixture.annex.appending("objects")).isEmpty)
        #expect(try fixture.put(content, as: key) == .stored(newly: true))
    }

    @Test("spec 01 #44: a broken connection keeps the bytes, and resuming succeeds")
    func resume() throws {
        #expect(try fixture.put(part(0..<123_456), as: key, length: 300_000, end: .broken) == .kept(123_456))
        #expect(try fixture.store.partialSize(key) == 123_456)
        let rest = part(123_456..<300_000)
        #expect(try fixture.put(rest, as: key, offset: 123_456) == .stored(newly: true))
        #expect(try Files.read(fixture.place(key).object) == content)
    }

    @Test("what is here is read back in steps, or when it is needed; whoever leaves between them keeps it")
    func rereading() throws {
        #expect(try fixture.put(part(0..<200_000), as: key, length: 300_000, end: .broken) == .kept(200_000))
        do {
            let abandoned = try fixture.begin(key, offset: 200_000, length: 100_000).reception
            #expect(try abandoned.rereadSome() == 200_000)
        }
        #expect(try fixture.store.partialSize(key) == 200_000)
        let reception = try fixture.begin(key, offset: 200_000, length: 100_000).reception
        #expect(try reception.rereadSome() == 200_000)
        #expect(try reception.rereadSome() == nil)
        try reception.append(part(200_000..<300_000))
        #expect(try reception.finish(.complete) == .stored(newly: true))
        reception.release()
    }

    @Test("spec 01 #44: dropping a reception keeps the bytes and frees the locks")
    func dropped() throws {
        do {
            let reception = try fixture.begin(key, length: 300_000).reception
            try reception.append(part(0..<1000))
            #expect(try fixture.begin(key, length: 300_000, client: "other").isBusy)
        }
        #expect(try fixture.store.partialSize(key) == 1000)
        #expect(
            try fixture.tree(fixture.annex.appending("transfer")) == ["download", "download/client", "download/lck"])
        do { _ = try fixture.begin(try ObjectStoreTests.key(for: [1]), length: 1).reception }
        #expect(try fixture.tree(fixture.annex.appending("tmp")) == [key.description])
    }

    @Test("spec 01 #45: a short body that ends properly changes nothing")
    func short() throws {
        #expect(try fixture.put(part(0..<1000), as: key, length: 300_000, end: .complete) == .rejected(.short))
        #expect(try fixture.store.partialSize(key) == 0)
        try fixture.put(part(0..<500), as: key, length: 300_000, end: .broken)
        #expect(
            try fixture.put(part(0..<100), as: key, offset: 500, length: 299_500, end: .complete) == .rejected(.short))
        #expect(try fixture.store.partialSize(key) == 500)
        // The silent second sending of a request: the same head, a body that starts in the middle.
        #expect(try fixture.put(part(7000..<300_000), as: key, length: 300_000, end: .complete) == .rejected(.short))
        #expect(try fixture.store.partialSize(key) == 500)
        #expect(try fixture.put(part(500..<300_000), as: key, offset: 500) == .stored(newly: true))
    }

    @Test("spec 01 #46: a body that is too long changes nothing", arguments: [BodyEnd.complete, .tooLong, .broken])
    func long(end: BodyEnd) throws {
        #expect(try fixture.put(content + [1], as: key, length: 300_000, end: end) == .rejected(.long))
        #expect(try fixture.store.partialSize(key) == 0)
        try fixture.put(part(0..<500), as: key, length: 300_000, end: .broken)
        do {
            let reception = try fixture.begin(key, offset: 500, length: 299_500).reception
            try reception.append(content)
            #expect(reception.isTooLong)
        }
        #expect(try fixture.store.partialSize(key) == 500)
    }

    @Test("spec 01 #47: a partial file with a wrong start is deleted in the end")
    func corruptPartial() throws {
        try write([UInt8](repeating: 7, count: 1000), to: partial)
        #expect(try fixture.put(part(1000..<300_000), as: key, offset: 1000) == .rejected(.contentMismatch))
        #expect(try fixture.store.partialSize(key) == 0)
        #expect(try fixture.put(content, as: key) == .stored(newly: true))
    }

    @Test("spec 01 #86: offsets below, at and beyond the partial size", arguments: [true, false])
    func offsets(verifiable: Bool) throws {
        try write(part(0..<1000), to: partial)
        #expect(
            try fixture.begin(key, offset: 1001, length: 298_999).refusal == .offsetBeyondPartial(partialSize: 1000))
        #expect(try fixture.store.partialSize(key) == 1000)
        #expect(
            try fixture.put(part(400..<300_000), as: key, offset: 400, verifiable: verifiable) == .stored(newly: true))
        #expect(try Files.read(fixture.place(key).object) == content)
    }

    @Test("spec 01 #86: the part that is here already comes in many pieces")
    func smallPieces() throws {
        try write(part(0..<1000), to: partial)
        let reception = try fixture.begin(key, length: 300_000).reception
        for start in stride(from: 0, to: 3000, by: 300) { try reception.append(part(start..<start + 300)) }
        try reception.append([])
        try reception.append(part(3000..<300_000))
        #expect(try reception.finish(.complete) == .stored(newly: true))
    }

    @Test func partialThatIsComplete() throws {
        try write(content, to: partial, mode: 0o400)
        #expect(try fixture.put([], as: key, offset: 300_000) == .stored(newly: true))
    }

    @Test func partialThatIsTooLarge() throws {
        try write(content + [0], to: partial)
        #expect(try fixture.begin(key, offset: 5, length: 299_995).refusal == .offsetBeyondPartial(partialSize: 0))
        try write(content + [0], to: partial)
        #expect(try fixture.put(content, as: key) == .stored(newly: true))
    }

    @Test func partialWithASecondNameIsNotWrittenTo() throws {
        let second = fixture.root.appending("second")
        try write(part(0..<10), to: second)
        try Files.createDirectories(partial.removingLastComponent())
        #expect(second.withPlatformString { one in partial.withPlatformString { link(one, $0) } } == 0)
        #expect(try fixture.put(content, as: key) == .stored(newly: true))
        #expect(try Files.read(second) == part(0..<10))
    }

    @Test func partialThatIsALinkIsNotFollowed() throws {
        let target = fixture.root.appending("target")
        try write([1, 2, 3], to: target)
        try Files.createDirectories(partial.removingLastComponent())
        #expect(target.withPlatformString { to in partial.withPlatformString { symlink(to, $0) } } == 0)
        #expect(try fixture.put(content, as: key) == .stored(newly: true))
        #expect(try Files.read(target) == [1, 2, 3])
    }

    @Test("spec 01 #85: negative length is a refusal that deletes the partial file")
    func negativeLength() throws {
        try write(part(0..<1000), to: partial)
        #expect(try fixture.begin(key, offset: 1000, length: -4000).refusal == .negativeLength)
        #expect(try fixture.store.partialSize(key) == 0)
        #expect(try fixture.begin(key, length: .min).refusal == .negativeLength)
    }

    @Test("spec 01 #10, #13: announced sizes that cannot make up the key are refused early")
    func wrongLength() throws {
        let worm = try Key(parsing: "WORM-s3-m1--x")
        #expect(try fixture.begin(worm, length: 4).refusal == .wrongLength(announced: 4, expected: 3))
        #expect(try fixture.begin(worm, offset: .max, length: 4).refusal != nil)
        #expect(try fixture.put([1, 2, 3], as: worm, verifiable: false) == .stored(newly: true))
        #expect(try fixture.tree(fixture.annex.appending("tmp")).isEmpty)
        let unsized = try Key(parsing: "URL--x")
        #expect(try fixture.put([1, 2, 3, 4], as: unsized, verifiable: false) == .stored(newly: true))
    }

    @Test("spec 01 #48: annex.securehashesonly")
    func secureHashesOnly() throws {
        fixture.settings.secureHashesOnly = true
        for text in ["MD5-s3--x", "SHA1-s3--x", "WORM-s3-m1--x", "URL-s3--x"] {
            #expect(try fixture.begin(Key(parsing: text), length: 3).refusal == .insecureBackend)
        }
        #expect(try fixture.put(content, as: key) == .stored(newly: true))
        let start = try fixture.store.beginReceiving(
            Key(parsing: "VURL-s3--x"), clientUUID: [], offset: 0, length: 3, isSecure: false, checker: HashChecker(key)
        )
        #expect(start.refusal == .insecureBackend)
    }

    @Test("spec 01 #49: not enough space is told before the body, with the missing bytes, and leaves no tmp file")
    func noSpace() throws {
        fixture.settings.diskReserve = try #require(DataSize.parse("1000TB"))
        guard case .notEnoughSpace(let missing) = try fixture.begin(key, length: 300_000).refusal else {
            throw FixtureError("not refused")
        }
        #expect(missing > 900_000_000_000_000 && missing < 1_000_000_000_000_000)
        #expect(ReceiveRefusal.notEnoughSpace(missing: 18_600_000).description == "not enough space: need 18.6 MB more")
        #expect(try fixture.tree(fixture.annex.appending("tmp")).isEmpty)
        fixture.settings.diskReserve = 0
        let huge = try Key(parsing: "SHA256-s9223372036854775807--x")
        #expect(try fixture.begin(huge, length: .max).refusal != nil)
    }

    @Test("spec 02 §6.5: what other downloads still have to write counts; dead ones do not")
    func outstanding() throws {
        let paths = fixture.store.paths
        #expect(try TransferSlot.outstandingBytes(besides: key, paths) == 0)
        let other = sample(1_000_000, seed: 2)
        let otherKey = try ObjectStoreTests.key(for: other)
        let reception = try fixture.begin(otherKey, length: 1_000_000, client: "B", associatedFile: "a\nb.txt")
            .reception
        #expect(try TransferSlot.outstandingBytes(besides: key, paths) == 1_000_000)
        #expect(try TransferSlot.outstandingBytes(besides: otherKey, paths) == 0)
        try reception.append(Array(other[..<250_000]))
        #expect(try TransferSlot.outstandingBytes(besides: key, paths) == 750_000)
        let info = fixture.annex.appending("transfer/download/B/\(otherKey)")
        #expect(try #/[0-9]+(\.[0-9]+)?s 250000\na_b.txt\n/#.wholeMatch(in: #require(try text(info))) != nil)
        reception.release()
        try write(Array("1795333259s 5\nx\n".utf8), to: info)
        #expect(try TransferSlot.outstandingBytes(besides: key, paths) == 0)
    }

    @Test("an upload that was stored and not logged is found again, until one of the key is logged")
    func unlogged() throws {
        func upload() throws -> Reception {
            let reception = try fixture.begin(key, length: 300_000).reception
            try reception.append(part(0..<300_000))
            #expect(try reception.finish(.complete) == .stored(newly: true))
            return reception
        }
        do { _ = try upload() }
        #expect(try fixture.store.interruptedUploads() == [key])
        // One who finds the content there has not logged it yet, either.
        #expect(try fixture.begin(key, length: 300_000).isAlreadyPresent)
        #expect(try fixture.store.interruptedUploads() == [key])
        try fixture.store.cleanUpTransfers()
        #expect(try fixture.store.interruptedUploads().isEmpty)
        try fixture.store.remove(key)
        try upload().release()
        #expect(try fixture.store.interruptedUploads().isEmpty)
    }

    @Test("lock files that a crash left without an info file are removed, unless somebody holds them")
    func locksWithoutTransfer() throws {
        let downloads = fixture.annex.appending("transfer/download")
        let left = try ObjectStoreTests.key(for: sample(10, seed: 9))
        let kept = try ObjectStoreTests.key(for: sample(10, seed: 8))
        let running = try fixture.begin(key, length: 300_000, client: "client").reception
        for (folder, key) in [("client", left), ("lck", left), ("other", left), ("client", kept), ("lck", kept)] {
            try Files.createDirectories(downloads.appending(folder))
            try write([], to: downloads.appending(folder).appending("lck.\(key)"))
        }
        let before = try fixture.tree(downloads)
        try fixture.store.cleanUpTransfers(besides: [kept])
        #expect(try fixture.tree(downloads) == before.filter { !$0.contains("\(left)") })
        running.release()
        try fixture.store.cleanUpTransfers()
        #expect(try fixture.tree(downloads).allSatisfy { !$0.contains("SHA256") })
    }

    @Test("spec 01 #88: the partial size grows during an upload")
    func liveSize() throws {
        let reception = try fixture.begin(key, length: 300_000).reception
        #expect(try fixture.store.partialSize(key) == 0)
        try reception.append(part(0..<10_000))
        #expect(try fixture.store.partialSize(key) == 10_000)
        reception.release()
        #expect(throws: ObjectStoreError.self) { try reception.append([1]) }
        #expect(throws: ObjectStoreError.self) { try reception.finish(.complete) }
    }

    @Test("spec 01 #27: the scratch directory goes before the content is moved, and with known-bad content")
    func workDirectory() throws {
        let work = fixture.store.paths.work(key)
        for body in [content, content.map { $0 ^ 1 }] {
            try write([1], to: work.appending("deep").appending("file"))
            let outcome = try fixture.put(body, as: key)
            #expect(outcome == (body == content ? .stored(newly: true) : .rejected(.contentMismatch)))
            #expect(try !Files.exists(work))
            try? fixture.store.remove(key)
        }
        // A key can be called so that its partial file has the name of that directory.
        let hostile = try Key(parsing: "work.\(key)")
        try fixture.put(part(0..<10), as: hostile, length: 300_000, end: .broken, verifiable: false)
        #expect(try fixture.put(content, as: key) == .stored(newly: true))
        #expect(try fixture.store.partialSize(hostile) == 10)
    }

    @Test("spec 01 #42: hostile client UUIDs and keys stay inside transfer/download")
    func hostileNames() throws {
        for client in ["../../x", "..", "lck", "a/b", ""] {
            let reception = try fixture.begin(key, length: 300_000, client: client).reception
            #expect(try Files.exists(fixture.annex.appending("transfer/download/unknown-client/\(key)")))
            reception.release()
        }
        let hostile = try Key(parsing: "lck.\(key)")
        let first = try fixture.begin(hostile, length: 300_000, verifiable: false).reception
        let second = try fixture.begin(key, length: 300_000).reception
        first.release()
        #expect(try Files.exists(fixture.annex.appending("transfer/download/client/lck.\(key)")))
        second.release()
        #expect(try fixture.tree(fixture.annex.appending("transfer")).filter { $0.contains("SHA256") }.isEmpty)
        #expect(Set(try Files.list(fixture.git)) == [Array("annex".utf8), Array("annexd".utf8)])
        let path = try Key(parsing: "SHA256-s3--../../x")
        let bytes = Array("abc".utf8)
        #expect(try fixture.put(bytes, as: path, verifiable: false) == .stored(newly: true))
        #expect(try fixture.store.find(path)?.path.lastComponent?.string == "SHA256-s3--..%..%x")
    }

    @Test func objectThatAppearsMeanwhileIsKept() throws {
        let reception = try fixture.begin(key, length: 300_000).reception
        try reception.append(content)
        try write(content, to: fixture.place(key).object, mode: 0o444)
        let inode = try fixture.store.find(key)?.status.inode
        #expect(try reception.finish(.complete) == .stored(newly: false))
        #expect(try fixture.store.find(key)?.status.inode == inode)
        #expect(try !Files.exists(partial))
    }

    @Test func partialThatIsReplacedMeanwhileIsNotPublished() throws {
        let reception = try fixture.begin(key, length: 300_000).reception
        try reception.append(content)
        try Files.unlink(partial)
        try write(content.map { $0 ^ 1 }, to: partial)
        #expect(throws: ObjectStoreError.self) { try reception.finish(.complete) }
        #expect(try fixture.store.find(key) == nil)
    }

    @Test func deletedRepositoryIsNotBroughtBack() throws {
        try Files.removeTree(fixture.git)
        #expect(throws: ObjectStoreError.self) { try fixture.begin(key, length: 300_000) }
        #expect(try !Files.exists(fixture.git))
    }

    @Test(
        "spec 01 #21, #22: modes of a shared repository",
        arguments: [
            ("group", 0o2775, 0o2775, 0o444, 0o664), ("all", 0o2775, 0o2775, 0o444, 0o664),
            ("0660", 0o2770, 0o2570, 0o440, 0o660), ("0640", 0o2750, 0o2550, 0o440, 0o640),
            ("0600", 0o700, 0o500, 0o400, 0o600),
        ] as [(String, UInt32, UInt32, UInt32, UInt32)])
    func sharedModes(sharing: String, hash: UInt32, directory: UInt32, object: UInt32, file: UInt32) throws {
        // Under group and all, the setgid bit comes from the directory that git made.
        let fixture = try Fixture(StoreSettings(sharing: SharedRepository(parsing: sharing))) { git in
            if sharing == "group" || sharing == "all" { try Files.setMode(git, 0o2775) }
        }
        let reception = try fixture.begin(key, length: 300_000).reception
        #expect(try fixture.mode(fixture.store.paths.partial(key)) == file)
        #expect(try fixture.mode(fixture.annex.appending("transfer/download/client/\(key)")) == file)
        try reception.append(content)
        #expect(try reception.finish(.complete) == .stored(newly: true))
        reception.release()
        let place = fixture.place(key)
        #expect(try fixture.mode(place.parents[1]) == hash)
        #expect(try fixture.mode(place.parents[2]) == hash)
        #expect(try fixture.mode(place.directory) == directory)
        #expect(try fixture.mode(place.object) == object)
        let lock = try #require(try fixture.store.lock(key))
        for path in [place.lock, place.retention, place.retentionLock] { #expect(try fixture.mode(path) == file) }
        #expect(try fixture.mode(place.directory) == directory)
        try lock.release(keepingRetention: false)
        #expect(try fixture.mode(place.directory) == directory)
        try fixture.store.remove(key)
        // Objects of version 9 keep their write bits.
        fixture.settings.version = 9
        try fixture.put(content, as: key)
        #expect(try fixture.mode(place.object) == file)
    }
}
