import FileIO
import SystemPackage

/// How far the verification of a repository's objects has come: `<root>/.annexd/doctor/<uuid>`.
///
/// Folders of objects are verified in the order of their paths, so one path tells what was done in this pass; what
/// comes behind it later was verified when it was received.
struct VerificationLog: Hashable, Sendable {
    /// The last folder that was verified in this pass; nil at its beginning.
    var cursor: [UInt8]?
    /// When this pass began; nil between two passes. Seconds since 1970.
    var began: Int64?
    /// When the last pass that came to its end did so.
    var completed: Int64?
    /// Objects verified in this pass.
    var objects = 0

    init() {}

    init(parsing text: [UInt8]) {
        for line in text.split(separator: 10) {
            guard let space = line.firstIndex(of: 32) else { continue }
            let value = line[(space + 1)...]
            let number = Int64(String(decoding: value, as: UTF8.self))
            switch String(decoding: line[..<space], as: UTF8.self) {
            case "cursor": cursor = Array(value)
            case "began": began = number
            case "completed": completed = number
            case "objects": objects = Int(number ?? 0)
            default: continue
            }
        }
        if began == nil { (cursor, objects) = (nil, 0) }
    }

    var serialized: [UInt8] {
        var result: [UInt8] = []
        if let completed { result += Array("completed \(completed)\n".utf8) }
        if let began { result += Array("began \(began)\nobjects \(objects)\n".utf8) }
        if began != nil, let cursor { result += Array("cursor ".utf8) + cursor + [10] }
        return result
    }

    /// The pass has come to its end; the next run begins another.
    mutating func complete(at now: Int64) {
        completed = now
        (cursor, began, objects) = (nil, nil, 0)
    }
}

/// The file of a ``VerificationLog``. Blocking. While it is open, no other process verifies the same repository.
final class VerificationFile: Sendable {
    private let path: FilePath
    private let lock: OpenFile

    /// Nil when another process verifies this repository.
    init?(folder: FilePath, name: [UInt8]) throws {
        try Files.createDirectories(folder)
        path = folder.appending(bytes: name)
        lock = try OpenFile(folder.appending(bytes: name + Array(".lck".utf8)), [.readWrite, .create])
        guard try lock.tryLock(.exclusive) else { return nil }
    }

    func read() throws -> VerificationLog { VerificationLog(parsing: try Files.read(path, limit: 65536) ?? []) }

    func write(_ log: VerificationLog) throws {
        try Files.replace(path, with: log.serialized)
    }
}
