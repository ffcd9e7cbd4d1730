import AnnexBranch
import AnnexProtocol
import Blocking
import FileIO
import Locations
import Logging
import NIOCore
import ObjectStore

/// The content in a repository's own object store.
///
/// The operations of the protocol stand below ``inLocationErrors(_:)``; the helpers throw what they meet.
struct LocalContent: ContentLocation {
    let repository: HostedRepository
    let uuid: RepositoryUUID
    let branch: AnnexBranch

    var objects: ObjectStore { repository.objects }
    var traits: LocationTraits { LocationTraits() }

    func isPresent(_ key: Key) async throws -> Bool { try await inLocationErrors { try await holds(key) } }

    private func holds(_ key: Key) async throws -> Bool {
        guard let found = try await repository.perform({ try objects.find(key) }) else { return false }
        return found.needsVerification ? try await openGenuine(key) != nil : true
    }

    func open(_ key: Key, for reading: Reading) async throws -> Content? {
        guard let opened = try await inLocationErrors({ try await openGenuine(key) }) else { return nil }
        if repository.isBare { return Content(size: opened.size, source: .file(opened.file)) }
        let pool = repository.services.pool
        return Content(
            size: opened.size,
            source: .mutableFile(opened.file) { (try? await pool.run { try opened.isUnchanged() }) ?? false })
    }

    /// The content, compared with its key where somebody may have edited it in place: an unlocked file with
    /// `annex.thin` is the object itself. What no longer matches is not content, and the store passes over it from then
    /// on.
    private func openGenuine(_ key: Key) async throws -> OpenObject? {
        // Each of the two places where it may be is looked at, and once more for what is edited meanwhile.
        for _ in 0..<3 {
            guard let opened = try await repository.perform({ try objects.open(key) }) else { return nil }
            if !opened.needsVerification { return opened }
            let isGenuine = try await self.isGenuine(opened, key)
            let isUnchanged = try await repository.perform {
                objects.note(opened, isGenuine: isGenuine)
                return try opened.isUnchanged()
            }
            if isGenuine && isUnchanged { return opened }
        }
        return nil
    }

    /// Call before the store is asked for something that rests on the content being here: to be locked, or not to be
    /// sent again. A client that is told so may drop its own copy.
    func examine(_ key: Key) async throws {
        if !repository.isBare { _ = try await holds(key) }
    }

    func partial(of key: Key, for client: [UInt8]) async throws -> PartialContent {
        try await inLocationErrors {
            try await examine(key)
            guard branch.canRecordLocation(of: key) else { throw Self.unloggable }
            let isSecure = key.isSecure(equivalentKeys: try await equivalentKeys(of: key))
            let bytes = try await repository.perform { () throws -> UInt64? in
                if try objects.find(key) != nil { return nil }
                // Told now, as the client prepares much before it sends.
                if let refusal = try objects.refusal(of: key, isSecure: isSecure) {
                    throw LocationError(.forbidden, "\(refusal)")
                }
                return try objects.partialSize(key, client: client)
            }
            if let bytes { return .bytes(bytes) }
            // The client takes this for "stored", and sends nothing.
            if try await branch.status(of: key, in: uuid) != .present { try await secure(key) }
            return .alreadyPresent(at: [uuid])
        }
    }

    func confirm(_ key: Key) async throws -> StoreOutcome {
        try await inLocationErrors {
            guard try await holds(key) else { return .notStored(reason: "the content is not here") }
            try await secure(key)
            return .stored(at: [uuid])
        }
    }

    /// Makes sure of content that is here before somebody is told so. An upload may have put it in its place, and have
    /// ended, by a crash or a failing disk, before the folder was on stable storage or the log was written.
    func secure(_ key: Key) async throws {
        try await repository.perform { try objects.synchronize(key) }
        try await recordWhatIs(of: key)
    }

    /// Logs whether the content is here as it is now, whatever was done before: another upload may have brought it back
    /// since, or a removal have taken it away, and that one may have logged already.
    func recordWhatIs(of key: Key) async throws {
        // Nothing was changed there: it is only that others may not have logged yet what they did.
        if branch.settings.isReadOnly { return }
        let objects = objects
        do {
            try await repository.services.withReserve {
                try await branch.recordLocation(of: key, in: uuid) { try objects.find(key) != nil }
            }
        } catch {
            // The content has come or gone all the same, and others go by what the log says.
            repository.logSoon()
            throw error
        }
    }

