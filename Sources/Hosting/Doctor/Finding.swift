public import AnnexProtocol

/// One thing that an inspection found.
public struct Finding: Sendable, Hashable {
    /// The repository; nil for the host's own state.
    public var repository: RepositoryName?
    public var kind: Kind
    /// What it is about: a key, or a path below the repository or the root.
    public var subject: String
    /// What is the matter, in words for an operator.
    public var detail: String
    public var outcome: Outcome

    /// What is found; the raw values are what JSON has.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case noUUID = "no-uuid"
        case badUUID = "bad-uuid"
        case sharedUUID = "shared-uuid"
        case badVersion = "bad-version"
        case unreadableConfig = "unreadable-config"
        case notWritable = "not-writable"
        /// A link, FIFO, device or socket where none may be.
        case strangeFile = "strange-file"
        case foreignOwner = "foreign-owner"
        case staleLock = "stale-lock"
        case staleGitLock = "stale-git-lock"
        case staleTransfer = "stale-transfer"
        case debris
        case partialUpload = "partial-upload"
        case branchBroken = "branch-broken"
        case journalStrange = "journal-strange-file"
        case journalTorn = "journal-torn-file"
        case journalOld = "journal-uncommitted"
        case interruptedPush = "interrupted-push"
        case objectNotLogged = "object-not-logged"
        case objectMissing = "object-missing"
        case objectWrongSize = "object-wrong-size"
        case objectBad = "object-bad"
        case objectUnreadable = "object-unreadable"
        case objectMisplaced = "object-misplaced"
        case objectsStrange = "objects-strange-file"
        case aliasBroken = "alias-broken"
        case trashBroken = "trash-broken"
        case hookBroken = "hook-broken"
        case unchecked

        /// Whether it is worth knowing, but nothing is wrong.
        public var isNote: Bool {
            switch self {
            case .noUUID, .partialUpload, .objectMisplaced, .objectsStrange: true
            default: false
            }
        }
    }

    /// What became of it.
    public enum Outcome: Sendable, Hashable {
        /// `--repair` would repair it.
        case repairable
        /// Somebody has to decide; ``Finding/detail`` says what can be done.
        case manual
        case repaired
        /// The repair was tried, and did not succeed, for this reason.
        case failed(String)
    }
}

/// What an inspection found, in numbers.
public struct DoctorSummary: Sendable, Hashable {
    public var repositories = 0
    /// Things that were wrong, repaired or not.
    public var problems = 0
    public var repaired = 0
    public var notes = 0
    /// Things that could not be looked at.
    public var unchecked = 0
    /// Objects whose content was read and compared with their keys.
    public var verifiedObjects = 0
    public var verifiedBytes: UInt64 = 0
    /// Objects that were read whose keys tell no digest to compare them with.
    public var unverifiableObjects = 0

    public init() {}

    mutating func count(_ finding: Finding) {
        if finding.kind == .unchecked {
            unchecked += 1
        } else if finding.kind.isNote {
            notes += 1
        } else {
            problems += 1
            if finding.outcome == .repaired { repaired += 1 }
        }
    }

    /// The exit status: 0 healthy, 1 problems found, 2 something could not be checked.
    public var status: Int32 { unchecked > 0 ? 2 : problems > 0 ? 1 : 0 }
}
