import AnnexProtocol
import FileIO
import Foundation
import Synchronization
import SystemPackage

@testable import ObjectStore

/// A scratch git directory with a store on it; removed when the last reference goes away.
final class Fixture: Sendable {
    let root: FilePath
    let git: FilePath
    let store: ObjectStore
    private let settingsBox: SettingsBox

    init(_ settings: StoreSettings = StoreSettings(), prepare: (FilePath) throws -> Void = { _ in }) throws {
        var template = Array((NSTemporaryDirectory() + "/objectstore-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw FixtureError("mkdtemp: \(errno)") }
        root = FilePath(platformString: template)
        git = root.appending("r.git")
        try Files.createDirectory(git)
        let box = SettingsBox(settings)
        settingsBox = box
        store = ObjectStore(gitDirectory: git) { box.value.withLock { $0 } }
        try prepare(git)
        try store.createAnnexDirectories()
    }

    var settings: StoreSettings {
        get { settingsBox.value.withLock { $0 } }
        set { settingsBox.value.withLock { $0 = newValue } }
    }

    var annex: FilePath { git.appending("annex") }

    deinit { try? Files.removeTree(root) }

    func place(_ key: Key) -> ObjectPlace { store.paths.newPlace(key, settings) }

    /// Receives content as one body.
    @discardableResult
    func put(
        _ content: [UInt8], as key: Key, offset: UInt64 = 0, length: Int64? = nil, end: BodyEnd = .complete,
        client: String = "client", verifiable: Bool = true
    ) throws -> ReceiveOutcome {
        let checker = HashChecker(key, isVerifiable: verifiable)
        let start = try store.beginReceiving(
            key, clientUUID: Array(client.utf8), offset: offset, length: length ?? Int64(content.count),
            checker: checker)
        guard case .ready(let reception) = start else { throw FixtureError("\(start)") }
        try reception.append(content)
        let outcome = try reception.finish(end)
        reception.release()
        return outcome
    }

    func begin(
        _ key: Key, offset: UInt64 = 0, length: Int64, client: String = "client", associatedFile: String = "",
        verifiable: Bool = true
    ) throws -> ReceiveStart {
        try store.beginReceiving(
            key, clientUUID: Array(client.utf8), associatedFile: Array(associatedFile.utf8), offset: offset,
            length: length, checker: HashChecker(key, isVerifiable: verifiable))
    }

    func mode(_ path: FilePath) throws -> UInt32? { try Files.status(path, followLinks: false)?.mode }

    /// Every path below `annex/` but the sentinel's, sorted, relative.
    func tree(_ below: FilePath? = nil) throws -> [String] {
        let top = below ?? annex
        var result: [String] = []
        func walk(_ path: FilePath) throws {
            for name in try Files.list(path) {
                let entry = path.appending(bytes: name)
                result.append(String(entry.string.dropFirst(top.string.count + 1)))
                if try Files.status(entry, followLinks: false)?.kind == .directory { try walk(entry) }
            }
        }
        try walk(top)
        return result.filter { !$0.hasPrefix("sentinal") }.sorted()
    }
}

private final class SettingsBox: Sendable {
    let value: Mutex<StoreSettings>

    init(_ settings: StoreSettings) { value = Mutex(settings) }
}

struct FixtureError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

extension Reception {
    func append(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try append($0) }
    }
}

extension ReceiveStart {
    var reception: Reception {
        get throws {
            guard case .ready(let reception) = self else { throw FixtureError("not ready: \(self)") }
            return reception
        }
    }

    var refusal: ReceiveRefusal? {
        if case .refused(let refusal) = self { return refusal }
        return nil
    }

    var isBusy: Bool {
        if case .busy = self { return true }
        return false
    }

    var isAlreadyPresent: Bool {
        if case .alreadyPresent = self { return true }
        return false
    }
}

extension RemovalStart {
    var removal: Removal {
        get throws {
            guard case .ready(let removal) = self else { throw FixtureError("not ready: \(self)") }
            return removal
        }
    }

    var isLocked: Bool {
        if case .locked = self { return true }
        return false
    }

    var isAbsent: Bool {
        if case .absent = self { return true }
        return false
    }

    var refusal: RemovalRefusal? {
        if case .refused(let refusal) = self { return refusal }
        return nil
    }
}

extension ObjectStore {
    /// Of the client that the fixture uploads as.
    func partialSize(_ key: Key) throws -> UInt64 { try partialSize(key, client: Array("client".utf8)) }

    /// Removes content in all steps.
    func remove(_ key: Key) throws {
        let removal = try beginRemoval(key).removal
        try removal.unlinkContent()
        try removal.finish()
    }
}

/// Bytes that differ from place to place, and by seed.
func sample(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 32)
    }
}

func key(for content: [UInt8], backend: String = "SHA256", name: String = "") throws -> Key {
    try Key(parsing: "\(backend)-s\(content.count)--\(sha256(content))\(name)")
}

func write(_ content: [UInt8], to path: FilePath, mode: UInt32 = 0o644) throws {
    try Files.createDirectories(path.removingLastComponent())
    let file = try OpenFile(path, [.writeOnly, .create, .truncate], mode: mode)
    try file.write(content, at: 0)
    try file.setMode(mode)
}

/// Changes files in a frozen KEYDIR, as somebody else might.
func tamper(_ place: ObjectPlace, _ body: () throws -> Void) throws {
    let mode = try Files.status(place.directory)?.mode ?? 0o555
    try Files.setMode(place.directory, mode | 0o200)
    try body()
    try Files.setMode(place.directory, mode)
}

func text(_ path: FilePath) throws -> String? { try Files.read(path).map { String(decoding: $0, as: UTF8.self) } }

// The same for the paths that the store has.

func write(_ content: [UInt8], to place: ConfinedPath, mode: UInt32 = 0o644) throws {
    try write(content, to: place.path, mode: mode)
}

func text(_ place: ConfinedPath) throws -> String? { try text(place.path) }

extension Fixture {
    func tree(_ place: ConfinedPath) throws -> [String] { try tree(place.path) }
    func mode(_ place: ConfinedPath) throws -> UInt32? { try mode(place.path) }
}
