import AnnexProtocol
import FileIO
import Glibc
import SystemPackage
import Testing

@testable import ObjectStore

@Suite struct PresenceTests {
    @Test(
        "spec 01 #16, #18: where new objects go",
        arguments: [
            (StoreSettings(isBare: true), "992/280"), (StoreSettings(isBare: false), "zK/02"),
            (StoreSettings(isBare: false, crippledWithoutSymlinks: true), "992/280"),
            (StoreSettings(isBare: false, objectHashLower: true), "992/280"),
            (StoreSettings(isBare: false, objectHash1: true), "zK"),
            (StoreSettings(isBare: true, objectHash1: true), "992"),
        ])
    func newPlace(settings: StoreSettings, directories: String) throws {
        let fixture = try Fixture(settings)
        let content = Array("hello\n".utf8)
        let hello = try Key(parsing: "SHA256E-s6--5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")
        #expect(try fixture.put(content, as: hello) == .stored(newly: true))
        let name = hello.description
        let expected = fixture.annex.appending("objects").appending(
            FilePath("\(directories)/\(name)/\(name)").components)
        #expect(try fixture.store.find(hello)?.path == expected)
        #expect(try Files.read(expected) == content)
    }

    @Test("spec 01 #17: the other layout is found, opened, locked and removed", arguments: [true, false])
    func otherLayout(isBare: Bool) throws {
        let fixture = try Fixture(StoreSettings(isBare: isBare))
        let content = sample(100)
        let key = try key(for: content)
        let other = try #require(Array(fixture.store.paths.places(key, fixture.settings)).last)
        #expect(other != fixture.place(key))
        try write(content, to: other.object.path, mode: 0o444)
        #expect(try fixture.store.find(key)?.path == other.object.path)
        #expect(try fixture.store.open(key)?.size == 100)
        #expect(try fixture.begin(key, length: 100).isAlreadyPresent)
        let lock = try #require(try fixture.store.lock(key))
        #expect(try Files.exists(other.lock))
        try lock.release(keepingRetention: false)
        try fixture.store.remove(key)
        #expect(try fixture.store.find(key) == nil)
        #expect(try fixture.tree(fixture.annex.appending("objects")).isEmpty)
    }

    /// Somebody edits an unlocked file of a repository with a work tree, and with it the object that a client counts
    /// on.
    @Test("spec 01 §3.6: what turned out not to be genuine is not here, until it changes; an upload replaces it")
    func editedInPlace() throws {
        let fixture = try Fixture(StoreSettings(isBare: false, thin: true))
        let content = sample(100)
        let key = try key(for: content)
        let object = fixture.place(key).object
        try write(sample(100, seed: 7), to: object, mode: 0o644)
        let opened = try #require(try fixture.store.open(key))
        #expect(opened.needsVerification, "nobody has looked yet")
        fixture.store.note(opened, isGenuine: false)
        #expect(try fixture.store.find(key) == nil && fixture.store.open(key) == nil)
        #expect(try fixture.store.lock(key) == nil)
        #expect(try !fixture.begin(key, length: 100).isAlreadyPresent)
        #expect(try fixture.put(content, as: key) == .stored(newly: true))
        #expect(try Files.read(object) == content)

        // Edited again: that is another file, of which nothing is known.
        try Files.setMode(object, 0o644)
        try OpenFile(object, .writeOnly).write([1], at: 50)
        #expect(try fixture.store.find(key)?.needsVerification == true)
        // A verdict on a file that changed so shortly before could be that on the file before.
        fixture.store.note(try #require(try fixture.store.open(key)), isGenuine: true)
        #expect(try fixture.store.find(key)?.needsVerification == true)
        let old = [timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000_000, tv_nsec: 0)]
        let file = try OpenFile(object, .writeOnly)
        #expect(futimens(file.descriptor, old) == 0)
        withExtendedLifetime(file) {}
        fixture.store.note(try #require(try fixture.store.open(key)), isGenuine: true)
        #expect(
            try fixture.store.find(key)?.needsVerification == true, "its time can be set; that of the change cannot")
    }

    @Test func removesFromBothLayouts() throws {
        let fixture = try Fixture()
        let content = sample(100)
        let key = try key(for: content)
        for place in fixture.store.paths.places(key, fixture.settings) {
            try write(content, to: place.object.path, mode: 0o444)
        }
        try fixture.store.remove(key)
        #expect(try fixture.tree(fixture.annex.appending("objects")).isEmpty)
    }

