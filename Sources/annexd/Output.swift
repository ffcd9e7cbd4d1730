import Telemetry

/// Results on standard output, as lines for people or as one JSON document.
///
/// Names and keys in them come from strangers, and people look at them on terminals.
struct Output {
    var json: Bool

    /// A result as JSON, and as lines of text.
    typealias Row = (value: JSONValue, lines: [String])

    /// One result: a JSON object on one line, or a line of text.
    func result(_ value: JSONValue, text: String) { result(value, lines: [text]) }

    /// The same with several lines of text.
    func result(_ value: JSONValue, lines: [String]) {
        write(json ? [value.text] : lines.map { Quoting.terminal($0) })
    }

    /// Works on each of `items` and tells what became of it: as lines at once, or as JSON at the end, which is an
    /// object for one item and an array for several. Where the work on one fails, what was done before is told all the
    /// same.
    func each<Item>(_ items: [Item], _ work: (Item) async throws -> Row) async throws {
        var rows: [JSONValue] = []
        func end() {
            guard json else { return }
            if items.count == 1 { write(rows.map(\.text)) } else { write([JSONValue.array(rows).text]) }
        }
        do {
            for item in items {
                let row = try await work(item)
                rows.append(row.value)
                if !json { result(row.value, lines: row.lines) }
            }
        } catch {
            end()
            throw error
        }
        end()
    }

    /// One of a list, as JSON and as its line of text.
    typealias Entry = (value: JSONValue, text: String)

    /// A list: one JSON array, or a line for each.
    func list(_ rows: [Entry]) {
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

    /// A time in seconds since 1970, as RFC 3339 writes it in UTC: `2026-11-23T12:31:02Z`.
    static func time(_ seconds: Int64) -> JSONValue { .string(Self.timeText(seconds)) }

    static func timeText(_ seconds: Int64) -> String {
        let text = "\(Timestamp(seconds: Int(clamping: seconds)))"
        return String(text.prefix { $0 != "." }) + "Z"
    }

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
