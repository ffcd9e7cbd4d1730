internal import AnnexProtocol
internal import FileIO
internal import Synchronization
internal import SystemPackage

/// Serialises the short steps that threads of this process make inside one KEYDIR.
///
/// Between processes, thawing and freezing a KEYDIR can cross; inside this one it never does. The gates are shared by
/// all stores of the process: a few hundred of them serve any number of repositories and keys.
final class KeyGate: Sendable {
    private let ledgers = Mutex<[FilePath: LockLedger]>([:])

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
    /// Retention values that this process wrote and whose locks were released cleanly.
    private var released: Set<[UInt8]> = []
    /// Retention values that a lock was dropped for and that must protect the content until they pass.
    private var kept: Set<[UInt8]> = []

    /// Notes the end of a lock that relied on `retention`.
    mutating func end(_ retention: [UInt8]?, wroteIt: Bool, keep: Bool) {
        activeLocks -= 1
        guard let retention else { return }
        if keep { kept.insert(retention) } else if wroteIt { released.insert(retention) }
    }

    /// Whether a retention file with this content is of no use to anybody any more.
    ///
    /// Stock removes only the exact value that the last lock wrote. Here the values of earlier locks count as well,
    /// or else two overlapping clean locks would forbid removal for ten minutes.
    func isObsolete(_ retention: [UInt8]) -> Bool { released.contains(retention) && !kept.contains(retention) }
}