    /// Reads all of the content and compares it with the key; step by step, so that large files leave the threads to
    /// others as well, and a client that leaves need not be waited for.
    func isGenuine(_ object: OpenObject, _ key: Key) async throws -> Bool {
        // One piece of work at a time uses it.
        nonisolated(unsafe) let verifier = ContentVerifier(key)
        var offset: UInt64 = 0
        while true {
            let start = offset
            let count = try await repository.perform { try object.file.feed(verifier, from: start, upTo: 8 << 20) }
            if count == 0 { return verifier.finish() == .accepted }
            offset += UInt64(count)
            try Task.checkCancellation()
        }
    }

    func lock(_ key: Key) async throws -> (any HeldLock)? {
        try await inLocationErrors {
            try await examine(key)
            let lock = try await repository.services.withReserve {
                try await repository.perform { try objects.lock(key) }
            }
            return lock.map { LocalLock(lock: $0, repository: repository) }
        }
    }

    // MARK: Removing

    /// The object goes first, then the log is written, then the lock files and empty directories go (spec 01 §4.3).
    func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome {
        try await inLocationErrors { try await take(away: key, before: deadline) }
    }

    private func take(away key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome {
        let start = try await repository.services.withReserve {
            try await repository.perform { () -> RemovalStep in
                let start = try objects.beginRemoval(key)
                if case .ready(let removal) = start {
                    // Checked while the content is locked against everybody else.
                    if let deadline, BootSeconds.now >= deadline { return .tooLate }
                    try removal.unlinkContent()
                }
                return .begun(start)
            }
        }
        switch start {
        case .tooLate: return .notRemoved(reason: "the time for this removal has passed")
        case .begun(.absent):
            // Another program may have removed the content, or have left the log as it was.
            if try await branch.status(of: key, in: uuid) == .present { try await recordWhatIs(of: key) }
            return .removed(from: [uuid])
        case .begun(.locked): return .notRemoved(reason: "the content is locked")
        case .begun(.refused(.readOnly)): throw LocationError(.forbidden, "\(RemovalRefusal.readOnly)")
        case .begun(.refused(let reason)): return .notRemoved(reason: "\(reason)")
        case .begun(.ready(let removal)):
            do {
                try await recordWhatIs(of: key)
                try await repository.services.withReserve {
                    try await repository.services.pool.run { try removal.finish() }
                }
            } catch {
                try? await repository.services.pool.run { removal.giveUp() }
                throw error
            }
            return .removed(from: [uuid])
        }
    }

    private enum RemovalStep {
        case begun(RemovalStart)
        case tooLate
    }
}

/// A lock on content in the object store.
private struct LocalLock: HeldLock {
    let lock: ContentLock
    let repository: HostedRepository

    func release() async {
        try? await repository.services.pool.run { try lock.release(keepingRetention: false) }
    }

    func extend(protectedUntil deadline: Int64) async -> Bool { await extendRetention(until: deadline) }

    func detach(protectedUntil deadline: Int64) async {
        _ = await extendRetention(until: deadline)
        try? await repository.services.pool.run { try lock.release(keepingRetention: true) }
    }

    /// Where this fails the lock itself protects the content for as long as this process lives.
    private func extendRetention(until deadline: Int64) async -> Bool {
        do {
            try await repository.services.withReserve {
                try await repository.services.pool.run {
                    try lock.extendRetention(until: RetentionTime(seconds: deadline))
                }
            }
            return true
        } catch {
            repository.services.logger.error(
                "a lock on content would not outlive this process",
                metadata: ["repository": "\(repository.name)", "key": "\(lock.key)", "error": "\(error)"])
            return false
        }
    }
}

extension OpenFile {
    /// Gives the verifier the next bytes; answers how many.
    fileprivate func feed(_ verifier: ContentVerifier, from start: UInt64, upTo limit: Int) throws -> Int {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var done = 0
        while done < limit {
            let count = try buffer.withUnsafeMutableBytes { try read(into: $0, at: start + UInt64(done)) }
            if count == 0 { break }
            buffer.withUnsafeBytes { verifier.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            done += count
        }
        return done
    }
}
