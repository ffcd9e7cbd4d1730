import AnnexBranch
import AnnexProtocol
import Blocking
import FileIO
import GitHost
import Logging
import SystemPackage

/// A repository whose tuning (`annex.tune.*`) is not settled yet: nobody has pushed a git-annex branch to it, and it
/// has no content. It takes over that of the first branch that is pushed, as `git annex init` in a clone does.
struct OpenTuning {
    private let gitDirectory: FilePath
    private let isAnnex: Bool

    /// Nil where the tuning is settled. Blocking.
    init?(_ settings: RepositorySettings, _ gitDirectory: FilePath) throws {
        guard settings.basis.tuning.isEmpty, settings.basis.allowsChanges else { return nil }
        let isAnnex = settings.uuid != nil
        // One with a work tree may hold a `.noannex` file, and is left to whoever works there.
        guard try isAnnex ? AnnexBranch.isMarkedUnpushed(in: gitDirectory) : settings.isBare else { return nil }
        guard try Files.list(ConfinedPath(gitDirectory).appending("annex/objects")).isEmpty else { return nil }
        self.gitDirectory = gitDirectory
        self.isAnnex = isAnnex
    }

    /// The tuning that a pushed branch brings; nil where it brings none that can be taken over.
    func tuning(of commit: String, environment: [(String, String)] = []) async throws -> Set<Difference>? {
        var source = commit
        // A git repository that becomes an annex has the tuning of the branch that it has already.
        if !isAnnex, let own = try await GitObjects(gitDirectory).resolve(HostedRepository.branchRef) { source = own }
        let tuning = try await BranchTuning.read(from: source, in: gitDirectory, environment: environment)
        guard let tuning, !tuning.isEmpty, tuning.allSatisfy({ $0.setting != nil }) else { return nil }
        return tuning
    }
}

extension RepositoryManager {
    /// Takes over the tuning of a branch that was pushed where that is open; answers whether it did. Whoever has the
    /// repository open must then open it anew.
    public func adoptTuning(of repository: HostedRepository) async throws -> Bool {
        let gitDirectory = repository.gitDirectory
        let (open, settings): (OpenTuning?, RepositorySettings)
        do {
            (open, settings) = try await services.pool.run {
                let settings = try repository.currentSettings()
                return (try OpenTuning(settings, gitDirectory), settings)
            }
        } catch HostingError.reconfigured {
            // Another push has settled it meanwhile.
            return true
        }
        guard let open else { return false }
        let pushed = [HostedRepository.branchRef, "refs/heads/synced/git-annex", "refs/synced/*/git-annex"]
        for ref in try await GitObjects(gitDirectory).refs(matching: pushed) {
            guard let tuning = try await open.tuning(of: ref.object) else { continue }
            try await services.pool.run { try tune(gitDirectory, tuning) }
            if let uuid = repository.uuid {
                var branch = settings.branch(commitDelay: services.commitDelay)
                branch.tuning = tuning
                try await recordTuning(of: uuid, in: gitDirectory, branch)
            }
            services.logger.info(
                "repository takes over the tuning of the first branch",
                metadata: ["repository": "\(repository.name)", "tuning": "\(tuning.compactMap(\.setting).sorted())"])
            return true
        }
        return false
    }

    /// Writes the settings, all at once. Blocking.
    func tune(_ gitDirectory: FilePath, _ tuning: Set<Difference>) throws {
        if tuning.isEmpty { return }
        let lines = tuning.compactMap(\.setting).sorted().map { "\t\($0) = true\n" }
        try GitConfigFile(gitDirectory.appending("config")).append("[annex \"tune\"]\n\(lines.joined())")
    }

    /// Writes the repository's line of difference.log into the journal.
    func recordTuning(
        of uuid: RepositoryUUID, in gitDirectory: FilePath, _ settings: BranchSettings
    ) async throws {
        if settings.tuning.isEmpty { return }
        let value = Differences.serialize(settings.tuning)
        try await changeJournal(of: uuid, in: gitDirectory, settings) { branch in
            try await branch.change(.differenceLog, regarding: uuid) { content, now in
                var log = OldUUIDLog(parsing: content)
                if log[uuid] == value { return nil }
                log.set(uuid, to: value, now: now)
                return log.serialized
            }
        }
    }
}
