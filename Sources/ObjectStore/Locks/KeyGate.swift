internal import AnnexProtocol
internal import FileIO
internal import Synchronization
internal import SystemPackage

/// Serialises the short steps that threads of this process make inside one KEYDIR.
///
/// Between processes, thawing and freezing a KEYDIR can cross; inside this one it never does. The gates are shared by
/// all stores of the process: a few hundred of them serve any number of repositories and keys.
final class KeyGate: Sendable {
    private let ledgers = Mutex<[ConfinedPath: LockLedger]>([:])

    private static let gates = (0..<256).map { _ in KeyGate() }

    static func of(_ place: ObjectPlace) -> KeyGate { gates[place.object.hashValue & (gates.count - 1)] }

    /// Runs `body` while no other thread works in this KEYDIR. Not reentrant.
    func enter<Result>(_ place: ObjectPlace, _ body: (inout LockLedger) throws -> Result) throws -> Result {
        try ledgers.withLock { ledgers in
            var ledger = ledgers[place.object] ?? LockLedger()
            defer { ledgers[place.object] = ledger.activeLocks == 0 ? nil : ledger }
            return try body(&ledger)
        }
    }
}

/// What this process knows about the content locks it holds on one object.
struct LockLedger {
    /// Content locks of this process that are not released.
    var activeLocks = 0
    /// The files that the next lock may share.
    private var files: SharedLockFiles?
    /// Retention values that this process wrote and whose locks were released cleanly.
    private var released: Set<[UInt8]> = []
    /// Retention values that a lock was dropped for and that must protect the content until they pass.
    private var kept: Set<[UInt8]> = []
    /// Retention values that this process wrote.
    private var written: Set<[UInt8]> = []
    /// Retention values that this process wrote over, with their times.
    private var superseded: [[UInt8]: RetentionTime] = [:]

    /// Notes the end of a lock that relied on `retention`.
    mutating func end(_ retention: [UInt8]?, wroteIt: Bool, keep: Bool) {
        activeLocks -= 1
        guard let retention else { return }
        if keep { kept.insert(retention) } else if wroteIt { released.insert(retention) }
    }

    /// Makes sure that the file protects until `time`, and remembers what it said before.
    mutating func extend(_ file: RetentionFile, to time: RetentionTime) throws -> (bytes: [UInt8], wroteIt: Bool) {
        var isWritten = false
        do {
            return try file.extend(to: time) { old in
                isWritten = true
                written.insert(time.bytes)
                if let old, old.until > .now { superseded[old.bytes] = old.until }
            }
        } catch {
            // It may be in the file all the same, and no lock relies on it: the next cleaning takes it away.
            if isWritten { released.insert(time.bytes) }
            throw error
        }
    }

    /// Whether a retention file with this content is of no use to anybody any more.
    ///
    /// Stock removes only the exact value that the last lock wrote. Here the values of earlier locks count as well,
    /// or else two overlapping clean locks would forbid removal for ten minutes.
    func isObsolete(_ retention: [UInt8]) -> Bool { released.contains(retention) && !kept.contains(retention) }

    /// The latest value that was written over, has not passed, and was promised to somebody who is not known to be
    /// done: by another process, an earlier start of this one, or to a client that vanished.
    var unkeptPromise: RetentionTime? {
        let now = RetentionTime.now
        return superseded.filter { $0.value > now && (!written.contains($0.key) || kept.contains($0.key)) }.values.max()
    }

    /// The files that are locked already, where there are some, else those that `take` locks.
    ///
    /// One descriptor is enough for any number of locks of one object.
    mutating func share(_ path: ConfinedPath, _ take: () throws -> SharedLockFiles?) throws -> SharedLockFiles? {
        if let files, files.lock.path == path.path, try files.lock.isStillLinked(), files.retain() { return files }
        files = try take()
        return files
    }

    /// What two ledgers know together of one object, which had another path before.
    func joined(with other: LockLedger) -> LockLedger {
        var result = self
        result.released.formUnion(other.released)
        result.kept.formUnion(other.kept)
        result.written.formUnion(other.written)
        result.superseded.merge(other.superseded) { max($0, $1) }
        return result
    }
}

/// Locked files that several content locks of one object hold together. The last one frees the locks.
final class SharedLockFiles: Sendable {
    /// `.lck`, or OBJ in version 8 and 9.
    let lock: OpenFile
    /// `annex/sentinal`, in version 8 and 9.
    let sentinel: OpenFile?
    private let users = Mutex(1)

    init(_ lock: OpenFile, sentinel: OpenFile? = nil) {
        self.lock = lock
        self.sentinel = sentinel
    }

    /// One more user; false where the last one has gone.
    func retain() -> Bool {
        users.withLock { users in
            if users > 0 { users += 1 }
            return users > 0
        }
    }

    /// One user less.
    func release() throws {
        try users.withLock { users in
            users -= 1
            // Closing alone would not do: a child process may have inherited the descriptor a moment ago.
            if users == 0 { try lock.unlock() }
        }
    }
}
