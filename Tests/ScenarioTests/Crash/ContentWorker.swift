import Foundation
import TestKit

/// Puts, removes and locks content of one repository, directly or through a gateway, with keys that nobody else uses.
final class ContentWorker: CrashWorker, @unchecked Sendable {
    /// What must be true of a key.
    private enum Truth { case absent, present, either }

    private struct Item {
        var bytes: [UInt8]
        var key: String
        var truth = Truth.absent
        /// When a lock was acknowledged that was not released, in seconds since 1970.
        var lockedAt: Int?
        /// A release was asked for and not acknowledged: nothing can be said for ten minutes.
        var isLockDoubtful = false
        var isTouched = false
    }

    private let repository: DiskRepository
    /// Whose location log has what is acknowledged as well.
    private let gateway: DiskRepository?
    private var calls: P2PCalls
    private var items: [Item] = []
    private var generator: SeededGenerator

    init(_ hosted: HostedRepository, through gateway: HostedRepository? = nil, seed: UInt64) throws {
        repository = DiskRepository(path: hosted.directory)
        self.gateway = gateway.map { DiskRepository(path: $0.directory) }
        calls = try hosted.p2p()
        if let gateway { calls.prefix = "/\(gateway.path)" }
        generator = SeededGenerator(seed: seed)
        for index in 0..<10 {
            let count = [1, 500, 4096, 30_000, 300_000][index % 5] + Int.random(in: 0..<100, using: &generator)
            let bytes = generator.bytes(count)
            items.append(Item(bytes: bytes, key: try Tools.sha256Key(bytes)))
        }
    }

    func work(_ round: CrashRound) {
        calls.http.port = round.port
        while !round.ended {
            let index = Int.random(in: items.indices, using: &generator)
            var item = items[index]
            item.isTouched = true
            do {
                try step(&item)
            } catch {
                // The server was killed under this request.
            }
            items[index] = item
        }
    }

    private func step(_ item: inout Item) throws {
        if item.truth != .present { return try put(&item) }
        if let time = item.lockedAt {
            guard wallSeconds() - time < 580 else {
                item.lockedAt = nil
                item.isLockDoubtful = true
                return
            }
            let removed = try remove(&item)
            if removed != false { item.truth = .absent }
            return
        }
        if generator.chance(35) { return try lock(&item) }
        _ = try remove(&item)
    }

    private func put(_ item: inout Item) throws {
        item.truth = .either
        let offset = generator.chance(60) ? try calls.putOffset(item.key) ?? 0 : 0
        if offset == 0, item.bytes.count > 1000, generator.chance(20) {
            // A client that leaves in the middle.
            let part = Array(item.bytes.prefix(item.bytes.count / 2))
            try calls.beginPut(item.key, part: part, declared: item.bytes.count).reset()
            return
        }
        let reply = try calls.put(item.key, Array(item.bytes.dropFirst(offset)), offset: offset)
        if reply.bool("stored") == true { item.truth = .present }
    }

    private func remove(_ item: inout Item) throws -> Bool? {
        let wasLocked = item.lockedAt != nil
        if !wasLocked { item.truth = .either }
        let removed = try calls.remove(item.key)
        switch removed {
        case true?: item.truth = .absent
        case false?: item.truth = .present
        case nil: break
        }
        return removed
    }

    private func lock(_ item: inout Item) throws {
        guard let id = try calls.lock(item.key) else { return }
        // Few of them stay, since what is locked is of no use for ten minutes.
        let left = items.count { $0.lockedAt != nil }
        if left < 3 && generator.chance(30) {
            item.lockedAt = wallSeconds()
            return
        }
        item.isLockDoubtful = true
        if try calls.unlock(id).status == 200 { item.isLockDoubtful = false }
    }

    func verify(_ findings: Findings) {
        for index in items.indices {
            do {
                // Those that were left alone lose nothing either; some of them are looked at each time.
                guard items[index].isTouched || generator.chance(10) else { continue }
                var item = items[index]
                try verify(&item, findings)
                item.isTouched = false
                items[index] = item
            } catch {
                findings.add("\(items[index].key): \(error)")
            }
        }
    }

    private func verify(_ item: inout Item, _ findings: Findings) throws {
        let name = "\(item.key) in \(repository.path)"
        let isPresent = try calls.checkPresent(item.key) ?? false
        let logged = try repository.isLogged(item.key, in: calls.uuid)
        switch item.truth {
        case .present:
            findings.expect(isPresent, "\(name): stored:true was answered, and it is gone")
            findings.expect(logged, "\(name): stored:true was answered, and the log does not say so")
        case .absent:
            findings.expect(!isPresent, "\(name): removed:true was answered, or it never came, and it is here")
            findings.expect(
                !logged, "\(name): removed:true was answered, or it never came, and the log says it is here")
        case .either:
            findings.expect(
                logged == isPresent, "\(name): it is \(isPresent ? "" : "not ")here, and the log was not repaired")
        }
        // A kill between the two logs leaves the gateway's behind until the remote is asked again.
        if let gateway, item.truth != .either {
            let known = try gateway.isLogged(item.key, in: calls.uuid)
            findings.expect(
                known == isPresent, "\(name): was acknowledged, and the log of \(gateway.path) has \(known)")
        }
        if isPresent {
            let content = try calls.get(item.key).body
            findings.expect(content == item.bytes, "\(name): \(content.count) wrong bytes")
        } else {
            findings.expect(try calls.get(item.key).status == 404, "\(name): absent, and not a 404")
        }
        if let time = item.lockedAt, wallSeconds() - time < 580 {
            let removed = try calls.remove(item.key)
            findings.expect(
                removed == false, "\(name): locked \(wallSeconds() - time) s ago, removed: \(removed as Any)")
        }
        try settle(&item, isPresent: isPresent, name, findings)
    }

    /// Does once more what was cut off: it must work now.
    private func settle(_ item: inout Item, isPresent: Bool, _ name: String, _ findings: Findings) throws {
        guard item.truth == .either else { return }
        if isPresent || generator.chance(50) {
            let offset = try calls.putOffset(item.key)
            let rest = Array(item.bytes.dropFirst(offset ?? 0))
            let reply = try calls.put(item.key, rest, offset: offset ?? 0)
            findings.expect(
                reply.bool("stored") == true, "\(name): resumed at \(offset as Any): \(reply.status) \(reply.text)")
            item.truth = .present
        } else if item.isLockDoubtful {
            item.truth = .absent
        } else {
            findings.expect(try calls.remove(item.key) == true, "\(name): absent, and cannot be removed once more")
            findings.expect(
                try !repository.isLogged(item.key, in: calls.uuid), "\(name): removed, and the log disagrees")
            item.truth = .absent
        }
    }
}
