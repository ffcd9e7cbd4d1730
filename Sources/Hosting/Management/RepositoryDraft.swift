import AnnexBranch
import AnnexProtocol
import Blocking
import FileIO
import GitHost
import Logging
import ObjectStore
import SystemPackage

/// A repository that is being made, in the workshop: nobody sees it, and a crash leaves nothing of it.
struct RepositoryDraft: Sendable {
    let name: RepositoryName
    let uuid: RepositoryUUID
    let folder: FilePath
    /// Keeps the workshop from being cleared.
    fileprivate let workshop: OpenFile
}

extension RepositoryManager {
    /// Makes an empty bare repository that is an annex. It is followed by ``publish(_:)`` or ``discard(_:)``.
    func draft(_ name: RepositoryName, objectFormat: ObjectFormat = .sha1, tuning: Set<Difference> = []) async throws
        -> RepositoryDraft
    {
        let folder = root.workshop.appending(FreshName.make("draft"))
        let (workshop, uuid) = try await services.pool.run { () -> (OpenFile, RepositoryUUID) in
            try root.prepare()
            guard try root.gitDirectory(of: name) == nil else { throw HostingError.exists(name) }
            try requireNoEnclosingRepository(of: name)
            return (try root.occupyWorkshop(), try root.uuidToBe(of: name) ?? .random())
        }
        let draft = RepositoryDraft(name: name, uuid: uuid, folder: folder, workshop: workshop)
        do {
            try await RepositoryCreator.create(at: folder, objectFormat: objectFormat)
            let config = GitConfigFile(folder.appending("config"))
            try await config.set("annex.uuid", uuid.description)
            try await config.set("annex.version", "10")
            try await services.pool.run {
                try ObjectStore(gitDirectory: folder, settings: StoreSettings(isBare: true)).createAnnexDirectories()
            }
            try await services.pool.run { try tune(folder, tuning) }
            var settings = BranchSettings()
            settings.tuning = tuning
            try await describe(uuid, as: name, in: folder, settings, isUnpushed: true)
            try await recordTuning(of: uuid, in: folder, settings)
            // Content may be acknowledged in it a moment later: after a power cut it must still be the same annex.
            try await services.pool.run { try Files.synchronizeTree(folder) }
        } catch {
            await discard(draft)
            throw error
        }
        return draft
    }

    /// Gives a draft its name; nobody may have it open by its old path any more.
    ///
    /// Throws ``HostingError/exists(_:)`` where somebody else has made one of that name meanwhile.
    func publish(_ draft: RepositoryDraft) async throws {
        let target = root.folder(of: draft.name)
        try await services.pool.run {
            try requireNoEnclosingRepository(of: draft.name)
            try Files.createDurableDirectories(target.removingLastComponent())
            guard try Files.moveIntoPlace(draft.folder, to: target) else { throw HostingError.exists(draft.name) }
            try Files.synchronizeDirectory(target.removingLastComponent())
        }
        // Where this fails, one that takes the place of this repository some day has its UUID as well.
        try? await services.pool.run { try root.noteGiven(draft.uuid, to: draft.name) }
        services.logger.info("repository created", metadata: ["repository": "\(draft.name)", "uuid": "\(draft.uuid)"])
    }

    func discard(_ draft: RepositoryDraft) async {
        try? await services.pool.run { try Files.removeTree(draft.folder) }
    }
}
