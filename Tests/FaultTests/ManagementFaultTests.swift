import AnnexProtocol
import FileIO
import Hosting
import Locations
import SystemPackage
import Testing

/// Creating, renaming, deleting and restoring repositories.
@Suite struct ManagementFaultTests {
    /// Runs `work` with each operation failing in turn.
    private func failing(
        _ fault: Fault, on template: Site, _ work: (RepositoryManager) async throws -> Void,
        check: (Site, _ succeeded: Bool, String) async throws -> Void
    ) async throws {
        var number = 0
        while true {
            let site = try template.copy()
            let plan = FaultPlan(below: site.folder, target: number, code: fault.code(number))
            var failure: (any Error)?
            await plan.run {
                do { try await work(site.manager) } catch { failure = error }
            }
            let context =
                "\(fault.code(number)) from operation \(number), \(plan.struck ?? "none"): \(failure.map { "\($0)" } ?? "done")"
            try await check(site, failure == nil, context)
            guard plan.struck != nil else {
                #expect(failure == nil, "\(context)")
                #expect(number > 5)
                return
            }
            number += Fault.stride
        }
    }

    @Test("a repository whose creation fails anywhere is there whole or not at all", arguments: Fault.rounds)
    func create(fault: Fault) async throws {
        let name = try #require(RepositoryName("lab/fresh"))
        try await failing(fault, on: try Site.empty()) { manager in
            try await manager.create(name)
        } check: { site, succeeded, context in
            if succeeded { #expect(try site.root.gitDirectory(of: name) != nil, "\(context)") }
            if try site.root.gitDirectory(of: name) == nil { try await site.manager.create(name) }
            try await site.opened(name) { place in
                #expect(try await place.put(.new) == .stored(at: [place.uuid]), "\(context)")
                try await place.expectStored(.new, context)
            }
        }
    }

    @Test(
        "a repository whose renaming fails anywhere has the old name or the new one, and all its content",
        arguments: Fault.rounds)
    func rename(fault: Fault) async throws {
        let newName = try #require(RepositoryName("team/moved"))
        try await failing(fault, on: try await Site.withRepository()) { manager in
            try await manager.rename(Site.name, to: newName)
        } check: { site, succeeded, context in
            let isOld = try site.root.gitDirectory(of: Site.name) != nil
            let isNew = try site.root.gitDirectory(of: newName) != nil
            #expect(isOld != isNew, "\(context)")
            if succeeded { #expect(isNew, "\(context)") }
            if isOld { try await site.manager.rename(Site.name, to: newName) }
            // By both names: the alias is there as soon as the new name is.
            for name in [Site.name, newName] {
                try await site.opened(name) { place in try await place.expectStored(.old, context) }
            }
        }
    }

    @Test(
        "a repository whose deletion fails anywhere is served or in the trash, whole, and comes back from there",
        arguments: Fault.rounds)
    func delete(fault: Fault) async throws {
        try await failing(fault, on: try await Site.withRepository()) { manager in
            try await manager.delete(Site.name)
        } check: { site, succeeded, context in
            let isThere = try site.root.gitDirectory(of: Site.name) != nil
            if succeeded { #expect(!isThere, "\(context)") }
            if !isThere { try await site.manager.restore(Site.name) }
            try await site.opened { place in try await place.expectStored(.old, context) }
            try await site.manager.delete(Site.name)
            try await site.manager.restore(Site.name)
            try await site.opened { place in try await place.expectStored(.old, context) }
        }
    }

    @Test("a repository whose restoration fails anywhere is served or in the trash, whole", arguments: Fault.rounds)
    func restore(fault: Fault) async throws {
        let template = try await Site.withRepository()
        try await template.manager.delete(Site.name)
        try await failing(fault, on: template) { manager in
            try await manager.restore(Site.name)
        } check: { site, succeeded, context in
            let isThere = try site.root.gitDirectory(of: Site.name) != nil
            if succeeded { #expect(isThere, "\(context)") }
            if !isThere { try await site.manager.restore(Site.name) }
            try await site.opened { place in try await place.expectStored(.old, context) }
        }
    }
}
