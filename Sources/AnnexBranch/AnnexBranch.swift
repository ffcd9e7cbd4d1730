public import AnnexProtocol
import FileIO
public import Logging
public import SystemPackage

/// The git-annex branch of one repository: what is known about every key and every repository.
///
/// Changes are durable in the journal when a call returns, and are committed in batches soon after. The stock program
/// may work in the same repository at the same time: every change is made under `annex/journal.lck`, and the branch is
/// looked up anew in every transaction (spec 02 §2).
public actor AnnexBranch {
    /// The repository this branch belongs to.
    public nonisolated let uuid: RepositoryUUID
    public nonisolated let settings: BranchSettings

    let gitDirectory: FilePath
    /// The same, for what is opened below it.
    let folder: ConfinedPath
    let journal: Journal
    let objects: BranchObjects
    let executor: any BlockingExecutor
    let logger: Logger
    /// Nil where nobody asks what the host itself knows.
    let own: OwnRepository?
    private let requireSame: @Sendable () throws -> Void

    var schedule: CommitSchedule
    /// Changes that wait for the next journal transaction.
    var queue: [PendingChange] = []
    /// Ends when the queue is empty; ``close()`` waits for it.
    var writer: Task<Void, Never>?
    /// Sleeps until the next commit is due; ends when nothing waits.
    var timer: Task<Void, Never>?
    /// When the timer looks again; nil while it commits.
    var timerWakes: ContinuousClock.Instant?
    var isClosed = false
    /// Pushes that are being received and may change the branch.
    var activePushes = 0
    /// Whether the names in the journal are known to be on stable storage. They are not after a crash or a failed
    /// write, and then a change that is there already must not be told to be durable.
    var isJournalSynchronized = false

    /// Large merges that are being made ready, for whoever needs them.
    var preparations: [LargeMerge: Task<MergeDrafts, Never>] = [:]

    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - gitDirectory: the bare repository, or the `.git` of one with a work tree.
    ///   - own: what the host knows about the repository without the branch.
    ///   - requireSame: throws when the folder is no longer the repository that this was made for. Asked with the
    ///     journal locked, before each change, so that one that was deleted and made anew gets nothing that was meant
    ///     for the old.
    public init(
        gitDirectory: FilePath, uuid: RepositoryUUID, settings: BranchSettings, executor: any BlockingExecutor,
        logger: Logger, own: OwnRepository? = nil, requireSame: @escaping @Sendable () throws -> Void = {}
    ) {
        self.gitDirectory = gitDirectory
        self.own = own
        folder = ConfinedPath(gitDirectory)
        self.uuid = uuid
        self.settings = settings
        self.executor = executor
        self.logger = logger
        self.requireSame = requireSame
        journal = Journal(
            gitDirectory: gitDirectory, sharing: settings.sharing, maximumFileSize: settings.maximumFileSize)
        objects = BranchObjects(
            gitDirectory: gitDirectory,
            reader: ObjectReader(
                gitDirectory: gitDirectory, sizeLimit: max(settings.maximumFileSize, BranchObjects.largestTree),
                idleTime: settings.readerIdleTime))
        schedule = CommitSchedule(settings)
    }

    /// Takes note of journal files that a crash or the stock program left, so that they are committed soon.
    public func recover() async throws {
        let journal = journal
        let left = try await executor.run { try journal.names().count }
        noteChanges(left)
    }

    /// Commits what waits and ends every process. Later changes are refused.
    public func close() async throws {
        isClosed = true
        timer?.cancel()
        timer = nil
        schedule.endHold()
        await writer?.value
        // What cannot be committed stays in the journal; the process ends in any case.
        let result: Result<Void, any Error>
        do {
            if settings.commitsAutomatically { try await flush() }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await objects.reader.close()
        try result.get()
    }

    /// Runs `body` while nobody else changes the journal or the branch, in this process or another.
    func transaction<Result: Sendable>(
        _ body: @Sendable (isolated AnnexBranch) async throws -> Result
    ) async throws -> Result {
        await enter()
        defer { leave() }
        return try await lockingJournal(body)
    }

    /// The same, but nothing at all where no commit is due any more when the turn comes.
    func transactionIfDue(_ body: @Sendable (isolated AnnexBranch) async throws -> Void) async throws {
        await enter()
        defer { leave() }
        if schedule.deadline != nil { try await lockingJournal(body) }
    }

    private func lockingJournal<Result: Sendable>(
        _ body: @Sendable (isolated AnnexBranch) async throws -> Result
    ) async throws -> Result {
        if settings.isReadOnly {
            let reason = "annexd only reads this repository (annex.pidlock, or an annex.version that it does not know)"
            throw AnnexBranchError(code: .readOnly, message: reason)
        }
        let path = folder.appending("annex/journal.lck")
        let lock = try await JournalLock.acquire(
            path, sharing: settings.sharing, patience: settings.lockPatience, on: executor)
        defer { lock.release() }
        let requireSame = requireSame
        try await executor.run { try requireSame() }
        return try await body(self)
    }

    /// Runs `body` while nobody changes the journal or the branch, for what must not happen within such a change.
    public func excludingChanges(_ body: @escaping @Sendable () throws -> Void) async throws {
        let executor = executor
        try await transaction { _ in try await executor.run { try body() } }
    }

    private func enter() async {
        if isBusy {
            await withCheckedContinuation { waiting.append($0) }
        } else {
            isBusy = true
        }
    }

    /// Hands the turn to the first that waits.
    private func leave() {
        if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() }
    }
}

/// Runs work that must not stop half-way because the client that asked for it left. The caller waits for its end.
func uninterrupted<Result: Sendable>(
    _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await Task { try await work() }.value
}
