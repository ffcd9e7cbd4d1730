public import AnnexProtocol
import FileIO
import GitHost
import Glibc
import Logging
import SystemPackage

/// A repository is the authority on what it holds itself. Whatever a push says about that is compared with the object
/// store, and corrected with newer lines where it is not so (docs/hostile-pushes.md).
///
/// `annexd/unverified` in the git directory tells from which commit on the branch has not been compared. It is written
/// before a push may move a ref, so that a crash in between leaves nothing uncompared.
extension AnnexBranch {
    /// Takes note that a push may now change the branch. Each call is followed by one of
    /// ``pushEnded(isPresent:)``.
    public func pushBegins() async throws {
        activePushes += 1
        do {
            let tip = try await objects.tip()
            let marker = unverified
            // Another push may have begun earlier; then the comparison starts from there.
            if try await executor.run({ try Files.exists(marker) }) { return }
            try await write(tip)
        } catch {
            activePushes -= 1
            throw error
        }
    }

    /// Compares what the branch says about this repository with what is there, for every key whose log changed since
    /// pushes began, and corrects it. Answers how many keys were corrected.
    ///
    /// - Parameter isPresent: whether the object store has a key. Blocking.
    @discardableResult
    public func pushEnded(isPresent: @escaping @Sendable (Key) throws -> Bool) async throws -> Int {
        activePushes = max(0, activePushes - 1)
        return try await verifyOwnLocations(isPresent: isPresent)
    }

    /// Whether a push that nobody finished, because of a crash, may have left something to compare.
    public var hasUnverifiedChanges: Bool {
        get async throws {
            if activePushes > 0 { return false }
            let marker = unverified
            return try await executor.run { try Files.exists(marker) }
        }
    }

    /// The same for a push that nobody finished.
    @discardableResult
    public func verifyOwnLocations(isPresent: @escaping @Sendable (Key) throws -> Bool) async throws -> Int {
        let marker = unverified
        guard let content = try await executor.run({ try Files.read(marker, limit: 4096) }) else { return 0 }
        let text = String(decoding: content.prefix { $0 != 10 }, as: UTF8.self)
        var from = text == Self.noCommit ? nil : text
        // A transition may have forgotten the history that the commit was in: then everything is compared.
        if let commit = from, try await objects.tip(of: commit) != commit { from = nil }
        let tip = try await objects.tip()
        var corrected = 0
        if let tip, tip != from {
            corrected = try await correct(from: from, to: tip, isPresent)
            if corrected > 0 { try await flush() }
        }
        try await noteVerified(tip)
        return corrected
    }

    /// Nobody else's push may have begun earlier than the part that was compared.
    private func noteVerified(_ tip: String?) async throws {
        if activePushes > 0 { return try await write(tip) }
        let marker = unverified
        try await executor.run {
            if try Files.unlink(marker) { try Files.synchronizeDirectory(marker.removingLastComponent()) }
        }
    }

    private func correct(
        from: String?, to tip: String, _ isPresent: @escaping @Sendable (Key) throws -> Bool
    ) async throws -> Int {
        // Its own facts are in the private journal alone, where no push reaches them.
        if settings.privateUUIDs.contains(uuid) { return 0 }
        let changes = TreeChanges(old: from, new: tip, objects: objects)
        let count = CorrectionCount()
        try await changes.forEachPart { part in
            await count.add(try await self.correct(part, isPresent))
            return true
        }
        let corrected = await count.value
        if corrected > 0 {
            logger.warning(
                "a push was wrong about what this repository holds; corrected", metadata: ["keys": "\(corrected)"])
        }
        return corrected
    }

    private actor CorrectionCount {
        private(set) var value = 0

        func add(_ number: Int) { value += number }
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
        var wrong: [Key] = []
        for start in stride(from: 0, to: keys.count, by: 64) {
            let group = keys[start..<min(start + 64, keys.count)]
            let blobs = group.map { Array(($0.blob ?? Self.noCommit).utf8) }
            // Attack: a blob that is small when it is compressed can be the log of many keys.
            let claims = try await objects.reader.map(blobs) { policy.claimsPresence($0) }
            let pairs = Array(zip(group.map(\.key), claims))
            wrong += try await executor.run {
                try pairs.filter { key, claim in try isPresent(key) != claim }.map(\.0)
            }
        }
        var corrected = 0
        var left: (count: Int, example: String) = (0, "")
        for key in wrong {
            do {
                if try await correct(key, isPresent) { corrected += 1 }
            } catch  where Self.isAboutLog(error) {
                // Nor could it be later. So it must not keep the others from being corrected, now or with each push.
                left = (left.count + 1, "\(error)")
            }
        }
        if left.count > 0 {
            logger.error(
                "what a push says about this repository cannot be corrected",
                metadata: ["keys": "\(left.count)", "for example": "\(left.example)"])
        }
        return corrected
    }

    /// Whether the log of a key had to be changed.
    private func correct(_ key: Key, _ isPresent: @escaping @Sendable (Key) throws -> Bool) async throws -> Bool {
        // The journal may know better than the branch already.
        let truth = try await executor.run { try isPresent(key) }
        if (try await locations(of: key)[uuid] == .present) == truth { return false }
        // Asked once more under the lock of the journal, where no upload or removal can come in between.
        try await recordLocation(of: key, in: uuid) { (try? isPresent(key)) ?? truth }
        return true
    }

    /// Whether it is this one log that cannot be read or changed, and never will.
    private static func isAboutLog(_ error: any Error) -> Bool {
        switch error {
        case let error as AnnexBranchError: error.isAboutOneFile
        case let error as FileError: error.code == Errno(rawValue: EFBIG)
        default: false
        }
    }

    private func write(_ commit: String?) async throws {
        let (marker, directory, sharing) = (unverified, journal.temporary, settings.sharing)
        let text = (commit ?? Self.noCommit) + "\n"
        try await executor.run {
            try createDirectory(directory, sharing: sharing)
            try Files.replace(
                marker, with: text.utf8, temporary: directory.appending("unverified"), mode: sharing.file(0o644))
        }
    }

    private var unverified: FilePath { gitDirectory.appending("annexd").appending("unverified") }

    /// Stands for no branch; no object has this name.
    private static var noCommit: String { "none" }
}

extension PushedFilePolicy {
    /// Whether an object is a location log that says that the host's own repository has the key.
    func claimsPresence(_ reply: ObjectReply) -> Bool {
        (try? reply.blob("")).flatMap(\.self).map { claimsPresence($0) } ?? false
    }
}
