/// Results on standard output, as lines for people or as JSON.
struct Output {
    var json: Bool

    /// One result: a JSON object on one line, or text.
    func result(_ value: JSONValue, text: String) { print(json ? value.text : text) }

    /// A list: one JSON array, or a line for each.
    func list(_ rows: [(value: JSONValue, text: String)]) {
        if json {
            print(JSONValue.array(rows.map(\.value)).text)
        } else {
            for row in rows { print(row.text) }
        }
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
        case .string(let value): Self.quoted(value)
        case .number(let value): "\(value)"
        case .boolean(let value): value ? "true" : "false"
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let fields):
            "{"
                + fields.sorted { $0.key < $1.key }.map { Self.quoted($0.key) + ":" + $0.value.text }.joined(
                    separator: ",")
                + "}"
        case .null: "null"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value < 32:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
