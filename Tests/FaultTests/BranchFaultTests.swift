import AnnexBranch
import AnnexProtocol
import FileIO
import Locations
import ObjectStore
import SystemPackage
import Testing

@testable import Hosting

/// The journal and its commits, and what is done when a repository is opened.
@Suite struct BranchFaultTests {
    @Test("a commit with any one operation failing loses nothing of the journal", arguments: Fault.rounds)
    func commit(fault: Fault) async throws {
        let template = try await Site.withRepository()
        try await everyOperationFails(fault, on: template) { place in
            let stored = try await place.put(.new)
            let removed = try await place.remove(.old)
            #expect(stored == .stored(at: [place.uuid]) && removed == .removed(from: [place.uuid]))
        } attempt: { place in
            try await place.repository.branch?.flush()
        } check: { site, result, context in
            try await site.opened { place in
                try await place.expectStored(.new, context)
                try await place.expectRemoved(.old, context)
                let branch = try #require(place.repository.branch)
                if case .success = result { #expect(try await !branch.hasPendingChanges, "\(context)") }
                try await branch.flush()
                #expect(try await !branch.hasPendingChanges, "\(context)")
                try await place.expectStored(.new, context)
                try await place.expectRemoved(.old, context)
            }
        }
    }

    @Test(
        "a journal write of many files with any one operation failing is whole or can be written again",
        arguments: Fault.rounds)
    func journal(fault: Fault) async throws {
        let template = try await Site.withRepository()
        let keys = try (0..<4).map { try Key(parsing: "WORM-s\($0)-m1--file\($0)") }
        try await everyOperationFails(fault, on: template) { place in
            let branch = try #require(place.repository.branch)
            // Together in one transaction or several: who hears of success has it on disk.
            return await withTaskGroup(of: (Int, Bool).self) { group in
                for (index, key) in keys.enumerated() {
                    group.addTask {
                        do {
                            try await branch.recordLocation(of: key, in: place.uuid, present: true)
                            return (index, true)
                        } catch {
                            return (index, false)
                        }
                    }
                }
                return await group.reduce(into: Set<Int>()) { if $1.1 { $0.insert($1.0) } }
            }
        } check: { site, result, context in
            try await site.opened { place in
                let branch = try #require(place.repository.branch)
                for (index, key) in keys.enumerated() {
                    let status = try await branch.locations(of: key)[place.uuid]
                    if try result.get().contains(index) { #expect(status == .present, "\(context)") }
                    try await branch.recordLocation(of: key, in: place.uuid, present: true)
                    #expect(try await branch.locations(of: key)[place.uuid] == .present, "\(context)")
                }
                try await place.expectStored(.old, context)
            }
        }
    }

    /// An upload's info file that a crash left makes the next process log the content, and the note of a removal that
    /// it is gone; see `recover`.
    @Test("opening a repository after a crash with any one operation failing loses nothing", arguments: Fault.rounds)
    func recovery(fault: Fault) async throws {
        let template = try await Site.withRepository()
        let gone = Sample(3)
        try await template.opened { place in
            for sample in [.new, gone] { #expect(try await place.put(sample) == .stored(at: [place.uuid])) }
            let branch = try #require(place.repository.branch)
            try await branch.flush()
            try await branch.recordLocation(of: Sample.new.key, in: place.uuid, present: false)
            let folder = place.repository.gitDirectory.appending("annex/transfer/download/client")
            let info = try OpenFile(folder.appending(bytes: Sample.new.key.fileName), [.writeOnly, .create])
            try info.write(Array("1s\n\n".utf8), at: 0)
            guard case .ready(let removal) = try place.repository.objects.beginRemoval(gone.key) else {
                throw SetupFailed()
            }
            try removal.unlinkContent()
        }
        var number = 0
        while true {
            let site = try template.copy()
            let plan = FaultPlan(below: site.folder, target: number, code: fault.code(number))
            let log = await plan.run { try? await site.opened { place in try await place.log(.old) } }
            let context = "\(fault.code(number)) from operation \(number), \(plan.struck ?? "none")"
            try await site.opened { place in
                try await place.expectStored(.old, context)
                // What the failed attempt did not come to, this one did; where it cleaned up, it has logged as well.
                try await place.expectStored(.new, context)
                try await place.expectRemoved(gone, context)
            }
            guard plan.struck != nil else {
                #expect(log == .present && number > 5)
                return
            }
            number += Fault.stride
        }
    }
}
