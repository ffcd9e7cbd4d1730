import TOMLKit

/// A TOML text as a flat list of keys, in the order of the file. The only user of the TOML library.
struct TOMLFile {
    struct Entry: Equatable {
        /// `server.listen`
        var key: String
        var value: SettingValue
        /// Counted from 1; nil where it cannot be told.
        var line: Int?
    }

    private(set) var entries: [Entry] = []

    /// - Parameter isKey: Tells where a table is a value of the wrong type rather than a section.
    /// - Throws: `SettingsError` with code `syntax`.
    init(_ text: String, name: String, isKey: (String) -> Bool) throws(SettingsError) {
        // The library works on C strings, which would end at a NUL, and looks keys up by them.
        guard !text.utf8.contains(0), !text.contains("\\u0000"), !text.contains("\\U00000000") else {
            throw SettingsError(.syntax, "\(name): NUL characters are not allowed")
        }
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch {
            guard let error = error as? TOMLParseError else { throw SettingsError(.syntax, "\(name): \(error)") }
            throw SettingsError(.syntax, "\(name):\(error.source.begin.line): \(error.description)")
        }
        let lines = LineIndex(text)
        collect(table, prefix: "", lines: lines, isKey: isKey)
        entries.sort { ($0.line ?? .max, $0.key) < ($1.line ?? .max, $1.key) }
    }

    private mutating func collect(_ table: TOMLTable, prefix: String, lines: LineIndex, isKey: (String) -> Bool) {
        for name in table.keys {
            guard let node = table[name] else { continue }
            let key = prefix + name
            if let inner = node.table, !isKey(key), !inner.isEmpty {
                collect(inner, prefix: key + ".", lines: lines, isKey: isKey)
            } else {
                entries.append(Entry(key: key, value: value(of: node), line: lines.line(of: key)))
            }
        }
    }

    private func value(of node: any TOMLValueConvertible) -> SettingValue {
        if let text = node.string { return .string(text) }
        if let flag = node.bool { return .boolean(flag) }
        if let number = node.int { return .integer(number) }
        if let array = node.array {
            var texts: [String] = []
            for index in 0..<array.count {
                guard let text = array[index].string else { return .other("array with something other than strings") }
                texts.append(text)
            }
            return .strings(texts)
        }
        return .other(node.type.description)
    }
}

/// Finds the line of a key in a TOML text, which the library does not tell.
///
/// It reads headers and the start of assignments and nothing else, so a text inside a multi-line string can fool it. It
/// is used for messages only.
struct LineIndex {
    private var lines: [String: Int] = [:]

    init(_ text: String) {
        var section = ""
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop(while: \.isWhitespace)
            if line.hasPrefix("[") {
                section = Self.name(line.drop { $0 == "[" }.prefix { $0 != "]" })
                note(section, number + 1)
            } else if !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") {
                let name = Self.name(line[..<equals])
                note(section.isEmpty ? name : section + "." + name, number + 1)
            }
        }
    }

    /// The line of the key, or of the nearest table around it.
    func line(of key: String) -> Int? {
        var key = key[...]
        while true {
            if let line = lines[String(key)] { return line }
            guard let dot = key.lastIndex(of: ".") else { return nil }
            key = key[..<dot]
        }
    }

    private mutating func note(_ key: String, _ line: Int) {
        if lines[key] == nil { lines[key] = line }
    }

    /// The name without the spaces and quotes around its parts.
    private static func name(_ text: Substring) -> String {
        text.split(separator: ".").map { part in
            String(part.filter { !$0.isWhitespace && $0 != "\"" && $0 != "'" })
        }.joined(separator: ".")
    }
}
