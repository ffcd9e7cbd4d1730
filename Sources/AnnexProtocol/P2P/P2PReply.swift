/// What the protocol answers, apart from content (spec 01 §6.2). Every reply goes with status 200 and
/// `application/json`.
public enum P2PReply: Hashable, Sendable {
    case present(Bool)
    /// The name of the lock, or nil where the content is not locked.
    case locked(LockID?)
    /// The end of `keeplocked`: always `{"locked":false}`.
    case lockReleased
    case removed(Bool, plusUUIDs: [RepositoryUUID] = [])
    /// Seconds of the server's own clock.
    case timestamp(UInt64)
    case stored(Bool, plusUUIDs: [RepositoryUUID] = [])
    /// How many bytes of the content are here already.
    case offset(UInt64)
    case alreadyHave(plusUUIDs: [RepositoryUUID] = [])

    /// The value of the `Content-Type` header.
    public static let contentType = "application/json;charset=utf-8"

    /// The name of a header by which annexd says of an `offset` that only bytes of the same client count, also where no
    /// digest could tell. The protocol has no word for that; stock clients do not look at it.
    public static let ownPartialHeader = "X-Annexd-Own-Partial"

    /// The body, with exactly the fields of that version, in alphabetical order.
    ///
    /// Clients of version 2 and above fail without `plusuuids`; those before must not see it.
    public func json(for version: P2PVersion) -> [UInt8] {
        var object = JSONObject()
        switch self {
        case .present(let isPresent): object.add("present", isPresent)
        case .locked(let id):
            object.add("locked", id != nil)
            if let id { object.add("lockid", id.bytes) }
        case .lockReleased: object.add("locked", false)
        case .removed(let isRemoved, let uuids):
            if version.hasPlusUUIDs { object.add("plusuuids", uuids) }
            object.add("removed", isRemoved)
        case .timestamp(let seconds): object.add("timestamp", seconds)
        case .stored(let isStored, let uuids):
            if version.hasPlusUUIDs { object.add("plusuuids", uuids) }
            object.add("stored", isStored)
        case .offset(let offset): object.add("offset", offset)
        case .alreadyHave(let uuids):
            object.add("alreadyhave", true)
            if version.hasPlusUUIDs { object.add("plusuuids", uuids) }
        }
        return object.finished
    }
}

/// A JSON object under construction. Bytes that are not UTF-8 are written in brackets, as in URLs.
private struct JSONObject {
    private var text: [UInt8] = [UInt8(ascii: "{")]

    var finished: [UInt8] { text + [UInt8(ascii: "}")] }

    mutating func add(_ name: StaticString, _ value: Bool) {
        begin(name)
        text.append(contentsOf: value ? "true".utf8 : "false".utf8)
    }

    mutating func add(_ name: StaticString, _ value: UInt64) {
        begin(name)
        text.append(contentsOf: String(value).utf8)
    }

    mutating func add(_ name: StaticString, _ value: [UInt8]) {
        begin(name)
        append(BracketedText.encode(value))
    }

    mutating func add(_ name: StaticString, _ uuids: [RepositoryUUID]) {
        begin(name)
        text.append(UInt8(ascii: "["))
        for (index, uuid) in uuids.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            append(BracketedText.encode(uuid.bytes))
        }
        text.append(UInt8(ascii: "]"))
    }

    private mutating func begin(_ name: StaticString) {
        if text.count > 1 { text.append(UInt8(ascii: ",")) }
        text.append(contentsOf: "\"\(name)\":".utf8)
    }

    /// A string of valid UTF-8, with what JSON forbids escaped.
    private mutating func append(_ string: [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        text.append(UInt8(ascii: "\""))
        for byte in string {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0..<0x20, 0x7f:
                text.append(contentsOf: "\\u00".utf8)
                text.append(contentsOf: [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }
}
