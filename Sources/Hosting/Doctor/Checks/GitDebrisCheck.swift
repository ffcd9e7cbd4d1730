import Blocking
import FileIO
import GitHost
import SystemPackage

/// What a git process that was killed left: lock files, which stop others, and temporary objects.
struct GitDebrisCheck: Sendable {
    let examination: Examination
    let gitDirectory: FilePath

    private struct Found: Sendable {
        var path: ConfinedPath
        var name: String
        /// When anything in it changed last, in seconds since 1970.
        var modified: Int64
        var age: Int64
    }

    func run() async throws {
        let folder = ConfinedPath(gitDirectory)
        let (locks, leftovers) = try await examination.pool.run {
            (try Self.locks(in: folder), try Self.leftovers(in: folder.appending("objects")))
        }
        for lock in locks {
            await examination.found(
                .staleGitLock, lock.name,
                "git's lock file is \(Judgement.describe(age: lock.age)) old; until it is removed, git refuses to change "
                    + "what it guards"
            ) { try Self.remove(lock) }
        }
        for leftover in leftovers {
            await examination.found(
                .debris, leftover.name, "a temporary file of git, \(Judgement.describe(age: leftover.age)) old"
            ) { try Self.remove(leftover) }
        }
    }

    /// Only if nobody has touched it since.
    private static func remove(_ found: Found) throws -> Bool {
        guard try AbandonedFiles.lastChange(found.path) == found.modified else { return false }
        try Files.removeTree(found.path)
        return true
    }

    private static func locks(in gitDirectory: ConfinedPath) throws -> [Found] {
        var result: [Found] = []
        for name in ["HEAD.lock", "config.lock", "packed-refs.lock", "index.lock", "shallow.lock"] {
            // Somebody's editor may be open for long.
            let age = name == "index.lock" ? AbandonedFiles.indexLockAge : Judgement.Limits.gitLock
            if let found = try look(gitDirectory.appending(name), name, olderThan: age) { result.append(found) }
        }
        try addLocks(gitDirectory.appending("refs"), "refs", to: &result)
        return result
    }

    private static func addLocks(_ folder: ConfinedPath, _ path: String, to result: inout [Found]) throws {
        for bytes in try Files.list(folder) {
            let (child, name) = (folder.appending(bytes: bytes), path + "/" + Examination.text(bytes))
            guard let status = try Files.status(child) else { continue }
            if status.kind == .directory {
                try addLocks(child, name, to: &result)
            } else if bytes.suffix(5).elementsEqual(".lock".utf8),
                let found = try look(child, name, olderThan: Judgement.Limits.gitLock)
            {
                result.append(found)
            }
        }
    }

    private static func leftovers(in objects: ConfinedPath) throws -> [Found] {
        var result: [Found] = []
        for bytes in try Files.list(objects) {
            let name = Examination.text(bytes)
            let path = objects.appending(bytes: bytes)
            if Judgement.isGitLeftover(name) {
                if let found = try look(path, "objects/\(name)", olderThan: Judgement.Limits.debris) {
                    result.append(found)
                }
                continue
            }
            guard name == "pack" || bytes.count == 2, try Files.status(path)?.kind == .directory else { continue }
            for inner in try Files.list(path) where Judgement.isGitLeftover(Examination.text(inner)) {
                let innerName = "objects/\(name)/\(Examination.text(inner))"
                if let found = try look(path.appending(bytes: inner), innerName, olderThan: Judgement.Limits.debris) {
                    result.append(found)
                }
            }
        }
        return result
    }

    private static func look(_ path: ConfinedPath, _ name: String, olderThan limit: Int64) throws -> Found? {
        guard let modified = try AbandonedFiles.lastChange(path) else { return nil }
        let age = WallClock.seconds - modified
        return age > limit ? Found(path: path, name: name, modified: modified, age: age) : nil
    }
}
