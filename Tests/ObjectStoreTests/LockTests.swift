import AnnexProtocol
import FileIO
import Glibc
import SystemPackage
import Testing

@testable import ObjectStore

@Suite struct LockTests {
    private let content = sample(100)
    private let key: Key
    private let fixture: Fixture
    private var place: ObjectPlace { fixture.place(key) }

    init() throws {
        key = try ObjectStoreTests.key(for: content)
        fixture = try Fixture()
        try fixture.put(content, as: key)
    }

    private func retention() throws -> RetentionTime? {
        try Files.read(place.retention).flatMap { RetentionTime(parsing: $0) }
    }

    @Test("spec 01 #34, #35: lock files while locked, none after a clean release")
    func lockAndRelease() throws {
        let before = try fixture.tree(place.directory)
        let now = RetentionTime.now
        let lock = try #require(try fixture.store.lock(key))
        #expect(lock.outlivesProcess)
        let written = try #require(try text(place.retention))
        #expect(try #/[0-9]+(\.[0-9]+)?s/#.wholeMatch(in: written) != nil)
        let until = try #require(try retention())
        #expect(until >= now.adding(seconds: 600) && until < now.adding(seconds: 700))
        #expect(try fixture.mode(place.lock) == 0o644)
        #expect(try fixture.mode(place.directory) == 0o555)
        #expect(try fixture.store.beginRemoval(key).isLocked)
        try lock.release(keepingRetention: false)
        #expect(try fixture.tree(place.directory) == before)
        #expect(try fixture.mode(place.directory) == 0o555)
        try fixture.store.remove(key)
        #expect(try fixture.store.find(key) == nil)
    }

