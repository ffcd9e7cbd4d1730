import Telemetry

/// Results on standard output, as lines for people or as JSON.
///
/// Names and keys in them come from strangers, and people look at them on terminals.
struct Output {
    var json: Bool

    /// One result: a JSON object on one line, or a line of text.
    func result(_ value: JSONValue, text: String) { result(value, lines: [text]) }

    /// The same with several lines of text.
    func result(_ value: JSONValue, lines: [String]) {
        write(json ? [value.text] : lines.map { Quoting.terminal($0) })
    }

    /// A list: one JSON array, or a line for each.
    func list(_ rows: [(value: JSONValue, text: String)]) {
        write(json ? [JSONValue.array(rows.map(\.value)).text] : rows.map { Quoting.terminal($0.text) })
    }

    private func write(_ lines: [String]) {
        if !lines.isEmpty { StandardOutput.print(lines.joined(separator: "\n")) }
    }
}

/// A JSON value and its one rendering: keys sorted, no white space.
enum JSONValue: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral {
    case string(String)
    case number(Int64)
    case boolean(Bool)
    case array([JSONValue])
    case object([String: JSONValue])
    case null

    init(stringLiteral value: String) { self = .string(value) }

    init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }

    init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    var text: String {
        switch self {
        case .string(let value): Quoting.json(value)
        case .number(let value): "\(value)"
        case .boolean(let value): value ? "true" : "false"
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let fields):
            "{"
                + fields.sorted { $0.key < $1.key }.map { Quoting.json($0.key) + ":" + $0.value.text }.joined(
                    separator: ",")
                + "}"
        case .null: "null"
        }
    }
}
