public import AnnexProtocol
import Logging

/// A change of one branch file and the caller that waits until it is durable.
struct PendingChange: Sendable {
    var path: BranchPath
    var isPrivate: Bool
    var edit: @Sendable (_ content: [UInt8], _ now: BranchTimestamp) throws -> [UInt8]?
    var done: CheckedContinuation<Void, any Error>
}

extension AnnexBranch {
    /// Records whether a repository has a key's content. Returns when the change survives a power cut.
    ///
    /// An unchanged status writes nothing and keeps its clock; clusters are never recorded (spec 02 §1.5). Calls that
    /// come together share one transaction.
    public func recordLocation(of key: Key, in uuid: RepositoryUUID, present: Bool) async throws {
        try await recordLocation(of: key, in: uuid) { present }
    }

    /// Records what `isPresent` answers while nobody else can change the log. Who asks the disk there is never
    /// overtaken: of a removal and an upload that end together, the last to write tells how it came out. Where it cannot
    /// tell, and throws, nothing is recorded.
    public func recordLocation(
        of key: Key, in uuid: RepositoryUUID, isPresent: @escaping @Sendable () throws -> Bool
    ) async throws {
        if uuid.isCluster { return }
        try await change(path(of: key, .location), regarding: uuid) { content, now in
            var log = PresenceLog(parsing: content)
            return log.set(uuid.bytes, to: try isPresent() ? .present : .missing, now: now) ? log.serialized : nil
        }
    }

    /// Whether the location log of a key fits into the journal; one that does not cannot be changed.
    public nonisolated func canRecordLocation(of key: Key) -> Bool { JournalName.fits(path(of: key, .location)) }

    /// Gives a repository a description in uuid.log; nothing is written when it has this one.
    public func describe(_ uuid: RepositoryUUID, as description: [UInt8]) async throws {
        let value = OldUUIDLog.description(description)
        try await change(.uuidLog, regarding: uuid) { content, now in
            var log = OldUUIDLog(parsing: content)
            if log[uuid] == value { return nil }
            log.set(uuid, to: value, now: now)
            return log.serialized
        }
    }

    /// Changes one branch file. Returns when the change survives a power cut.
    ///
    /// - Parameter uuid: whom the change is about; decides whether it goes to the private journal (spec 02 §2.3).
    /// - Parameter edit: answers the new content, or nil to leave the file alone. Called with the current content and
    ///   the wall clock, with `journal.lck` held. What it throws, this throws.
    public func change(
        _ path: BranchPath, regarding uuid: RepositoryUUID?,
        _ edit: @escaping @Sendable (_ content: [UInt8], _ now: BranchTimestamp) throws -> [UInt8]?
    ) async throws {
        if isClosed { throw AnnexBranchError(code: .closed, message: "the git-annex branch was closed") }
        guard JournalName.fits(path) else {
            throw AnnexBranchError(code: .nameTooLong, message: "no journal file for \"\(path)\": name too long")
        }
        let isPrivate = uuid.map(settings.privateUUIDs.contains) ?? false
        try await withCheckedThrowingContinuation { done in
            queue.append(PendingChange(path: path, isPrivate: isPrivate, edit: edit, done: done))
            // Not a child of the caller: others wait for the same transaction. It ends with the queue.
            if writer == nil { writer = Task { await self.writeQueue() } }
        }
    }

    private func writeQueue() async {
        while !queue.isEmpty {
            let batch: [PendingChange]
            var failure: (any Error)?
            var refused: [Int: any Error] = [:]
            do {
                (batch, failure, refused) = try await transaction { branch in
                    // Whoever came while the lock was awaited takes part.
                    let batch = branch.takeBatch()
                    do {
                        return (batch, nil, try await branch.write(batch))
                    } catch {
                        return (batch, error, [:])
                    }
                }
            } catch {
                (batch, failure) = (takeBatch(), error)
            }
            guard let failure else {
                for (index, change) in batch.enumerated() {
                    if let error = refused[index] { change.done.resume(throwing: error) } else { change.done.resume() }
                }
                continue
            }
            logger.error("journal not written", metadata: ["error": "\(failure)", "changes": "\(batch.count)"])
            for change in batch { change.done.resume(throwing: failure) }
        }
        writer = nil
    }

    private func takeBatch() -> [PendingChange] {
        let batch = Array(queue.prefix(settings.maximumPending))
        queue.removeFirst(batch.count)
        return batch
    }

    private struct Target: Hashable {
        var path: BranchPath
        var isPrivate: Bool
    }

    /// Reads every file of the batch, applies the changes in order, and writes those files that became different.
    /// Answers which changes could not be made, by their number.
    private func write(_ batch: [PendingChange]) async throws -> [Int: any Error] {
        let targets = Set(batch.map { Target(path: $0.path, isPrivate: $0.isPrivate) })
        let open = targets.filter { !$0.isPrivate }.map(\.path)
        let hidden = targets.filter(\.isPrivate).map(\.path)
        var contents: [Target: [UInt8]] = [:]
        for (path, content) in try await current(open) { contents[Target(path: path, isPrivate: false)] = content }
        for (path, content) in try await waiting(hidden, isPrivate: true) {
            contents[Target(path: path, isPrivate: true)] = content
        }

        try await synchronizeJournal()
        let now = settings.clock()
        var changed: Set<Target> = []
        var refused: [Int: any Error] = [:]
        for (index, change) in batch.enumerated() {
            let target = Target(path: change.path, isPrivate: change.isPrivate)
            do {
                guard let content = try change.edit(contents[target] ?? [], now) else { continue }
                contents[target] = content
                changed.insert(target)
            } catch {
                refused[index] = error
            }
        }
        if changed.isEmpty { return refused }
        let changes = changed.sorted { $0.path < $1.path }.map {
            Journal.Change(path: $0.path, content: contents[$0] ?? [], isPrivate: $0.isPrivate)
        }
        let journal = journal
        isJournalSynchronized = false
        // Counted first: where the write fails in the middle, some of them are there and have to be committed.
        noteChanges(changes.count { !$0.isPrivate })
        try await executor.run { try journal.write(changes) }
        isJournalSynchronized = true
        return refused
    }

    /// Makes durable what an earlier write, by this process or one that was killed, may only have begun.
    private func synchronizeJournal() async throws {
        if isJournalSynchronized { return }
        let journal = journal
        try await executor.run { try journal.synchronize() }
        isJournalSynchronized = true
    }

    /// The public content of files: from the journal, else from the branch.
    func current(_ paths: [BranchPath]) async throws -> [BranchPath: [UInt8]] {
        var result = try await waiting(paths, isPrivate: false)
        let rest = paths.filter { result[$0] == nil }
        for (path, content) in zip(rest, try await objects.files(rest)) { result[path] = content }
        return result
    }

    private func waiting(_ paths: [BranchPath], isPrivate: Bool) async throws -> [BranchPath: [UInt8]] {
        if paths.isEmpty { return [:] }
        let journal = journal
        return try await executor.run {
            var result: [BranchPath: [UInt8]] = [:]
            for path in paths { result[path] = try journal.read(path, isPrivate: isPrivate) }
            return result
        }
    }
}
