public import AnnexProtocol
import FileIO
import GitHost

/// What an inspection of a whole repository asks, in parts of bounded size. Changes nothing.
extension AnnexBranch {
    /// The commit that the branch is at, where git does not have it; nil where all is well, or there is no branch.
    public func missingTip() async throws -> String? {
        guard try await objects.tip() == nil else { return nil }
        // Tells where the ref is, whether git has that or not.
        let result = try await GitCommand(["rev-parse", "--verify", "--quiet", BranchObjects.branch], in: gitDirectory)
            .run()
        guard result.status == 0 else { return nil }
        let commit = String(decoding: result.output.prefix { $0 != 10 }, as: UTF8.self)
        // It may have been made meanwhile.
        return try await objects.tip() == nil ? commit : nil
    }

    /// Whether the log says, for each of the keys, that this repository has it; waiting changes included. A log that
    /// cannot be read says nothing.
    public func claims(_ keys: [Key]) async throws -> [Bool] {
        let policy = filePolicy
        if isPrivate {
            var result: [Bool] = []
            for key in keys {
                let log = try? await read(path(of: key, .location))
                result.append(log.map { policy.claimsPresence($0) } ?? false)
            }
            return result
        }
        var rest = keys.map { path(of: $0, .location) }[...]
        var result: [Bool] = []
        while !rest.isEmpty {
            let part = Array(rest.prefix(BranchObjects.filesAtOnce))
            rest = rest.dropFirst(part.count)
            result += try await current(part).map { version in
                (try? version.get()).flatMap(\.self).map { policy.claimsPresence($0) } ?? false
            }
        }
        return result
    }

    /// Calls `body` with every key that the branch or the journal says this repository has, in parts.
    public func forEachClaim(_ body: @escaping @Sendable ([Key]) async throws -> Void) async throws {
        let policy = filePolicy
        if let tip = try await objects.tip() {
            let changes = TreeChanges(old: nil, new: tip, objects: objects)
            let levels = settings.hashLevels
            let reader = objects.reader
            try await changes.forEachPart { part in
                let logs = part.compactMap { entry in
                    BranchPath(entry.name)?.locationKey(levels: levels).map { ($0, entry.newID) }
                }
                for start in stride(from: 0, to: logs.count, by: 256) {
                    let group = logs[start..<min(start + 256, logs.count)]
                    let claims = try await reader.map(group.map { Array($0.1.utf8) }) { policy.claimsPresence($0) }
                    let claimed = zip(group, claims).filter(\.1)
                    if !claimed.isEmpty { try await body(claimed.map(\.0.0)) }
                }
                return true
            }
        }
        for file in try await journalFiles() {
            guard let key = file.path?.locationKey(levels: settings.hashLevels) else { continue }
            if try await claims([key]) == [true] { try await body([key]) }
        }
        guard isPrivate else { return }
        let folder = journal.privateDirectory
        for name in try await executor.run({ try Files.list(folder) }) {
            guard let key = JournalName.decode(name)?.locationKey(levels: settings.hashLevels) else { continue }
            if try await claims([key]) == [true] { try await body([key]) }
        }
    }

    /// Whether what this repository says of itself is in the private journal.
    private var isPrivate: Bool { settings.privateUUIDs.contains(uuid) }

    /// A file of the journal as it was found.
    public struct JournalFile: Sendable {
        public var name: [UInt8]
        /// Nil for a name that stands for no path of a branch, and for what is no file.
        public var path: BranchPath?
        /// When it was written, in seconds since 1970.
        public var modified: Int64
        /// Whether it ends in the middle of a line: what writes journals never leaves such a file.
        public var isTorn: Bool
    }

    /// Everything in the journal, sorted by name.
    public func journalFiles() async throws -> [JournalFile] {
        let (journal, limit) = (journal, settings.maximumFileSize)
        return try await executor.run {
            try journal.names().compactMap { name in
                let file = journal.directory.appending(bytes: name)
                guard let status = try Files.status(file) else { return nil }
                let path = status.kind == .regular ? JournalName.decode(name) : nil
                var isTorn = false
                if path != nil, status.size <= limit, let content = try Files.read(file, limit: limit) {
                    isTorn = content.last.map { $0 != 10 } ?? false
                }
                return JournalFile(name: name, path: path, modified: status.modified.seconds, isTorn: isTorn)
            }
        }
    }

    /// Runs blocking work while nobody else changes the journal.
    public func whileJournalIsLocked<Result: Sendable>(
        _ work: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        let executor = executor
        return try await transaction { _ in try await executor.run(work) }
    }

    /// Ends the process that reads objects.
    public func endReading() async { await objects.reader.close() }
}
