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
        list.split(separator: ",").contains { item in
            let candidate = item.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
            let name = String(candidate)
            return name == "*" || name == text || name == "W/" + text
        }
    }
}