    @Test("spec 01 #33: two locks coexist, in any order of release", arguments: [true, false])
    func twoLocks(firstEndsFirst: Bool) throws {
        let locks = [try #require(try fixture.store.lock(key)), try #require(try fixture.store.lock(key))]
        let ordered = firstEndsFirst ? locks : locks.reversed()
        try ordered[0].release(keepingRetention: false)
        // Even if the retention file said nothing: the file lock holds.
        #expect(try fixture.store.beginRemoval(key).isLocked)
        #expect(try Files.exists(place.lock))
        try ordered[1].release(keepingRetention: false)
        #expect(try fixture.tree(place.directory) == [key.description])
        try fixture.store.remove(key)
    }

    @Test func fileLockAloneProtects() throws {
        let lock = try #require(try fixture.store.lock(key))
        try tamper(place) { _ = try Files.unlink(place.retention) }
        #expect(try fixture.store.beginRemoval(key).isLocked)
        try lock.release(keepingRetention: false)
        try fixture.store.remove(key)
    }

    @Test("spec 01 #93, #94: a lock that is dropped protects for the promised time")
    func droppedLock() throws {
        do { _ = try #require(try fixture.store.lock(key)) }
        #expect(try fixture.store.beginRemoval(key).isLocked)
        #expect(try Files.exists(place.retention))
        // Another lock that ends cleanly must not take that protection away.
        let other = try #require(try fixture.store.lock(key))
        try tamper(place) { try write(RetentionTime.now.adding(seconds: 900).bytes, to: place.retention) }
        try other.release(keepingRetention: false)
        #expect(try fixture.store.beginRemoval(key).isLocked)
        try tamper(place) { try write(RetentionTime.now.adding(seconds: -1).bytes, to: place.retention) }
        try fixture.store.remove(key)
        #expect(try fixture.tree(fixture.annex.appending("objects")).isEmpty)
    }

    @Test func keepingRetentionOutlivesOtherCleanReleases() throws {
        let first = try #require(try fixture.store.lock(key))
        try first.extendRetention(until: .now.adding(seconds: 2000))
        // The second relies on what the first wrote, and vanishes.
        let second = try #require(try fixture.store.lock(key))
        try second.release(keepingRetention: true)
        try first.release(keepingRetention: false)
        #expect(try fixture.store.beginRemoval(key).isLocked)
        #expect(try #require(try retention()) > .now.adding(seconds: 1000))
    }

    @Test func extending() throws {
        let lock = try #require(try fixture.store.lock(key))
        let first = try #require(try retention())
        try lock.extendRetention(until: .now)
        #expect(try retention() == first)
        let later = RetentionTime(seconds: first.seconds + 60)
        try lock.extendRetention(until: later)
        #expect(try retention() == later)
        try lock.release(keepingRetention: false)
        #expect(try fixture.tree(place.directory) == [key.description])
        try lock.release(keepingRetention: false)
        try lock.extendRetention(until: later)
        #expect(try fixture.tree(place.directory) == [key.description])
    }

    @Test(
        "spec 01 #36: retention files that a killed process left",
        arguments: [
            ("17s", false), ("99999999999s", true), ("99999999999", true), ("garbage", true), ("", true),
        ])
    func leftBehind(text: String, isProtected: Bool) throws {
        try tamper(place) { try write(Array(text.utf8), to: place.retention) }
        try tamper(place) { try write([], to: place.retentionLock) }
        try tamper(place) { try write([], to: place.lock) }
        #expect(try fixture.store.beginRemoval(key).isLocked == isProtected)
        #expect(try Files.exists(place.object))
        if !isProtected {
            try fixture.store.remove(key)
            #expect(try fixture.tree(fixture.annex.appending("objects")).isEmpty)
        }
    }

    @Test("spec 01 #40: nothing is created for missing content", arguments: [8, 9, 10])
    func missing(version: Int) throws {
        fixture.settings.version = version
        let before = try fixture.tree()
        #expect(try fixture.store.lock(Key(parsing: "SHA256-s3--missing")) == nil)
        #expect(try fixture.store.beginRemoval(Key(parsing: "SHA256-s3--missing")).isAbsent)
        #expect(try fixture.tree() == before)
    }

    @Test("spec 01 #30: with annex.pidlock nothing is locked, removed or received")
    func pidLock() throws {
        fixture.settings.pidLock = true
        #expect(try fixture.store.lock(key) == nil)
        #expect(try fixture.store.beginRemoval(key).refusal == .readOnly)
        #expect(try fixture.begin(ObjectStoreTests.key(for: sample(5)), length: 5).refusal == .readOnly)
        #expect(try fixture.store.open(key) != nil)
        #expect(try fixture.store.beginRemoval(Key(parsing: "SHA256-s3--missing")).isAbsent)
        fixture.settings = StoreSettings(version: 11)
        #expect(try fixture.store.beginRemoval(key).refusal == .readOnly)
    }

    @Test("spec 01 #38: versions 8 and 9 lock the object and the sentinel", arguments: [8, 9])
    func oldVersions(version: Int) throws {
        fixture.settings.version = version
        let lock = try #require(try fixture.store.lock(key))
        #expect(!lock.outlivesProcess)
        let locks = try #require(try text("/proc/locks"))
        for path in [place.object.path, fixture.annex.appending("sentinal")] {
            let inode = try #require(try Files.status(path)).inode
            #expect(locks.split(separator: "\n").contains { $0.contains("READ") && $0.contains(":\(inode) ") })
        }
        #expect(try fixture.tree(place.directory) == [key.description])
        // spec 01 #37: reading and closing the object does not drop the lock.
        do { _ = try fixture.store.open(key)?.file.readAll(limit: 10) }
        #expect(try fixture.store.beginRemoval(key).isLocked)
        try lock.release(keepingRetention: false)
        #expect(try fixture.mode(place.object) == 0o444)
        try fixture.store.remove(key)
        #expect(try fixture.tree(fixture.annex.appending("objects")).isEmpty)
    }

    @Test("spec 01 #39: the next lock after the flip to version 10 uses .lck; removal follows, too")
    func flip() throws {
        fixture.settings.version = 9
        let old = try #require(try fixture.store.lock(key))
        #expect(try !Files.exists(place.lock))
        try old.release(keepingRetention: false)
        fixture.settings.version = 10
        let new = try #require(try fixture.store.lock(key))
        #expect(try Files.exists(place.lock))
        try new.release(keepingRetention: false)
        try fixture.store.remove(key)
    }

    @Test func upgradeInProgressKeepsOldLocksOut() throws {
        fixture.settings.version = 9
        let sentinel = try OpenFile(fixture.annex.appending("sentinal"), .readWrite)
        #expect(try sentinel.tryLock(.exclusive))
        #expect(try fixture.store.lock(key) == nil)
        #expect(try fixture.store.beginRemoval(key).isLocked)
        // It ends: version 10 is seen under the lock.
        fixture.settings.version = 10
        try sentinel.unlock()
        #expect(try fixture.store.lock(key) != nil)
    }

    @Test("spec 01 #37: reading does not drop the lock")
    func readingKeepsLock() throws {
        let lock = try #require(try fixture.store.lock(key))
        do { _ = try fixture.store.open(key)?.file.readAll(limit: 10) }
        try tamper(place) { _ = try Files.unlink(place.retention) }
        #expect(try fixture.store.beginRemoval(key).isLocked)
        try lock.release(keepingRetention: false)
    }

    @Test func removalExcludesLocksAndRemovals() throws {
        let removal = try fixture.store.beginRemoval(key).removal
        #expect(try fixture.store.lock(key) == nil)
        #expect(try fixture.store.beginRemoval(key).isLocked)
        #expect(try fixture.store.find(key) != nil)
        try removal.unlinkContent()
        #expect(try fixture.store.find(key) == nil)
        #expect(try fixture.store.lock(key) == nil)
        try removal.finish()
        try removal.finish()
        #expect(throws: ObjectStoreError.self) { try removal.unlinkContent() }
    }

    @Test("spec 01 #57: a removal that is given up leaves the content and no lock files")
    func givenUpRemoval() throws {
        do { _ = try fixture.store.beginRemoval(key).removal }
        #expect(try fixture.tree(place.directory) == [key.description])
        #expect(try fixture.mode(place.directory) == 0o555)
        #expect(try fixture.store.lock(key) != nil)
    }

    @Test("a removal whose log may not be written is found again, by one at a time")
    func interruptedRemoval() throws {
        do { _ = try fixture.store.beginRemoval(key).removal }
        #expect(try fixture.store.interruptedRemovals().isEmpty)
        do {
            let removal = try fixture.store.beginRemoval(key).removal
            try removal.unlinkContent()
            #expect(try fixture.store.interruptedRemovals().isEmpty)
        }
        do {
            let found = try fixture.store.interruptedRemovals()
            #expect(found.map(\.key) == [key])
            // Whoever stores it again meanwhile does not have it removed under the eyes of the one who looks.
            try fixture.put(content, as: key)
            #expect(try fixture.store.beginRemoval(key).isLocked)
        }
        // It was not finished.
        for found in try fixture.store.interruptedRemovals() { try found.finish() }
        #expect(try fixture.store.interruptedRemovals().isEmpty)
        try fixture.store.remove(key)
        #expect(try fixture.store.interruptedRemovals().isEmpty)
    }

    @Test("spec 01 #19, #56: after removal only objects/ is left; absent counts as removed")
    func removal() throws {
        let chunk = try Key(parsing: "SHA256-s100-S10-C1--a")
        let sibling = try Key(parsing: "SHA256-s100--a")
        #expect(fixture.place(chunk).parents == fixture.place(sibling).parents)
        for key in [chunk, sibling] { try fixture.put(content, as: key, verifiable: false) }
        try fixture.store.remove(chunk)
        #expect(try fixture.store.find(sibling) != nil)
        try fixture.store.remove(sibling)
        try fixture.store.remove(key)
        #expect(try fixture.tree(fixture.annex.appending("objects")).isEmpty)
        #expect(try fixture.store.beginRemoval(key).isAbsent)
    }

    @Test func longNamesCannotBeLocked() throws {
        let long = try Key(parsing: "URL--" + String(repeating: "a", count: 248))
        try write(content, to: fixture.place(long).object, mode: 0o444)
        #expect(try fixture.store.find(long) != nil)
        #expect(try fixture.store.lock(long) == nil)
        #expect(try fixture.store.beginRemoval(long).refusal == .nameTooLong)
        let other = try Key(parsing: "WORM--" + String(repeating: "a", count: 249))
        #expect(try fixture.begin(other, length: 1).refusal == .nameTooLong)
    }

    // MARK: One descriptor, and a new name

    private func descriptors(below folder: FilePath) throws -> Int {
        try Files.list("/proc/self/fd").filter { number in
            var target = [CChar](repeating: 0, count: 4096)
            let link = "/proc/self/fd/" + String(decoding: number, as: UTF8.self)
            let count = readlink(link, &target, 4095)
            return count > 0 && target[..<count].map { UInt8(bitPattern: $0) }.starts(with: folder.bytes)
        }.count
    }

    /// Attack: a reader locks one key again and again, and each lock holds a descriptor.
    @Test(
        "any number of locks on one key hold one descriptor, and protect until the last one is gone",
        arguments: [9, 10])
    func manyLocks(version: Int) throws {
        fixture.settings.version = version
        var locks: [ContentLock] = []
        for _ in 0..<60 { locks.append(try #require(try fixture.store.lock(key))) }
        #expect(try descriptors(below: fixture.root) == (version == 9 ? 2 : 1))
        while let lock = locks.popLast() {
            #expect(try fixture.store.beginRemoval(key).isLocked)
            try lock.release(keepingRetention: false)
        }
        #expect(try descriptors(below: fixture.root) == 0)
        #expect(try fixture.tree(place.directory) == [key.description])
        try fixture.store.remove(key)
    }

    /// A rename while a client drops its copy: the protection went on under the old name, and ended with the process.
    @Test("a lock is renewed and released where the repository is by now", arguments: [true, false])
    func renamed(isBare: Bool) throws {
        let fixture = try Fixture(StoreSettings(isBare: isBare))
        try fixture.put(content, as: key)
        let (renewed, released) = (try #require(try fixture.store.lock(key)), try #require(try fixture.store.lock(key)))
        let moved = fixture.root.appending("other.git")
        try Files.rename(fixture.git, to: moved)
        let store = ObjectStore(gitDirectory: moved, settings: fixture.settings)
        let place = store.paths.newPlace(key, fixture.settings)
        // The old name is another repository's now, which has the same content.
        try Files.createDirectory(fixture.git)
        try fixture.store.createAnnexDirectories()
        try fixture.put(content, as: key)

        let until = RetentionTime.now.adding(seconds: 5000)
        try renewed.extendRetention(until: until)
        #expect(try Files.read(place.retention).flatMap { RetentionTime(parsing: $0) } == until)
        #expect(try !Files.exists(fixture.place(key).retention))
        for lock in [try #require(try store.lock(key)), released] { try lock.release(keepingRetention: false) }
        #expect(try store.beginRemoval(key).isLocked)
        try renewed.release(keepingRetention: false)
        #expect(try Files.list(place.directory) == [key.fileName])
        try store.remove(key)
        #expect(try fixture.store.find(key) != nil, "the other one is left alone")
    }

    @Test("a vanished client's lock stays protected after a rename, also by what was written since")
    func renamedAndKept() throws {
        let lock = try #require(try fixture.store.lock(key))
        let moved = fixture.root.appending("other.git")
        try Files.rename(fixture.git, to: moved)
        let store = ObjectStore(gitDirectory: moved, settings: fixture.settings)
        try lock.extendRetention(until: RetentionTime.now.adding(seconds: 5000))
        try lock.release(keepingRetention: true)
        #expect(try store.beginRemoval(key).isLocked)
    }

    /// Attack, or bad luck: one client vanishes in the middle of its drop; another one locks the same content and
    /// unlocks it properly, and takes the promise to the first one away with its own.
    @Test("a promise that a later lock wrote over is kept when that lock is released", arguments: [true, false])
    func olderPromise(isOurs: Bool) throws {
        if isOurs {
            try #require(try fixture.store.lock(key)).release(keepingRetention: true)
        } else {
            let soon = RetentionTime.now.adding(seconds: 300)
            try tamper(place) { try write(soon.bytes, to: place.retention) }
        }
        let promised = try #require(try retention())
        let second = try #require(try fixture.store.lock(key))
        #expect(try #require(try retention()) > promised)
        try second.release(keepingRetention: false)
        #expect(try retention() == promised)
        #expect(try fixture.store.beginRemoval(key).isLocked)
    }

    @Test("a lock that was renewed leaves nothing behind when it is released")
    func renewedAndReleased() throws {
        let lock = try #require(try fixture.store.lock(key))
        for seconds in [1000, 2000] as [Int64] {
            try lock.extendRetention(until: RetentionTime.now.adding(seconds: seconds))
        }
        try lock.release(keepingRetention: false)
        #expect(try fixture.tree(place.directory) == [key.description])
    }
}
