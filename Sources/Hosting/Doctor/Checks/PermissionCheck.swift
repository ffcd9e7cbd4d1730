import Blocking
import FileIO
import Glibc
import SystemPackage

/// Whether the host can write where it has to.
struct PermissionCheck: Sendable {
    let examination: Examination
    let gitDirectory: FilePath

    /// Folders that annexd and git write to, where they exist.
    private static let folders = [
        "", "objects", "objects/pack", "refs", "refs/heads", "annex", "annex/objects", "annex/tmp", "annex/othertmp",
        "annex/journal", "annex/transfer", "annex/transfer/download", "annex/bad", "annexd", "annexd/removing",
        "annexd/tmp",
    ]

    func run() async throws {
        let (gitDirectory, me) = (gitDirectory, geteuid())
        let wrong = try await examination.pool.run { () -> [(String, FileStatus)] in
            let folder = ConfinedPath(gitDirectory)
            guard let repository = try Files.status(folder) else { return [] }
            // Whoever asks: what matters is whether the repository's own user may, and ``OwnershipCheck`` tells who it
            // is.
            let user = repository.owner
            return try Self.folders.compactMap { name in
                guard let status = try Files.status(folder.appending(name)), status.kind == .directory else {
                    return nil
                }
                return Judgement.canChange(status, user: user, groups: Users.groups(of: user), group: status.group)
                    ? nil : (name.isEmpty ? "." : name, status)
            }
        }
        for (name, status) in wrong {
            let mode = String(status.mode, radix: 8)
            let detail = "the folder belongs to user \(status.owner) and has mode \(mode); nothing can be written there"
            let path = ConfinedPath(gitDirectory).appending(name == "." ? "" : name)
            let isOurs = status.owner == me || me == 0 && status.mode & 0o300 != 0o300
            guard isOurs else {
                await examination.found(.notWritable, name, detail)
                continue
            }
            await examination.found(.notWritable, name, detail) {
                try Files.setMode(path, status.mode | 0o700)
                return true
            }
        }
    }
}