    @Test("spec 01 #59: an object of the wrong size is absent and gets replaced")
    func wrongSize() throws {
        let fixture = try Fixture()
        let content = sample(100)
        let key = try key(for: content)
        try write(Array(content[..<99]), to: fixture.place(key).object.path, mode: 0o444)
        #expect(try fixture.store.find(key) == nil)
        #expect(try fixture.store.open(key) == nil)
        #expect(try fixture.store.lock(key) == nil)
        #expect(try fixture.put(content, as: key) == .stored(newly: true))
        #expect(try Files.read(fixture.place(key).object) == content)

        // Removing it works as well, and leaves nothing.
        try fixture.store.remove(key)
        try write(Array(content[..<99]), to: fixture.place(key).object.path, mode: 0o444)
        try fixture.store.remove(key)
        #expect(try fixture.tree(fixture.annex.appending("objects")).isEmpty)
    }

    @Test func directoriesLinksAndFifosAreNotContent() throws {
        let fixture = try Fixture()
        let key = try Key(parsing: "URL--http://example.com/a%b&c:d")
        let object = fixture.place(key).object.path
        #expect(object.lastComponent?.string == "URL--http&c%%example.com%a&sb&ac&cd")
        try Files.createDirectories(object)
        #expect(try fixture.store.find(key) == nil)
        #expect(try fixture.store.open(key) == nil)
        #expect(try fixture.store.beginRemoval(key).isAbsent)
        try Files.removeEmptyDirectory(object)
        #expect(object.withPlatformString { symlink("/etc/passwd", $0) } == 0)
        #expect(try fixture.store.find(key) == nil)
        #expect(try fixture.store.open(key) == nil)
        try Files.unlink(object)
        #expect(object.withPlatformString { mkfifo($0, 0o644) } == 0)
        #expect(try fixture.store.open(key) == nil)
    }

    @Test("spec 01 #84: a change while the content is read is noticed")
    func changeIsNoticed() throws {
        let fixture = try Fixture(StoreSettings(isBare: false))
        let content = sample(100)
        let key = try key(for: content)
        try fixture.put(content, as: key)
        let open = try #require(try fixture.store.open(key))
        #expect(!open.needsVerification)
        #expect(try open.isUnchanged())
        #expect(try open.file.readAll(limit: 1000) == content)
        try Files.setMode(open.object.path, 0o644)
        #expect(try fixture.store.open(key)?.needsVerification == true)
        try OpenFile(open.object.path, .readWrite).truncate(to: 99)
        #expect(try !open.isUnchanged())
    }

    @Test("spec 01 §3.6: objects with a second name, or thin")
    func linkedObjects() throws {
        let fixture = try Fixture(StoreSettings(isBare: false))
        let content = sample(100)
        let key = try key(for: content)
        try fixture.put(content, as: key)
        let second = fixture.root.appending("second")
        #expect(
            fixture.place(key).object.path.withPlatformString { one in second.withPlatformString { link(one, $0) } }
                == 0)
        #expect(try fixture.store.open(key)?.needsVerification == true)
        #expect(try fixture.store.lock(key) == nil)
        #expect(try fixture.store.beginRemoval(key).refusal == .inUse)
        #expect(try fixture.store.find(key) != nil)
        try Files.unlink(second)
        fixture.settings.thin = true
        #expect(try fixture.store.beginRemoval(key).refusal == .inUse)
        fixture.settings.isBare = true
        try write(content, to: fixture.place(key).object.path, mode: 0o444)
        #expect(try fixture.store.open(key)?.needsVerification == false)
    }

    @Test("spec 01 #88: partialSize is a pure read")
    func partialSize() throws {
        let fixture = try Fixture()
        let key = try key(for: sample(100))
        let before = try fixture.tree()
        #expect(try fixture.store.partialSize(key) == 0)
        #expect(try fixture.tree() == before)
        let partial = fixture.store.paths.partial(key)
        try write(sample(40), to: partial.path)
        #expect(try fixture.store.partialSize(key) == 40)
        try write(sample(100), to: partial.path)
        #expect(try fixture.store.partialSize(key) == 100)
        try write(sample(101), to: partial.path)
        #expect(try fixture.store.partialSize(key) == 0)
    }

    @Test func initMakesSentinel() throws {
        let fixture = try Fixture()
        let status = try #require(try Files.status(fixture.annex.appending("sentinal")))
        let cache = try #require(try text(fixture.annex.appending("sentinal.cache")))
        #expect(cache == "\(status.inode) 0 \(status.modified.seconds) \(status.modified.nanoseconds)")
        // Again changes nothing.
        try fixture.store.createAnnexDirectories()
        #expect(try text(fixture.annex.appending("sentinal.cache")) == cache)
        #expect(try Files.status(fixture.annex.appending("objects"))?.kind == .directory)
    }
}
