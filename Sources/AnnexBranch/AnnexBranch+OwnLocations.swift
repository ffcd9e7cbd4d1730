public import AnnexProtocol
import FileIO
import GitHost
import Glibc
import Logging
import SystemPackage

/// A repository is the authority on what it holds itself. Whatever a push says about that is compared with the object
/// store, and corrected with newer lines where it is not so (docs/hostile-pushes.md).
extension AnnexBranch {
    /// Takes note that a push may now change the branch. Each call is followed by one of
    /// ``pushEnded(isPresent:)``.
    public func pushBegins() async throws {
        activePushes += 1
        do {
            try await noteUnverified()
        } catch {
            activePushes -= 1
            throw error
        }
    }

    /// Compares what the branch says about this repository with what is there, for every key whose log changed since
    /// pushes began, and corrects it. Returns how many keys were corrected.
    ///
    /// - Parameter isPresent: whether the object store has a key. Blocking.
    @discardableResult
    public func pushEnded(isPresent: @escaping @Sendable (Key) throws -> Bool) async throws -> Int {
        activePushes = max(0, activePushes - 1)
        return try await verifyOwnLocations(isPresent: isPresent)
    }

    /// The same for a push that nobody finished, and for a branch that was moved by other means.
    ///
    /// What is compared depends on what was pushed, so it does not run where its caller does, on an event loop perhaps.
    @discardableResult
    public func verifyOwnLocations(isPresent: @escaping @Sendable (Key) throws -> Bool) async throws -> Int {
        // What is to be compared stays noted: it is compared once the branch may be changed.
        if settings.isReadOnly { return 0 }
        return try await uninterrupted { [self] in try await compareOwnLocations(isPresent) }
    }

    private func compareOwnLocations(_ isPresent: @escaping @Sendable (Key) throws -> Bool) async throws -> Int {
        let tip = try await objects.tip()
        guard let start = try await unverified(at: tip) else { return 0 }
        var (corrected, isRestored) = (0, false)
        // Its own facts may be in the private journal alone, where no push reaches them.
        if !settings.privateUUIDs.contains(uuid) {
            switch (start, tip) {
            case (.since(let commit), let tip?) where commit == tip: break
            case (.since(let commit), let tip?): (corrected, isRestored) = try await correct(commit, tip, isPresent)
            case (.since(let commit), nil):
                corrected = try await correctEverything(isPresent)
                isRestored = try await restoreDescription(from: commit)
            case (.everything, _):
                corrected = try await correctEverything(isPresent)
                isRestored = try await restoreDescription(from: nil)
            }
            if corrected > 0 {
                logger.warning(
                    "the git-annex branch was wrong about what this repository holds; corrected",
                    metadata: ["keys": "\(corrected)"])
            }
            if isRestored { logger.warning("the git-annex branch had lost this repository's line in uuid.log") }
        }
        // What was corrected is in the journal by now, and on stable storage.
        try await noteVerified(tip)
        if corrected > 0 || isRestored { try await flush() }
        return corrected
    }

    /// For every key whose log differs between the two, also where the folder of the log is gone.
    private func correct(
        _ from: String, _ tip: String, _ isPresent: @escaping @Sendable (Key) throws -> Bool
    ) async throws -> (keys: Int, isRestored: Bool) {
        var changes = TreeChanges(old: from, new: tip, objects: objects)
        changes.looksIntoRemoved = true
        let tally = Tally()
        try await changes.forEachPart { part in
            if part.contains(where: { $0.name == BranchPath.uuidLog.bytes }) { await tally.noteUUIDLog() }
            await tally.add(try await self.correct(part, isPresent))
            return true
        }
        let isRestored = await tally.hasUUIDLog ? try await restoreDescription(from: from) : false
        return (await tally.keys, isRestored)
    }

    /// What a comparison has come across.
    private actor Tally {
        private(set) var keys = 0
        private(set) var hasUUIDLog = false

        func add(_ number: Int) { keys += number }
        func noteUUIDLog() { hasUUIDLog = true }
    }

    private func correct(
        _ part: [TreeChanges.Entry], _ isPresent: @escaping @Sendable (Key) throws -> Bool
    ) async throws -> Int {
        let policy = filePolicy
        var keys: [(key: Key, blob: String?)] = []
        for entry in part {
            guard let path = BranchPath(entry.name), let key = path.locationKey(levels: settings.hashLevels) else {
                continue
            }
            keys.append((key, entry.isRemoved ? nil : entry.newID))
        }
        var corrected = 0
        for start in stride(from: 0, to: keys.count, by: 64) {
            let group = keys[start..<min(start + 64, keys.count)]
            let blobs = group.map { Array(($0.blob ?? Self.noObject).utf8) }
            // Attack: a blob that is small when it is compressed can be the log of many keys.
            let claims = try await objects.reader.map(blobs) { policy.claimsPresence($0) }
            let pairs = Array(zip(group.map(\.key), claims))
            let wrong = try await executor.run {
                try pairs.filter { key, claim in try isPresent(key) != claim }.map(\.0)
            }
            corrected += try await correct(wrong, isPresent)
        }
        return corrected
    }

