/// What a kind of place can and cannot do. Whoever stands before it decides by these, and never by the kind.
public struct LocationTraits: Hashable, Sendable {
    /// In which order content comes.
    public enum Retrieval: Hashable, Sendable {
        /// From its first byte on, so that it can be passed on while it comes.
        case ordered
        /// In any order: it is complete before its first byte can be passed on.
        case unordered
    }

    public var retrieval: Retrieval
    /// Whether content can be locked there. Otherwise ``ContentLocation/lock(_:)`` is always nil.
    public var locks: Bool
    /// Whether it keeps what an upload that breaks off has sent. Otherwise ``ContentLocation/partial(of:for:)`` tells
    /// of nothing.
    public var resumesUploads: Bool
    /// Whether it is its own business that uploads of one key do not get in each other's way. Otherwise only one at a
    /// time may be sent, see ``SerializedUploads``.
    public var takesUploadsOfOneKeyAtOnce: Bool

    public init(
        retrieval: Retrieval = .ordered, locks: Bool = true, resumesUploads: Bool = true,
        takesUploadsOfOneKeyAtOnce: Bool = true
    ) {
        self.retrieval = retrieval
        self.locks = locks
        self.resumesUploads = resumesUploads
        self.takesUploadsOfOneKeyAtOnce = takesUploadsOfOneKeyAtOnce
    }
}
