import AnnexBranch
import AnnexProtocol
import Blocking
import FileIO
import ObjectStore
import SystemPackage

/// Reads objects and compares them with their keys, from where the last run ended.
struct ContentCheck: Sendable {
    let examination: Examination
    let annex: ExaminedAnnex
    /// Where it is remembered how far the verification has come.
    let folder: FilePath
    /// In bytes per second.
    let rate: UInt64?

    /// The position is written after so much was read.
    private static let checkpoint: UInt64 = 256 << 20
    private static let chunk = 1 << 20

    func run() async throws {
        let (objects, pool, folder) = (annex.objects, examination.pool, folder)
        guard let name = annex.uuid.fileName else { return }
        guard let file = try await pool.run({ try VerificationFile(folder: folder, name: name) }) else {
            throw HostingError.refused("another annexd doctor verifies this repository")
        }
        var log = try await pool.run { try file.read() }
        if log.began == nil { log.began = WallClock.seconds }
        var throttle = Throttle(rate: rate)
        var unsaved: UInt64 = 0
        var failure: (any Error)?
        do {
            for first in try await pool.run({ try objects.firstHashDirectories() }) {
                // A whole hash directory that sorts before the cursor was done.
                let prefix = first + [UInt8(ascii: "/")]
                if let cursor = log.cursor, prefix.lexicographicallyPrecedes(cursor), !cursor.starts(with: prefix) {
                    continue
                }
                let folders: [ObjectFolder]
                do {
                    folders = try await pool.run { try objects.folders(in: first) { _ in } }
                } catch let error where Self.isPassedBy(error) {
                    await foundUnreadable("annex/objects/\(Examination.text(first))", error)
                    continue
                }
                for object in folders {
                    if let cursor = log.cursor, !cursor.lexicographicallyPrecedes(object.path) { continue }
                    guard let key = object.key, object.isInPlace, object.hasRightSize else { continue }
                    do {
                        unsaved += try await verify(key, &throttle)
                    } catch let error where Self.isPassedBy(error) {
                        await foundUnreadable("\(key)", error)
                    }
                    log.cursor = object.path
                    log.objects += 1
                    guard unsaved >= Self.checkpoint else { continue }
                    unsaved = 0
                    let saved = log
                    try await pool.run { try file.write(saved) }
                }
            }
            log.complete(at: WallClock.seconds)
        } catch {
            failure = error
        }
        let saved = log
        try await pool.run { try file.write(saved) }
        if let failure { throw failure }
    }

    /// Whether others can be read where this came in the way: else no run would ever get past a bad sector.
    private static func isPassedBy(_ error: any Error) -> Bool {
        switch error {
        case let error as ObjectStoreError: error.code == .io || error.code == .permission
        case let error as FileError: !error.isOutOfDescriptors
        default: false
        }
    }

    private func foundUnreadable(_ subject: String, _ error: any Error) async {
        await examination.found(.objectUnreadable, subject, "it cannot be read: \(error)")
    }

    /// Answers how many bytes were read.
    private func verify(_ key: Key, _ throttle: inout Throttle) async throws -> UInt64 {
        let (objects, pool, annex) = (annex.objects, examination.pool, annex)
        guard let opened = try await pool.run({ try objects.open(key) }) else { return 0 }
        let equivalents = key.backend.kind == .vurl ? try await annex.branch.equivalentKeys(of: key) : []
        let verifier = ContentVerifier(key, equivalentKeys: equivalents)
        let isVerifiable = verifier.isVerifiable
        let reading = ContentReading(verifier, opened.file)
        while true {
            let count = try await pool.run { try reading.next(Self.chunk) }
            if count == 0 { break }
            let pause = throttle.pause(after: count, at: .now)
            if pause > .zero { try await Task.sleep(for: pause) }
        }
        let verdict = try await pool.run { reading.finish() }
        if isVerifiable {
            await examination.tally.verified(bytes: opened.size)
        } else {
            await examination.tally.read()
        }
        if verdict == .accepted { return opened.size }
        // Somebody may have changed an unlocked file meanwhile.
        guard try await pool.run({ try opened.isUnchanged() }) else { return opened.size }
        let version = opened.object.status.version
        await examination.found(
            .objectBad, "\(key)", "the content is not what its key says. Repairing moves it to annex/bad"
        ) { try await annex.quarantine(key, version) }
        return opened.size
    }
}

/// Content on its way through a verifier; one task at a time uses it.
private final class ContentReading: @unchecked Sendable {
    private let verifier: ContentVerifier
    private let file: OpenFile
    private var buffer: [UInt8] = []
    private var offset: UInt64 = 0

    init(_ verifier: ContentVerifier, _ file: OpenFile) {
        self.verifier = verifier
        self.file = file
    }

    /// Reads at most so many bytes; 0 at the end.
    func next(_ length: Int) throws -> Int {
        if buffer.count != length { buffer = [UInt8](repeating: 0, count: length) }
        let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: offset) }
        buffer.withUnsafeBytes { verifier.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        offset += UInt64(count)
        return count
    }

    func finish() -> ContentVerifier.Verdict { verifier.finish() }
}

extension ExaminedAnnex {
    /// Moves a bad object to `annex/bad` and logs that the content is not here; false when it is another file by now.
    func quarantine(_ key: Key, _ version: FileStatus.Version) async throws -> Bool {
        switch try await objects.quarantine(key, version: version, log: { try await correctLog(of: key) }) {
        case .moved: return true
        case .changed: return false
        case .refused(let reason): throw HostingError.refused(reason)
        }
    }
}
