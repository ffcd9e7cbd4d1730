/// What a client asks of a repository's content over the P2P protocol (spec 01 §6.2).
public enum P2POperation: Hashable, Sendable {
    /// GET or HEAD of content, from `offset` bytes on; `associatedFile` is where the client has it in its tree.
    case getContent(Key, offset: UInt64, associatedFile: [UInt8]?)
    case checkPresent(Key)
    case lockContent(Key)
    case keepLocked(LockID)
    case remove(Key)
    /// Removal that must fail once the server's clock has passed this many seconds.
    case removeBefore(Key, timestamp: UInt64)
    case getTimestamp
    case put(Put)
    case putOffset(Key)

    /// The parameters of an upload.
    public struct Put: Hashable, Sendable {
        public var key: Key
        /// Where the client has the content in its tree; any bytes, for information only.
        public var associatedFile: [UInt8]?
        /// How many bytes the client leaves out at the front.
        public var offset: UInt64
        /// Whether the client says that the content got here by another way, and sends none.
        public var isDataPresent: Bool

        public init(key: Key, associatedFile: [UInt8]? = nil, offset: UInt64 = 0, isDataPresent: Bool = false) {
            self.key = key
            self.associatedFile = associatedFile
            self.offset = offset
            self.isDataPresent = isDataPresent
        }
    }

    /// The right that a caller needs (spec 01 §6.8).
    public enum Permission: Hashable, Sendable, CaseIterable { case read, write, remove, lock }

    /// The right that a caller needs for this operation.
    public var permission: Permission {
        switch self {
        case .getContent, .checkPresent, .getTimestamp: .read
        case .put, .putOffset: .write
        case .remove, .removeBefore: .remove
        case .lockContent, .keepLocked: .lock
        }
    }

    /// The key that it is about, where there is one.
    public var key: Key? {
        switch self {
        case .getContent(let key, _, _), .checkPresent(let key), .lockContent(let key), .remove(let key),
            .removeBefore(let key, _), .putOffset(let key):
            key
        case .put(let put): put.key
        case .keepLocked, .getTimestamp: nil
        }
    }
}
