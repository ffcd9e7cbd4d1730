import AnnexProtocol
import Blocking
import FileIO
import GitHost
import SystemPackage

/// The host's own state below `.annexd`.
struct HostStateCheck: Sendable {
    let examination: Examination
    let root: RootFolder

    func run() async throws {
        guard try await examination.pool.run({ try Files.exists(root.state) }) else { return }
        try await checkAliases()
        try await checkTrash()
        try await checkDrafts()
        try await checkHook()
    }

    private func checkAliases() async throws {
        let root = root
        for bytes in try await names(in: root.aliases) {
            let file = root.aliases.appending(bytes: bytes)
            let subject = ".annexd/aliases/\(Examination.text(bytes))"
            let target = try await examination.pool.run {
                try Files.read(file, limit: 4096).map { String(decoding: $0, as: UTF8.self).trimmingLineEnd }
            }
            guard let target else { continue }
            guard let name = RepositoryName(target) else {
                await examination.found(.aliasBroken, subject, "it names no repository") { try Files.unlink(file) }
                continue
            }
            let leads = try await examination.pool.run {
                try root.gitDirectory(of: name) != nil || root.presentName(of: name) != nil
            }
            if leads { continue }
            await examination.found(.aliasBroken, subject, "it leads to \(name), which is gone") {
                try Files.unlink(file)
            }
        }
    }

    private func checkTrash() async throws {
        let root = root
        let complete = try await examination.pool.run {
            Set(
                try RepositoryTrash(root: root).entries().compactMap {
                    $0.folder.lastComponent.map { Array($0.string.utf8) }
                })
        }
        for bytes in try await names(in: root.trash) where !complete.contains(bytes) {
            let folder = root.trash.appending(bytes: bytes)
            let subject = ".annexd/trash/\(Examination.text(bytes))"
            guard let age = try await age(of: folder), age > Judgement.Limits.gitLock else { continue }
            // With a repository inside, it is somebody's data.
            if try await examination.pool.run({ try Files.exists(folder.appending("repository")) }) {
                await examination.found(.trashBroken, subject, "nothing tells which repository this was")
            } else {
                await examination.found(.trashBroken, subject, "a deletion that was not finished; nothing is in it") {
                    try Files.removeTree(folder)
                    return true
                }
            }
        }
    }

    /// Repositories that were being made, and names that were being written, when the host ended.
    private func checkDrafts() async throws {
        for bytes in try await names(in: root.workshop) {
            let path = root.workshop.appending(bytes: bytes)
            guard let age = try await age(of: path), Judgement.leftover(age: age) == .debris else { continue }
            await examination.found(
                .debris, ".annexd/tmp/\(Examination.text(bytes))",
                "a draft of something that was never finished, \(Judgement.describe(age: age)) old"
            ) {
                try Files.removeTree(path)
                return true
            }
        }
    }

    private func checkHook() async throws {
        let hooks = root.hooks
        guard try await examination.pool.run({ try Files.exists(hooks) }) else { return }
        if try await examination.pool.run({ try HookDirectory.isInstalled(at: hooks) }) { return }
        await examination.found(
            .hookBroken, ".annexd/hooks", "git cannot run the hook that guards git-annex branches, or it was changed"
        ) {
            try HookDirectory.install(at: hooks)
            return true
        }
    }

    private func names(in folder: FilePath) async throws -> [[UInt8]] {
        try await examination.pool.run { try Files.list(folder).sorted { $0.lexicographicallyPrecedes($1) } }
    }

    /// Seconds since anything in it was touched: a large repository that is being copied is touched deep inside.
    private func age(of path: FilePath) async throws -> Int64? {
        try await examination.pool.run { try Self.newest(path).map { WallClock.seconds - $0 } }
    }

    private static func newest(_ path: FilePath) throws -> Int64? {
        guard let status = try Files.status(path, followLinks: false) else { return nil }
        // A copy keeps no times of its source, so the change time would not tell more.
        var result = max(status.modified.seconds, status.changed)
        guard status.kind == .directory else { return result }
        for name in try Files.list(path) { result = max(result, try newest(path.appending(bytes: name)) ?? 0) }
        return result
    }
}
