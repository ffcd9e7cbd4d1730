/// A second reading of HTTP/1.1 requests, written from RFC 9112 for whole buffers and without an eye on speed: what the
/// parsers of `HTTPTransport` accept must be read in the same way here. Limits are not its business.
struct ReferenceHTTP {
    struct Message: Equatable {
        var method: [UInt8]
        var target: [UInt8]
        var fields: [Field]
        var content: [UInt8]
        /// False where the bytes end before the body does.
        var isComplete: Bool
    }

    struct Field: Equatable {
        var name: [UInt8]
        var value: [UInt8]
    }

    enum Reading: Equatable {
        case message(Message)
        /// More bytes are needed before anything can be said.
        case needsMore
        /// Not a request in the strict grammar.
        case refused
    }

    private struct Refused: Error {}
    private struct NeedsMore: Error {}

    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// The bytes behind the messages that have been read.
    var remaining: [UInt8] { Array(rest) }

    mutating func next() -> Reading {
        do { return .message(try message()) } catch { return error is NeedsMore ? .needsMore : .refused }
    }

    private mutating func message() throws -> Message {
        while rest.starts(with: [13, 10]) { rest = rest.dropFirst(2) }
        var lines: [ArraySlice<UInt8>] = []
        while true {
            let line = try self.line()
            if line.isEmpty { break }
            lines.append(line)
        }
        guard let first = lines.first else { throw Refused() }
        let words = first.split(separator: 32, omittingEmptySubsequences: false)
        guard words.count == 3, Self.isToken(words[0]), !words[1].isEmpty,
            words[1].allSatisfy({ $0 > 32 && $0 != 127 }), String(validating: words[1], as: UTF8.self) != nil
        else { throw Refused() }
        guard words[2].count == 8, words[2].starts(with: "HTTP/1.".utf8), Self.isDigits(words[2].suffix(1))
        else { throw Refused() }
        let isModern = words[2].last != UInt8(ascii: "0")
        var message = Message(
            method: Array(words[0]), target: Array(words[1]), fields: try lines.dropFirst().map(Self.field),
            content: [], isComplete: true)
        let hosts = message.fields.filter { Self.lower($0.name) == "host" }.count
        guard hosts <= 1, hosts == 1 || !isModern else { throw Refused() }
        try readContent(of: &message, isModern: isModern)
        return message
    }

    /// RFC 9112 §6.3, where everything doubtful is an error.
    private mutating func readContent(of message: inout Message, isModern: Bool) throws {
        let lengths = message.fields.filter { Self.lower($0.name) == "content-length" }.map(\.value)
        let codings = message.fields.filter { Self.lower($0.name) == "transfer-encoding" }.map(\.value)
        if !codings.isEmpty {
            guard lengths.isEmpty, codings.count == 1, isModern, Self.lower(codings[0]) == "chunked" else {
                throw Refused()
            }
            do { try readChunks(into: &message) } catch is NeedsMore { message.isComplete = false }
        } else if !lengths.isEmpty {
            guard lengths.count == 1, Self.isDigits(lengths[0][...]), let length = Self.number(lengths[0], radix: 10)
            else { throw Refused() }
            message.content = Array(rest.prefix(length))
            message.isComplete = rest.count >= length
            rest = rest.dropFirst(length)
        }
    }

    /// RFC 9112 §7.1: `chunk-size [ chunk-ext ] CRLF chunk-data CRLF`, the last one of size 0, and trailers.
    private mutating func readChunks(into message: inout Message) throws {
        while true {
            let line = try self.line()
            let digits = line.prefix { Self.isHex($0) }
            let behind = line[digits.endIndex...].drop { $0 == 32 || $0 == 9 }
            guard !digits.isEmpty, behind.first == 59 || behind.isEmpty && digits.count == line.count,
                !behind.contains(0), let size = Self.number(Array(digits), radix: 16)
            else { throw Refused() }
            if size == 0 { break }
            message.content += rest.prefix(size)
            guard rest.count >= size else {
                rest = []
                throw NeedsMore()
            }
            rest = rest.dropFirst(size)
            guard rest.count >= 2 else {
                if let first = rest.first, first != 13 { throw Refused() }
                throw NeedsMore()
            }
            guard rest.starts(with: [13, 10]) else { throw Refused() }
            rest = rest.dropFirst(2)
        }
        while true {
            let line = try self.line()
            if line.isEmpty { return }
            guard Self.isToken(line.prefix(1)) else { throw Refused() }
        }
    }

    /// The next line without its CR LF. A line feed without a return before it is refused.
    private mutating func line() throws -> ArraySlice<UInt8> {
        guard let feed = rest.firstIndex(of: 10) else { throw NeedsMore() }
        guard feed > rest.startIndex, rest[feed - 1] == 13 else { throw Refused() }
        let line = rest[..<(feed - 1)]
        if line.contains(13) { throw Refused() }
        rest = rest[(feed + 1)...]
        return line
    }

    private static func field(_ line: ArraySlice<UInt8>) throws -> Field {
        guard let colon = line.firstIndex(of: 58), isToken(line[..<colon]) else { throw Refused() }
        var value = line[(colon + 1)...].drop { $0 == 32 || $0 == 9 }
        while let last = value.last, last == 32 || last == 9 { value.removeLast() }
        guard value.allSatisfy({ $0 == 9 || $0 >= 32 && $0 != 127 }) else { throw Refused() }
        return Field(name: Array(line[..<colon]), value: Array(value))
    }

    private static func isToken(_ text: ArraySlice<UInt8>) -> Bool {
        let others = Set("!#$%&'*+-.^_`|~".utf8)
        return !text.isEmpty
            && text.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || others.contains($0)
            }
    }

    private static func isDigits(_ text: ArraySlice<UInt8>) -> Bool {
        !text.isEmpty && text.allSatisfy { (48...57).contains($0) }
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
    }

    private static func number(_ digits: [UInt8], radix: Int) -> Int? {
        Int(String(decoding: digits, as: UTF8.self), radix: radix)
    }

    /// ASCII letters in lower case; other bytes stay apart from all ASCII, which texts and their folding do not grant.
    private static func lower(_ bytes: [UInt8]) -> String {
        bytes.allSatisfy { $0 < 128 } ? String(decoding: bytes, as: UTF8.self).lowercased() : "?"
    }
}
