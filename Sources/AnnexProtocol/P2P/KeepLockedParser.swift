/// Reads the body of a `keeplocked` request as it arrives: JSON objects with space or line feeds between (spec 01
/// §6.7).
///
/// Only `.unlock` ever means that the client has given up its lock. Garbage, and a body that ends, do not: then the
/// content must stay locked until the lock expires.
public struct KeepLockedParser: Sendable {
    /// What an object of the body means.
    public enum Event: Hashable, Sendable {
        /// `{"unlock":false}`: the client is still there.
        case heartbeat
        /// `{"unlock":true}`: release the lock and answer.
        case unlock
        /// Something else; whatever follows is not read.
        case garbage
    }

    /// The longest object that is read, in bytes.
    public static let maximumObjectLength = 4096

    private enum State: Hashable {
        case between
        case inObject
        case inString
        case afterBackslash
        case ended
    }

    private var state = State.between
    private var object: [UInt8] = []

    public init() {}

    /// The events of the next piece of the body; none after `.unlock` or `.garbage`.
    public mutating func parse(_ bytes: some Sequence<UInt8>) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            if state == .ended { break }
            if let event = take(byte) { events.append(event) }
        }
        return events
    }

    /// What the end of the body adds: garbage where it cuts an object short.
    public mutating func finish() -> Event? {
        defer { state = .ended }
        return state == .between || state == .ended ? nil : .garbage
    }

    private mutating func take(_ byte: UInt8) -> Event? {
        switch (state, byte) {
        case (.between, UInt8(ascii: " ")), (.between, UInt8(ascii: "\t")), (.between, UInt8(ascii: "\n")),
            (.between, UInt8(ascii: "\r")):
            return nil
        case (.between, UInt8(ascii: "{")): state = .inObject
        case (.between, _), (.ended, _): return end(.garbage)
        case (.inObject, UInt8(ascii: "\"")): state = .inString
        case (.inObject, UInt8(ascii: "}")):
            object.append(byte)
            return endOfObject()
        case (.inObject, _): break
        case (.inString, UInt8(ascii: "\"")): state = .inObject
        case (.inString, UInt8(ascii: "\\")): state = .afterBackslash
        case (.inString, _): break
        case (.afterBackslash, _): state = .inString
        }
        // A client cannot make the server remember more than this.
        if object.count == Self.maximumObjectLength { return end(.garbage) }
        object.append(byte)
        return nil
    }

    private mutating func endOfObject() -> Event {
        var members = FlatJSONObject(object)
        guard let unlock = members.boolean(named: "unlock") else { return end(.garbage) }
        if unlock { return end(.unlock) }
        state = .between
        object.removeAll(keepingCapacity: true)
        return .heartbeat
    }

    private mutating func end(_ event: Event) -> Event {
        state = .ended
        object = []
        return event
    }
}

/// A JSON object without objects or arrays inside; that is all this protocol sends.
private struct FlatJSONObject {
    private var rest: ArraySlice<UInt8>

    init(_ text: [UInt8]) { rest = text[...] }

    /// The boolean member of that name; nil where it is absent or given twice, or the text is not such an object.
    mutating func boolean(named name: String) -> Bool? {
        var found: Bool?
        guard take(UInt8(ascii: "{")) else { return nil }
        repeat {
            guard let member = string(), take(UInt8(ascii: ":")) else { return nil }
            if member.elementsEqual(name.utf8) {
                guard found == nil, let value = literal() else { return nil }
                if value.elementsEqual("true".utf8) {
                    found = true
                } else if value.elementsEqual("false".utf8) {
                    found = false
                } else {
                    return nil
                }
            } else {
                skipSpace()
                let value = rest.first == UInt8(ascii: "\"") ? string() : literal()
                if value == nil { return nil }
            }
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")), rest.isEmpty else { return nil }
        return found
    }

    private mutating func skipSpace() {
        rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0a || $0 == 0x0d }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard rest.first == byte else { return false }
        rest.removeFirst()
        return true
    }

    /// The inside of a string, escapes left as they are.
    private mutating func string() -> ArraySlice<UInt8>? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let text = rest
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") {
                let inside = text[..<(rest.startIndex - 1)]
                return String(validating: inside, as: UTF8.self) == nil ? nil : inside
            }
            if byte < 0x20 || byte == UInt8(ascii: "\\") && !skipEscape() { return nil }
        }
        return nil
    }

    /// What follows a backslash (RFC 8259 §7).
    private mutating func skipEscape() -> Bool {
        switch rest.popFirst() {
        case UInt8(ascii: "u"):
            let digits = rest.prefix(4)
            rest = rest[digits.endIndex...]
            return digits.count == 4 && digits.allSatisfy(Self.isHexadecimal)
        case let byte?: return Array("\"\\/bfnrt".utf8).contains(byte)
        case nil: return false
        }
    }

    /// A number, `true`, `false` or `null`.
    private mutating func literal() -> ArraySlice<UInt8>? {
        skipSpace()
        let text = rest.prefix { Self.isDigit($0) || Self.isLetter($0) || "+-.".utf8.contains($0) }
        rest = rest[text.endIndex...]
        let isWord = ["true", "false", "null"].contains { text.elementsEqual($0.utf8) }
        return isWord || Self.isNumber(text) ? text : nil
    }

    /// `[-] INT [. DIGITS] [e [+-] DIGITS]` (RFC 8259 §6).
    private static func isNumber(_ text: ArraySlice<UInt8>) -> Bool {
        var rest = text.first == UInt8(ascii: "-") ? text.dropFirst() : text
        func digits() -> ArraySlice<UInt8> {
            let digits = rest.prefix(while: isDigit)
            rest = rest[digits.endIndex...]
            return digits
        }
        let whole = digits()
        guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else { return false }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            if digits().isEmpty { return false }
        }
        if let sign = rest.first, sign | 0x20 == UInt8(ascii: "e") {
            rest = rest.dropFirst()
            if let sign = rest.first, "+-".utf8.contains(sign) { rest = rest.dropFirst() }
            if digits().isEmpty { return false }
        }
        return rest.isEmpty
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }
}
