/// Text that is not JSON, or JSON that nobody here writes.
struct JSONSyntaxError: Error, Hashable, CustomStringConvertible {
    /// The byte at which it was noticed.
    var offset: Int
    var message: String

    var description: String { "not JSON at byte \(offset): \(message)" }
}

extension JSONValue {
    /// Parses one JSON value (RFC 8259) with white space around it.
    ///
    /// Numbers are whole and fit 64 bits; a name that occurs twice in an object counts the last time.
    init(parsing text: some Collection<UInt8>) throws(JSONSyntaxError) {
        var parser = JSONParser(bytes: Array(text))
        self = try parser.document()
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

private struct JSONParser {
    let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    /// Values within values; a bound on the stack.
    private static let maximumDepth = 64

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONSyntaxError) -> JSONValue {
        let value = try value()
        skipSpace()
        guard position == bytes.count else { throw failure("more than one value") }
        return value
    }

    private func failure(_ message: String) -> JSONSyntaxError { JSONSyntaxError(offset: position, message: message) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 32 || byte == 9 || byte == 10 || byte == 13 { position += 1 }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value() throws(JSONSyntaxError) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .boolean(true))
        case UInt8(ascii: "f"): return try literal("false", .boolean(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .number(try number())
        default: throw failure("expected a value")
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
        let isThere = text.withUTF8Buffer { bytes[position...].starts(with: $0) }
        guard isThere else { throw failure("expected \(text)") }
        position += text.utf8CodeUnitCount
        return value
    }

    private mutating func number() throws(JSONSyntaxError) -> Int64 {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        let digits = position
        while let byte = next, (48...57).contains(byte) { position += 1 }
        let hasLeadingZero = position - digits > 1 && bytes[digits] == 48
        if let byte = next, byte == UInt8(ascii: ".") || byte | 32 == UInt8(ascii: "e") {
            throw failure("only whole numbers are known here")
        }
        guard !hasLeadingZero, let value = Int64(String(decoding: bytes[start..<position], as: UTF8.self)) else {
            throw failure("expected a number of 64 bits")
        }
        return value
    }

    private mutating func nested<Result>(
        _ body: (inout JSONParser) throws(JSONSyntaxError) -> Result
    ) throws(JSONSyntaxError) -> Result {
        depth += 1
        guard depth <= Self.maximumDepth else { throw failure("too deep") }
        position += 1
        let result = try body(&self)
        depth -= 1
        return result
    }

    private mutating func array() throws(JSONSyntaxError) -> [JSONValue] {
        try nested { (parser: inout JSONParser) throws(JSONSyntaxError) -> [JSONValue] in
            var values: [JSONValue] = []
            if parser.skip(UInt8(ascii: "]")) { return values }
            while true {
                values.append(try parser.value())
                if parser.skip(UInt8(ascii: "]")) { return values }
                guard parser.skip(UInt8(ascii: ",")) else { throw parser.failure("expected , or ]") }
            }
        }
    }

    private mutating func object() throws(JSONSyntaxError) -> [String: JSONValue] {
        try nested { (parser: inout JSONParser) throws(JSONSyntaxError) -> [String: JSONValue] in
            var fields: [String: JSONValue] = [:]
            if parser.skip(UInt8(ascii: "}")) { return fields }
            while true {
                parser.skipSpace()
                guard parser.next == UInt8(ascii: "\"") else { throw parser.failure("expected a name") }
                let name = try parser.string()
                guard parser.skip(UInt8(ascii: ":")) else { throw parser.failure("expected :") }
                fields[name] = try parser.value()
                if parser.skip(UInt8(ascii: "}")) { return fields }
                guard parser.skip(UInt8(ascii: ",")) else { throw parser.failure("expected , or }") }
            }
        }
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        position += 1
        var result: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: result, as: UTF8.self) else { throw failure("not UTF-8") }
                return text
            case UInt8(ascii: "\\"): result.append(contentsOf: Array(String(try escaped()).utf8))
            case 0..<32: throw failure("a control character in a string")
            default: result.append(byte)
            }
        }
        throw failure("the string does not end")
    }

    private mutating func escaped() throws(JSONSyntaxError) -> Unicode.Scalar {
        guard let byte = next else { throw failure("the string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicode()
        default: throw failure("an unknown escape")
        }
    }

    /// After `\u`: one scalar, or a pair of surrogates.
    private mutating func unicode() throws(JSONSyntaxError) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xd800..<0xdc00).contains(first), bytes[position...].starts(with: [92, 117]) else {
            throw failure("half of a surrogate pair")
        }
        position += 2
        let second = try hexadecimal()
        guard (0xdc00..<0xe000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
        else { throw failure("half of a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONSyntaxError) -> UInt32 {
        let digits = bytes[position...].prefix(4)
        let text = String(decoding: digits, as: UTF8.self)
        guard digits.count == 4, text.allSatisfy(\.isHexDigit), let value = UInt32(text, radix: 16) else {
            throw failure("expected four hexadecimal digits")
        }
        position += 4
        return value
    }
}
