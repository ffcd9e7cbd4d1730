import AnnexProtocol
import Blocking
import GitHost

/// Where a push goes: a repository, or the draft of one that it makes.
struct PushSite: Sendable {
    var repository: HostedRepository
    /// Out of sight until something has been pushed to it.
    let draft: RepositoryDraft?
    /// Whether it has its turn to make a repository of this name.
    let holdsTurn: Bool
}

extension Pushes {
    /// The place of a push whose body may be taken. Each call that returns is followed by one of ``close(_:)``.
    func site(for push: Push) async throws -> PushSite {
        if let present = push.present { return PushSite(repository: present, draft: nil, holdsTurn: false) }
        guard await turns.enter(push.name, patience: Self.patience) else {
            try Task.checkCancellation()
            throw PushRefusal(.busy, "another push makes this repository at the moment; try again")
        }
        do {
            if let present = try await catalog.repository(named: push.name) {
                // Somebody else's push was first; this one goes to the same repository.
                leave(push.name)
                return PushSite(repository: present, draft: nil, holdsTurn: false)
            }
            let draft = try await manager.draft(push.name, objectFormat: push.request.objectFormat)
            do {
                let services = catalog.services
                let repository = try await services.pool.run {
                    try HostedRepository(name: push.name, gitDirectory: draft.folder, services: services)
                }
                return PushSite(repository: repository, draft: draft, holdsTurn: true)
            } catch {
                await manager.discard(draft)
                throw error
            }
        } catch {
            leave(push.name)
            throw error
        }
    }

    /// Opens the repository again, with the settings that it has got.
    func reopen(_ site: inout PushSite) async throws {
        let (name, services) = (site.repository.name, catalog.services)
        if let draft = site.draft {
            await site.repository.close()
            site.repository = try await services.pool.run {
                try HostedRepository(name: name, gitDirectory: draft.folder, services: services)
            }
            return
        }
        await catalog.discard(site.repository)
        guard let opened = try await catalog.repository(named: name) else { throw HostingError.gone(name) }
        site.repository = opened
    }

    /// Ends a push. A repository that it was to make is there from now on if anything has been pushed to it, and never
    /// was if nothing has.
    func close(_ site: PushSite) async throws {
        defer { if site.holdsTurn { leave(site.repository.name) } }
        guard let draft = site.draft else { return }
        do {
            let isUsed = try await site.repository.hasPushedRefs
            await site.repository.close()
            if isUsed { try await manager.publish(draft) } else { await manager.discard(draft) }
        } catch {
            await manager.discard(draft)
            throw error
        }
    }

    private func leave(_ name: RepositoryName) { turns.change { names, _ in names.remove(name) } }

    /// How long a push waits for another one that has come whole and makes the same repository.
    private static let patience = Duration.seconds(600)
}
