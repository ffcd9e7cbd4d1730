import AnnexProtocol

/// Text that is not JSON, or JSON that nobody here writes.
struct JSONSyntaxError: Error, Hashable, CustomStringConvertible {
    var description: String { "this is not JSON, or has numbers that are not whole ones of 64 bits" }
}

extension JSONValue {
    /// Parses one JSON value (RFC 8259) with white space around it.
    ///
    /// Numbers are whole and fit 64 bits; a name that occurs twice in an object counts the last time.
    init(parsing text: some Collection<UInt8>) throws(JSONSyntaxError) {
        guard let read = JSONText(parsing: Array(text)), let value = JSONValue(read) else { throw JSONSyntaxError() }
        self = value
    }

    /// Nil where a number is not a whole one.
    private init?(_ text: JSONText) {
        switch text {
        case .null: self = .null
        case .bool(let value): self = .boolean(value)
        case .integer(let value): self = .number(value)
        case .otherNumber: return nil
        case .string(let bytes): self = .string(String(decoding: bytes, as: UTF8.self))
        case .array(let elements):
            let values = elements.compactMap { JSONValue($0) }
            guard values.count == elements.count else { return nil }
            self = .array(values)
        case .object(let members):
            var fields: [String: JSONValue] = [:]
            for (name, member) in members {
                guard let value = JSONValue(member) else { return nil }
                fields[String(decoding: name, as: UTF8.self)] = value
            }
            self = .object(fields)
        }
    }

    /// The member of an object, or nil.
    subscript(name: String) -> JSONValue? {
        if case .object(let fields) = self { fields[name] } else { nil }
    }

    var string: String? { if case .string(let value) = self { value } else { nil } }
    var number: Int64? { if case .number(let value) = self { value } else { nil } }
    var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
    var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
    var object: [String: JSONValue]? { if case .object(let fields) = self { fields } else { nil } }
}
