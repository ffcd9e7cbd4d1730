/// A JSON text (RFC 8259), read strictly and with a bound on how deep it nests.
public enum JSONText: Hashable, Sendable {
    case null
    case bool(Bool)
    /// A number that is a whole one in the range of `Int64`.
    case integer(Int64)
    /// Any other number; nothing here has one.
    case otherNumber
    /// The bytes of the string, escapes resolved.
    case string([UInt8])
    case array([JSONText])
    /// Members by name; of several with one name the last counts.
    case object([[UInt8]: JSONText])

    /// Nil for anything but one JSON value with white space around it.
    public init?(parsing text: [UInt8]) {
        var reader = JSONReader(text)
        guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
        self = value
    }

    subscript(member: String) -> JSONText? {
        if case .object(let members) = self { members[Array(member.utf8)] } else { nil }
    }
}

private struct JSONReader {
    /// Ours are nearly flat; a text that nests deeper than this wants to exhaust the stack.
    private static let maximumDepth = 64

    private let text: [UInt8]
    private var index = 0

    init(_ text: [UInt8]) { self.text = text }

    var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return index == text.count
        }
    }

    mutating func value(depth: Int) -> JSONText? {
        guard depth < Self.maximumDepth else { return nil }
        skipSpace()
        guard index < text.count else { return nil }
        switch text[index] {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return array(depth: depth)
        case UInt8(ascii: "\""): return string().map(JSONText.string)
        case UInt8(ascii: "t"): return word("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return word("false") ? .bool(false) : nil
        case UInt8(ascii: "n"): return word("null") ? .null : nil
        default: return number()
        }
    }

    private mutating func object(depth: Int) -> JSONText? {
        var members: [[UInt8]: JSONText] = [:]
        index += 1
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard index < text.count, text[index] == UInt8(ascii: "\""), let name = string(), take(":"),
                let value = value(depth: depth + 1)
            else { return nil }
            members[name] = value
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func array(depth: Int) -> JSONText? {
        var elements: [JSONText] = []
        index += 1
        if take("]") { return .array(elements) }
        repeat {
            guard let value = value(depth: depth + 1) else { return nil }
            elements.append(value)
        } while take(",")
        return take("]") ? .array(elements) : nil
    }

    /// The string that begins at the quote under the index.
    private mutating func string() -> [UInt8]? {
        index += 1
        var result: [UInt8] = []
        while index < text.count {
            let byte = text[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: result, as: UTF8.self) == nil ? nil : result
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                result.append(contentsOf: Array(Character(scalar).utf8))
            case 0..<0x20: return nil
            default: result.append(byte)
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard index < text.count else { return nil }
        let byte = text[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            guard let first = codeUnit() else { return nil }
            guard (0xd800..<0xdc00).contains(first) else { return Unicode.Scalar(first) }
            guard index + 1 < text.count, text[index] == UInt8(ascii: "\\"), text[index + 1] == UInt8(ascii: "u")
            else { return nil }
            index += 2
            guard let second = codeUnit(), (0xdc00..<0xe000).contains(second) else { return nil }
            return Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        default: return nil
        }
    }

    private mutating func codeUnit() -> UInt32? {
        guard index + 4 <= text.count else { return nil }
        var value: UInt32 = 0
        for byte in text[index..<(index + 4)] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        index += 4
        return value
    }

    private mutating func number() -> JSONText? {
        let start = index
        if at("-") { index += 1 }
        let digits = index
        guard skipDigits() else { return nil }
        if text[digits] == UInt8(ascii: "0"), index - digits > 1 { return nil }
        var isWhole = true
        if at(".") {
            isWhole = false
            index += 1
            guard skipDigits() else { return nil }
        }
        if at("e") || at("E") {
            isWhole = false
            index += 1
            if at("+") || at("-") { index += 1 }
            guard skipDigits() else { return nil }
        }
        guard isWhole, let value = Int64(String(decoding: text[start..<index], as: UTF8.self)) else {
            return .otherNumber
        }
        return .integer(value)
    }

    private mutating func skipDigits() -> Bool {
        let start = index
        while index < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[index]) { index += 1 }
        return index > start
    }

    private mutating func word(_ word: StaticString) -> Bool {
        let bytes = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard text[index...].starts(with: bytes) else { return false }
        index += bytes.count
        return true
    }

    private func at(_ character: Unicode.Scalar) -> Bool {
        index < text.count && text[index] == UInt8(ascii: character)
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard at(character) else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while index < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[index]) { index += 1 }
    }
}
