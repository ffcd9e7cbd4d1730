/// Names a lock that `lockcontent` took. Whoever knows it may release the lock, so it never appears in a log.
public struct LockID: Hashable, Sendable {
    public let bytes: [UInt8]

    /// Nil for no bytes at all; a client may send anything else, and an unknown lock is simply not found.
    public init?(_ bytes: [UInt8]) {
        if bytes.isEmpty { return nil }
        self.bytes = bytes
    }

    private init(random: RepositoryUUID) { bytes = random.bytes }

    /// A fresh one that nobody can guess: a random UUID.
    public static func random() -> LockID { LockID(random: .random()) }
}

extension LockID: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
