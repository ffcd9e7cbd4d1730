import FileIO

/// A strong validator of an object: which file it is, its size and its modification time.
///
/// Keys name immutable content, but not those of backends without a digest, so the key itself would not do.
struct EntityTag {
    let text: String

    init(_ file: OpenFile) throws {
        let status = try file.status()
        let parts = [
            status.inode, status.size, UInt64(bitPattern: status.modified.seconds),
            UInt64(bitPattern: status.modified.nanoseconds),
        ]
        text = "\"" + parts.map { String($0, radix: 16) }.joined(separator: "-") + "\""
    }

    /// Whether an `If-None-Match` list names this tag; weak comparison (RFC 9110 §13.1.2).
    func matches(list: String) -> Bool {
        Self.items(list).contains { $0 == "*" || $0 == text || $0 == "W/" + text }
    }

    /// Whether an `If-Match` list lets a request through; strong comparison, so that a weak tag matches nothing (RFC
    /// 9110 §13.1.1).
    ///
    /// - Parameter tag: that of the content; nil where it has none.
    static func allows(list: String, _ tag: EntityTag?) -> Bool {
        items(list).contains { $0 == "*" || $0 == tag?.text }
    }

    /// Tags of ours hold no comma, so it does not matter where others are cut.
    private static func items(_ list: String) -> [String] {
        list.split(separator: ",").map { item in
            let isSpace = { (character: Character) in character == " " || character == "\t" }
            return String(item.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
        }
    }
}
