public import AnnexBranch
public import Blocking
public import FileIO
public import GitHost
public import Logging
import ObjectStore

/// What all repositories of a host share.
public struct HostServices: Sendable {
    public var pool: BlockingPool
    public var locks: LockTable
    public var logger: Logger
    /// How long a burst of changes may rest before it is committed to the git-annex branch.
    public var commitDelay: Duration
    /// What one git process may take.
    public var gitMemory: GitMemory
    /// Space for what must work on a full disk; nil keeps none.
    public var reserve: SpaceReserve?
    /// Bounds what is remembered of the logs of all repositories.
    public let logCache = CacheBudget()

    public init(
        pool: BlockingPool, locks: LockTable, logger: Logger, commitDelay: Duration,
        gitMemory: GitMemory = .standard, reserve: SpaceReserve? = nil
    ) {
        self.pool = pool
        self.locks = locks
        self.logger = logger
        self.commitDelay = commitDelay
        self.gitMemory = gitMemory
        self.reserve = reserve
    }

    /// What is remembered of the logs of all repositories, in bytes.
    public var bytesOfRememberedLogs: Int { logCache.used }

    /// Runs `body`, and once more with the space of the reserve where the disk is full.
    ///
    /// For locks, removals and the location log: people must be able to make room by dropping content. `body` must do
    /// no harm when it is run twice.
    public func withReserve<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch {
            guard let reserve, Self.meansFullDisk(error), try await pool.run({ reserve.lend() }) else { throw error }
            logger.notice("the disk is full: the reserve is used", metadata: ["reserve": "\(reserve.path)"])
            let result: Swift.Result<Result, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            reserve.endLoan()
            // At once, before somebody else takes what was not needed.
            await restoreReserve()
            return try result.get()
        }
    }

    private static func meansFullDisk(_ error: any Error) -> Bool {
        switch error {
        case let error as FileError: error.isOutOfSpace
        case let error as ObjectStoreError: error.code == .noSpace
        default: false
        }
    }

    /// Makes the reserve whole again as far as there is room; blocking work on the pool.
    func restoreReserve() async {
        guard let reserve, reserve.shortage > 0 else { return }
        do {
            try await pool.run { try reserve.restore() }
        } catch {
            logger.error("no space can be reserved", metadata: ["reserve": "\(reserve.path)", "error": "\(error)"])
        }
    }
}
