public import AnnexProtocol
import Glibc

/// How the git-annex branch of one repository is kept.
public struct BranchSettings: Sendable {
    /// What `annex.tune.*` says; a branch with other differences is never merged (spec 02 §1.6.10).
    public var tuning: Set<Difference> = []
    /// Whether changes are committed without being asked; `annex.alwayscommit` (spec 02 §9).
    public var commitsAutomatically = true
    /// Whether other `git-annex` refs are merged; `annex.merge-annex-branches`.
    public var mergesBranches = true
    /// Repositories whose facts stay in the private journal (spec 02 §2.3).
    public var privateUUIDs: Set<RepositoryUUID> = []
    /// Whether others alone change the branch and its journal, since they take locks that annexd does not
    /// (`annex.pidlock`), or keep them in a way that it does not know (`annex.version`). Nothing is recorded, committed
    /// or merged then: what is pushed waits for the stock program (spec 01 §3.7, spec 02 §2.1).
    public var isReadOnly = false
    /// Permissions of the files made here; `core.sharedRepository`.
    public var sharing: SharingMode = .umask
    /// Who commits: `NAME <EMAIL>`, without line breaks.
    public var committer = "annexd <annexd@localhost>"
    /// Message of ordinary commits; `annex.commitmessage`.
    public var commitMessage = "update"
    /// A burst of changes is committed this long after its last one.
    public var idleDelay: Duration = .seconds(1)
    /// A change is never left uncommitted for longer than this.
    public var maximumDelay: Duration = .seconds(5)
    /// This many uncommitted changes are committed at once; also the largest number of files in one commit.
    public var maximumPending = 1000
    /// After a failed commit, the next attempt is this much later.
    public var retryDelay: Duration = .seconds(5)
    /// How long to wait for `journal.lck` while another program holds it.
    public var lockPatience: Duration = .seconds(30)
    /// Largest branch file that is read, or written when it is changed, in bytes; pushed ones have lower limits.
    public var maximumFileSize = 32 << 20
    /// How much one push may change.
    public var pushLimits = PushLimits()
    /// How many refs below `refs/synced` pushes may make for branches that are merged, and how many are looked at after
    /// a push besides its own.
    public var maximumPushedRefs = 1000
    /// How many changed files are merged while others who write to the branch wait. What a push changes beyond that is
    /// merged before, and brought up to date then.
    public var filesMergedUnderLock = 2048
    /// How long a process for reading objects is kept without use.
    public var readerIdleTime: Duration = .milliseconds(700)
    /// How long commits are held back while a first push is being received.
    public var firstPushPatience: Duration = .seconds(600)
    /// The wall clock for new lines, in whole seconds.
    public var clock: @Sendable () -> BranchTimestamp = { BranchTimestamp(seconds: Int64(time(nil))) }

    public init() {}

    /// How many levels of hash directories the branch has; `annex.tune.branchhash1`.
    public var hashLevels: HashDirectories.Levels { tuning.contains(.oneLevelBranchHash) ? .one : .two }
}

/// The permissions of files and directories that `core.sharedRepository` asks for (spec 01 §3.3).
public enum SharingMode: Sendable, Hashable {
    case umask, group, world
    /// Files get exactly these bits.
    case exact(UInt32)

    func file(_ current: UInt32) -> UInt32 {
        switch self {
        case .umask: current
        case .group: current | 0o660
        case .world: current | 0o664
        case .exact(let mode): mode
        }
    }

    func directory(_ current: UInt32) -> UInt32 {
        switch self {
        case .umask: current
        case .group: current | 0o2770
        case .world: current | 0o2775
        case .exact(let mode):
            // Who may read a directory may also enter it.
            mode | (mode & 0o444) >> 2 | (mode & 0o066 == 0 ? 0 : 0o2000)
        }
    }
}
