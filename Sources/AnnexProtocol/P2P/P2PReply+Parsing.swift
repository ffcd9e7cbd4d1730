extension P2PReply {
    /// Which reply a request calls for.
    public enum Shape: Hashable, Sendable {
        case present, locked, lockReleased, removed, timestamp, stored
        /// `offset`, or `alreadyhave`.
        case offset
    }

    /// The longest reply that is read, in bytes; room for a thousand `plusuuids`.
    public static let maximumLength = 64 << 10

    /// Reads the reply of a server: truth values must be truth values, `plusuuids` may be missing, and further members
    /// are ignored (spec 01 §6.2). Nil for everything else.
    public init?(parsing json: [UInt8], as shape: Shape) {
        guard let value = JSONText(parsing: json), case .object = value else { return nil }
        switch shape {
        case .present:
            guard case .bool(let isPresent)? = value["present"] else { return nil }
            self = .present(isPresent)
        case .locked:
            guard case .bool(let isLocked)? = value["locked"] else { return nil }
            guard isLocked else {
                self = .locked(nil)
                return
            }
            guard let bytes = value["lockid"]?.plainString, let id = LockID(bytes) else { return nil }
            self = .locked(id)
        case .lockReleased:
            guard value["locked"] == .bool(false) else { return nil }
            self = .lockReleased
        case .removed:
            guard case .bool(let isRemoved)? = value["removed"], let others = value.plusUUIDs else { return nil }
            self = .removed(isRemoved, plusUUIDs: others)
        case .timestamp:
            guard case .integer(let seconds)? = value["timestamp"], seconds >= 0 else { return nil }
            self = .timestamp(UInt64(seconds))
        case .stored:
            guard case .bool(let isStored)? = value["stored"], let others = value.plusUUIDs else { return nil }
            self = .stored(isStored, plusUUIDs: others)
        case .offset:
            if value["alreadyhave"] == .bool(true) {
                guard let others = value.plusUUIDs else { return nil }
                self = .alreadyHave(plusUUIDs: others)
                return
            }
            guard case .integer(let offset)? = value["offset"], offset >= 0 else { return nil }
            self = .offset(UInt64(offset))
        }
    }
}

extension JSONText {
    /// A string with its brackets resolved (spec 01 §6.1).
    fileprivate var plainString: [UInt8]? {
        if case .string(let text) = self { try? BracketedText.decode(text) } else { nil }
    }

    /// The member `plusuuids`: empty where it is missing, nil where it is not a list of UUIDs.
    fileprivate var plusUUIDs: [RepositoryUUID]? {
        guard let member = self["plusuuids"] else { return [] }
        guard case .array(let elements) = member else { return nil }
        let uuids = elements.compactMap { $0.plainString.flatMap { RepositoryUUID($0) } }
        return uuids.count == elements.count ? uuids : nil
    }
}
