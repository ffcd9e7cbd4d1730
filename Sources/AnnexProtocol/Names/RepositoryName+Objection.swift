extension RepositoryName {
    /// Why a text cannot be the name of a repository, as a clause for people; nil where it can.
    public static func objection(to text: String) -> String? {
        if RepositoryName(text) != nil { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        if parts.isEmpty { return "a name is a path below the root folder, such as team/data" }
        if let part = parts.first(where: { $0.utf8.first == UInt8(ascii: ".") }) {
            return "\"\(part)\" begins with a dot; what is hidden is not served, and a name leads nowhere else"
        }
        if parts.contains("-") { return "\"-\" is the host's own, as in /-/health" }
        if text.utf8.contains(where: { $0 < 32 || $0 == 127 }) { return "it holds a control character" }
        if text.utf8.contains(UInt8(ascii: "\\")) { return "it holds a backslash; parts are separated by slashes" }
        if parts.contains(where: { $0.utf8.count > 200 }) { return "a part of it is longer than 200 bytes" }
        if text.utf8.count > maximumLength { return "it is longer than \(maximumLength) bytes" }
        return "only its end may be .git"
    }
}
