public import AnnexProtocol

/// What an interrupted upload left, as `putoffset` tells it.
public enum PartialContent: Hashable, Sendable {
    /// There is nothing to send: these have the content.
    case alreadyPresent(at: [RepositoryUUID])
    /// So many bytes from the start of the content are there.
    case bytes(UInt64)
}

/// What became of an upload.
public enum StoreOutcome: Hashable, Sendable {
    /// These have the content now. A single place names itself; a cluster names its nodes and never itself.
    case stored(at: [RepositoryUUID])
    /// Not stored, as the protocol expects it to happen: wrong digest, short body, busy.
    case notStored(reason: String)
}

/// What became of a removal.
public struct RemovalOutcome: Hashable, Sendable {
    /// These do not have the content any more. A single place names itself; a cluster names its nodes and never itself.
    public var from: [RepositoryUUID]
    /// Whether it is gone everywhere in the place that was asked.
    public var isComplete: Bool
    /// Why it is not; nil if it is.
    public var reason: String?

    private init(from: [RepositoryUUID], isComplete: Bool, reason: String?) {
        self.from = from
        self.isComplete = isComplete
        self.reason = reason
    }

    public static func removed(from places: [RepositoryUUID]) -> RemovalOutcome {
        RemovalOutcome(from: places, isComplete: true, reason: nil)
    }

    public static func notRemoved(reason: String, from places: [RepositoryUUID] = []) -> RemovalOutcome {
        RemovalOutcome(from: places, isComplete: false, reason: reason)
    }
}
