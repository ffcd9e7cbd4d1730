import AnnexBranch
import AnnexProtocol
import FileIO
import Hosting
import Locations
import SystemPackage
import Testing

/// After a fault in any one file operation an error is told, or the work is done; and it can be done again.
@Suite struct ContentFaultTests {
    @Test(
        "a put with any one operation failing is stored and logged, or is told to have failed and works again",
        arguments: Fault.rounds)
    func put(fault: Fault) async throws {
        let template = try await Site.withRepository()
        try await everyOperationFails(fault, on: template) { place in
            try await place.put(.new)
        } check: { site, result, context in
            try await site.opened { place in
                if case .success(.stored) = result { try await place.expectStored(.new, context) }
                // Whatever is there has been verified, and is said to be there.
                let found = try await place.content(.new)
                if let found { #expect(found == Sample.new.content, "\(context)") }
                #expect(try await (place.log(.new) == .present) == (found != nil), "\(context)")
                try await place.expectStored(.old, context)
                #expect(try await place.put(.new) == .stored(at: [place.uuid]), "\(context)")
                try await place.expectStored(.new, context)
                try await place.repository.branch?.flush()
                try await place.expectStored(.new, context)
            }
        }
    }

    @Test(
        "a resumed put with any one operation failing keeps or loses the beginning, and never stores other bytes",
        arguments: Fault.rounds)
    func resume(fault: Fault) async throws {
        let template = try await Site.withRepository()
        let half = Array(Sample.new.content.prefix(7_000))
        try await template.opened { place in
            let body = Cut(half)
            let outcome = try await place.location.store(
                Sample.new.key,
                from: Upload(
                    client: Array("client".utf8), associatedFile: nil, offset: 0,
                    length: Int64(Sample.new.content.count), body: body))
            #expect(outcome != .stored(at: [place.uuid]))
            #expect(try await place.location.partial(of: Sample.new.key, for: Array("client".utf8)) == .bytes(7_000))
        }
        try await everyOperationFails(fault, on: template) { place in
            try await place.put(.new)
        } check: { site, result, context in
            try await site.opened { place in
                if case .success(.stored) = result { try await place.expectStored(.new, context) }
                if let found = try await place.content(.new) { #expect(found == Sample.new.content, "\(context)") }
                #expect(try await place.put(.new) == .stored(at: [place.uuid]), "\(context)")
                try await place.expectStored(.new, context)
            }
        }
    }

    @Test(
        "a removal with any one operation failing is done and logged, or is told to have failed and works again",
        arguments: Fault.rounds)
    func remove(fault: Fault) async throws {
        let template = try await Site.withRepository()
        try await everyOperationFails(fault, on: template) { place in
            try await place.remove(.old)
        } check: { site, result, context in
            try await site.opened { place in
                if case .success(let outcome) = result, outcome.isComplete {
                    try await place.expectRemoved(.old, context)
                }
                let isHere = try await place.content(.old) != nil
                #expect(try await (place.log(.old) == .present) == isHere, "\(context)")
                #expect(try await place.remove(.old) == .removed(from: [place.uuid]), "\(context)")
                try await place.expectRemoved(.old, context)
                #expect(try await place.put(.old) == .stored(at: [place.uuid]), "\(context)")
                try await place.expectStored(.old, context)
            }
        }
    }

    /// A power cut would otherwise bring back content of which the log, which is durable, says that it is gone.
    @Test("a removal is on stable storage before its answer")
    func removalIsDurable() async throws {
        let site = try await Site.withRepository()
        var synchronized: [String] = []
        for number in 0... {
            let copy = try site.copy()
            let plan = FaultPlan(below: copy.folder, target: number, operations: ["unlink", "fsync"])
            try await copy.opened { place in _ = await plan.run { try? await place.remove(.old) } }
            guard let struck = plan.struck else { break }
            synchronized.append(struck)
        }
        let folder = "annex/objects"
        let unlinked = try #require(synchronized.firstIndex { $0.hasPrefix("unlink") && $0.contains(folder) })
        #expect(synchronized[unlinked...].contains { $0.hasPrefix("fsync") && $0.contains(folder) }, "\(synchronized)")
    }

    /// Until then others go by a log that says the opposite of what is so.
    @Test(
        "content whose coming or going could not be logged is logged soon, without a restart", arguments: [true, false])
    func loggedSoon(isPut: Bool) async throws {
        let template = try await Site.withRepository()
        let sample = isPut ? Sample.new : Sample.old
        var number = 0
        while true {
            let site = try template.copy()
            let plan = FaultPlan(below: site.folder, target: number, code: .noSpace)
            let wasUnlogged = try await site.opened { place in
                let hasFailed = await plan.run {
                    do {
                        if isPut { _ = try await place.put(sample) } else { _ = try await place.remove(sample) }
                        return false
                    } catch { return true }
                }
                func isLogged() async throws -> Bool {
                    let isHere = try await place.location.isPresent(sample.key)
                    return try await (place.log(sample) == .present) == isHere
                }
                guard hasFailed, try await !isLogged() else { return false }
                for _ in 0..<6000 {
                    if try await isLogged() { return true }
                    try await Task.sleep(for: .milliseconds(20))
                }
                Issue.record("never logged after \(plan.struck ?? "none")")
                return true
            }
            if wasUnlogged { return }
            try #require(plan.struck != nil, "no operation left the log behind")
            number += 1
        }
    }

    @Test("no removal with any one operation failing takes content that is locked", arguments: Fault.rounds)
    func removeLocked(fault: Fault) async throws {
        let template = try await Site.withRepository()
        try await everyOperationFails(fault, on: template) { place in
            // Held by somebody else throughout, as another process would.
            let lock = try await place.location.lock(Sample.old.key)
            let outcome = try await place.remove(.old)
            withExtendedLifetime(lock) {}
            return lock != nil && outcome == .removed(from: [place.uuid])
        } check: { site, result, context in
            if case .success(let wasTaken) = result { #expect(!wasTaken, "\(context)") }
            try await site.opened { place in try await place.expectStored(.old, context) }
        }
    }

    @Test(
        "no removal with any one operation failing takes content whose lock died with its process",
        arguments: Fault.rounds)
    func removeRetained(fault: Fault) async throws {
        let template = try await Site.withRepository()
        try await template.opened { place in
            // Dropped without a release: the retention file protects for ten minutes.
            let lock = try await place.location.lock(Sample.old.key)
            #expect(lock != nil)
        }
        try await everyOperationFails(fault, on: template) { place in
            try await place.remove(.old)
        } check: { site, result, context in
            if case .success(let outcome) = result {
                guard !outcome.isComplete else {
                    Issue.record("\(context)")
                    return
                }
            }
            try await site.opened { place in
                try await place.expectStored(.old, context)
                let again = try await place.remove(.old)
                guard !again.isComplete else {
                    Issue.record("afterwards \(again); \(context)")
                    return
                }
            }
        }
    }

    @Test("a lock that is told to be held protects, also from the next process", arguments: Fault.rounds)
    func lock(fault: Fault) async throws {
        let template = try await Site.withRepository()
        try await everyOperationFails(fault, on: template) { place in
            // The lock object dies here, as with its process: what is on disk must protect.
            try await place.location.lock(Sample.old.key) != nil
        } check: { site, result, context in
            try await site.opened { place in
                if case .success(true) = result {
                    guard try await !(place.remove(.old)).isComplete else {
                        Issue.record("a lock was worth nothing: \(context)")
                        return
                    }
                }
                try await place.expectStored(.old, context)
                let lock = try #require(try await place.location.lock(Sample.old.key), "\(context)")
                guard try await !(place.remove(.old)).isComplete else {
                    Issue.record("a second lock was worth nothing: \(context)")
                    return
                }
                await lock.release()
            }
        }
    }

    @Test(
        "an unlock with any one operation failing loses no content, and never ends another's lock",
        arguments: Fault.rounds)
    func unlock(fault: Fault) async throws {
        let template = try await Site.withRepository()
        try await everyOperationFails(fault, on: template) { place in
            let other = try await place.location.lock(Sample.old.key)
            let lock = try await place.location.lock(Sample.old.key)
            await lock?.release()
            let outcome = try await place.remove(.old)
            withExtendedLifetime(other) {}
            return other != nil && outcome == .removed(from: [place.uuid])
        } check: { site, result, context in
            if case .success(let wasTaken) = result { #expect(!wasTaken, "\(context)") }
            try await site.opened { place in try await place.expectStored(.old, context) }
        }
    }
}

/// A body whose connection breaks after some bytes.
private final class Cut: UploadBody {
    private let pieces: Pieces

    init(_ bytes: [UInt8]) { pieces = Pieces([bytes]) }

    func next() async throws -> UploadChunk { pieces.next().map { .bytes($0) } ?? .broken }
}