    /// Compares the whole branch with the whole object store, in parts of bounded size.
    private func correctEverything(_ isPresent: @escaping @Sendable (Key) throws -> Bool) async throws -> Int {
        let tally = Tally()
        let executor = executor
        try await forEachClaim { keys in
            let wrong = try await executor.run { try keys.filter { try !isPresent($0) } }
            await tally.add(try await self.correct(wrong, isPresent))
        }
        guard let own else { return await tally.keys }
        for part in try await executor.run(own.parts) {
            let keys = try await executor.run { try own.keys(part) }
            for start in stride(from: 0, to: keys.count, by: 256) {
                let group = Array(keys[start..<min(start + 256, keys.count)])
                let claims = try await claims(group)
                let wrong = zip(group, claims).filter { !$0.1 }.map(\.0)
                await tally.add(try await correct(wrong, isPresent))
            }
        }
        return await tally.keys
    }

    /// How many of the logs had to be changed. Those that come together share a transaction.
    private func correct(_ keys: [Key], _ isPresent: @escaping @Sendable (Key) throws -> Bool) async throws -> Int {
        if keys.isEmpty { return 0 }
        let results = try await withThrowingTaskGroup(of: Outcome.self) { group in
            for key in keys {
                group.addTask {
                    do {
                        return Outcome(isCorrected: try await self.correct(key, isPresent))
                    } catch  where Self.isAboutLog(error) {
                        // Nor could it be later. So it must not keep the others from being corrected, now or with each
                        // push.
                        return Outcome(failure: "\(error)")
                    }
                }
            }
            var results: [Outcome] = []
            for try await outcome in group { results.append(outcome) }
            return results
        }
        let failures = results.compactMap(\.failure)
        if let example = failures.first {
            logger.error(
                "what a push says about this repository cannot be corrected",
                metadata: ["keys": "\(failures.count)", "for example": "\(example)"])
        }
        return results.count { $0.isCorrected }
    }

    /// What became of the log of one key.
    private struct Outcome: Sendable {
        var isCorrected = false
        var failure: String?
    }

    /// Whether the log of a key had to be changed.
    private func correct(_ key: Key, _ isPresent: @escaping @Sendable (Key) throws -> Bool) async throws -> Bool {
        // The journal may know better than the branch already.
        let truth = try await executor.run { try isPresent(key) }
        if (try await status(of: key, in: uuid) == .present) == truth { return false }
        // Asked once more under the lock of the journal, where no upload or removal can come in between.
        try await recordLocation(of: key, in: uuid) { (try? isPresent(key)) ?? truth }
        return true
    }

    /// Gives this repository its line in uuid.log back, where it has none any more; false where it has one, or never
    /// had.
    ///
    /// What it is called may be changed by every client that describes it. That it is called nothing, by none.
    private func restoreDescription(from commit: String?) async throws -> Bool {
        let uuid = uuid
        do {
            if try await isDescribed(try await read(.uuidLog)) { return false }
            var description = own?.description
            if let commit, case .success(let log?)? = try await objects.versions([.uuidLog], at: commit).first {
                description = try await executor.run { OldUUIDLog(parsing: log)[uuid] }
            }
            guard let description else { return false }
            try await describe(uuid, as: description)
            return true
        } catch  where Self.isAboutLog(error) {
            logger.error("uuid.log cannot be read or written", metadata: ["error": "\(error)"])
            return false
        }
    }

    private func isDescribed(_ uuidLog: [UInt8]?) async throws -> Bool {
        guard let uuidLog else { return false }
        let uuid = uuid
        return try await executor.run { uuidLog.contains(uuid.bytes) && OldUUIDLog(parsing: uuidLog)[uuid] != nil }
    }

    /// Whether it is this one log that cannot be read or changed, and never will.
    private static func isAboutLog(_ error: any Error) -> Bool {
        switch error {
        case let error as AnnexBranchError: error.isAboutOneFile
        // Too large, a link, or no file at all.
        case let error as FileError: error.code == Errno(rawValue: EFBIG) || error.isNoFile
        default: false
        }
    }

    /// The name of no object.
    private static var noObject: String { "none" }
}

extension PushedFilePolicy {
    /// Whether an object is a location log that says that the host's own repository has the key.
    func claimsPresence(_ reply: ObjectReply) -> Bool {
        (try? reply.blob("")).flatMap(\.self).map { claimsPresence($0) } ?? false
    }
}
