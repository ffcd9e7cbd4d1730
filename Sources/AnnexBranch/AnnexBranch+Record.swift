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
    /// overtaken: of a removal and an upload that end together, the last to write tells how it came out. Where it
    /// cannot tell, and throws, nothing is recorded.
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
            throw AnnexBranchError.unfit("no journal file for \"\(path)\": name too long", code: .nameTooLong)
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

    private struct Target: Hashable, Comparable {
        var path: BranchPath
        var isPrivate: Bool

        static func < (left: Target, right: Target) -> Bool { left.path < right.path }
    }

    /// Changes of a batch, by their number.
    private typealias Refused = [Int: any Error]

    /// Reads the files of the batch, some at a time, applies the changes in order, and writes those files that became
    /// different. Answers which changes could not be made: what is wrong with one file, or with one change, is no
    /// concern of the others.
    private func write(_ batch: [PendingChange]) async throws -> [Int: any Error] {
        try await synchronizeJournal()
        var numbers: [Target: [Int]] = [:]
        for (index, change) in batch.enumerated() {
            numbers[Target(path: change.path, isPrivate: change.isPrivate), default: []].append(index)
        }
        let now = settings.clock()
        var refused: Refused = [:]
        var changes: [Journal.Change] = []
        var bytes = 0
        var rest = numbers.keys.sorted()[...]
        while !rest.isEmpty {
            let part = rest.prefix(BranchObjects.filesAtOnce)
            rest = rest.dropFirst(part.count)
            let contents = try await contents(of: part)
            for target in part {
                let numbers = numbers[target] ?? []
                switch contents[target] {
                case .failure(let error): for index in numbers { refused[index] = error }
                case .success(let content):
                    guard let new = edited(content ?? [], numbers.map { ($0, batch[$0]) }, now, &refused) else {
                        continue
                    }
                    changes.append(Journal.Change(path: target.path, content: new, isPrivate: target.isPrivate))
                    bytes += new.count
                case nil: continue
                }
            }
            guard rest.isEmpty || bytes >= TreeMerge.partBytes else { continue }
            try await write(changes)
            (changes, bytes) = ([], 0)
        }
        return refused
    }

    /// A file after all of its changes that can be made; nil where it stays as it is.
    private func edited(
        _ content: [UInt8], _ changes: [(Int, PendingChange)], _ now: BranchTimestamp, _ refused: inout Refused
    ) -> [UInt8]? {
        var result: [UInt8]?
        for (index, change) in changes {
            do {
                guard let new = try change.edit(result ?? content, now) else { continue }
                if new.count > settings.maximumFileSize { throw AnnexBranchError.tooLarge(change.path, new.count) }
                result = new
            } catch {
                refused[index] = error
            }
        }
        return result
    }

    private func write(_ changes: [Journal.Change]) async throws {
        if changes.isEmpty { return }
        let journal = journal
        isJournalSynchronized = false
        // Counted first: where the write fails in the middle, some of them are there and have to be committed.
        noteChanges(changes.count { !$0.isPrivate })
        try await executor.run { try journal.write(changes) }
        isJournalSynchronized = true
    }

    /// Makes durable what an earlier write, by this process or one that was killed, may only have begun.
    private func synchronizeJournal() async throws {
        if isJournalSynchronized { return }
        let journal = journal
        try await executor.run { try journal.synchronize() }
        isJournalSynchronized = true
    }

    private func contents(of targets: ArraySlice<Target>) async throws -> [Target: Result<[UInt8]?, any Error>] {
        let open = targets.filter { !$0.isPrivate }
        let hidden = targets.filter(\.isPrivate)
        var result: [Target: Result<[UInt8]?, any Error>] = [:]
        for (target, version) in zip(open, try await current(open.map(\.path))) { result[target] = version }
        for (target, version) in zip(hidden, try await waiting(hidden.map(\.path), isPrivate: true)) {
            result[target] = version
        }
        return result
    }

    /// The public version of each file, from the journal, else from the branch; nil where there is none. One that
    /// cannot be read fails alone.
    func current(_ paths: [BranchPath]) async throws -> [Result<[UInt8]?, any Error>] {
        var result = try await waiting(paths, isPrivate: false)
        let rest = paths.indices.filter { if case .success(nil) = result[$0] { true } else { false } }
        for (index, version) in zip(rest, try await objects.versions(rest.map { paths[$0] })) {
            result[index] = version
        }
        return result
    }

    private func waiting(_ paths: [BranchPath], isPrivate: Bool) async throws -> [Result<[UInt8]?, any Error>] {
        if paths.isEmpty { return [] }
        let journal = journal
        return try await executor.run { paths.map { path in Result { try journal.read(path, isPrivate: isPrivate) } } }
    }
}
