import NIOHTTP1

/// One header field as it came, with surrounding white space removed.
struct HeaderLine {
    var name: String
    var value: String

    init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    init(_ line: UnsafeRawBufferPointer) throws(HTTPSyntaxError) {
        guard let first = line.first, first != 32, first != 9 else {
            throw HTTPSyntaxError("folded header lines are not accepted")
        }
        guard let colon = line.firstIndex(of: 58), colon > 0, line[..<colon].allSatisfy(isToken) else {
            throw HTTPSyntaxError("bad header field name")
        }
        var value = line[(colon + 1)...]
        while let byte = value.first, byte == 32 || byte == 9 { value = value.dropFirst() }
        while let byte = value.last, byte == 32 || byte == 9 { value = value.dropLast() }
        guard value.allSatisfy({ ($0 >= 32 && $0 != 127) || $0 == 9 }) else {
            throw HTTPSyntaxError("control character in a header field")
        }
        name = String(decoding: line[..<colon], as: UTF8.self)
        self.value = String(decoding: value, as: UTF8.self)
    }

    func isNamed(_ lowercase: StaticString) -> Bool { isSpelled(name.utf8, lowercase) }
}

/// Whether a text is this word, ASCII letters in any case.
///
/// Attack: `String` compares characters, and folds case by Unicode, where the Kelvin sign is a K. `chunKed` spelled
/// with one would be a coding that we know and a proxy before us does not.
private func isSpelled(_ text: some Collection<UInt8>, _ lowercase: StaticString) -> Bool {
    guard text.count == lowercase.utf8CodeUnitCount else { return false }
    return lowercase.withUTF8Buffer { wanted in
        zip(text, wanted).allSatisfy { byte, letter in (65...90 ~= byte ? byte | 0x20 : byte) == letter }
    }
}

/// What the fields of a head say about framing and the life of the connection, gathered while they are read.
struct HeadFacts {
    private var length: Int?
    private var isChunked = false
    private var hosts = 0
    private var saysClose = false
    private var saysKeepAlive = false
    private var expectsContinue = false

    mutating func note(_ field: HeaderLine) throws(HTTPSyntaxError) {
        switch field.name.utf8.count {
        case 4 where field.isNamed("host"):
            hosts += 1
        case 6 where field.isNamed("expect"):
            if isSpelled(field.value.utf8, "100-continue") { expectsContinue = true }
        case 10 where field.isNamed("connection"):
            for part in field.value.utf8.split(separator: UInt8(ascii: ",")) {
                var option = part.drop { $0 == 32 || $0 == 9 }
                while let last = option.last, last == 32 || last == 9 { option = option.dropLast() }
                if isSpelled(option, "close") { saysClose = true }
                if isSpelled(option, "keep-alive") { saysKeepAlive = true }
            }
        case 14 where field.isNamed("content-length"):
            guard length == nil else { throw HTTPSyntaxError("more than one Content-Length") }
            guard !field.value.isEmpty, field.value.utf8.allSatisfy(isDigit), let number = Int(field.value) else {
                throw HTTPSyntaxError("bad Content-Length")
            }
            length = number
        case 17 where field.isNamed("transfer-encoding"):
            guard !isChunked else { throw HTTPSyntaxError("more than one Transfer-Encoding") }
            guard isSpelled(field.value.utf8, "chunked") else {
                throw HTTPSyntaxError(501, "the only transfer coding served is chunked")
            }
            isChunked = true
        default:
            break
        }
    }

    func head(
        method: HTTPMethod, target: String, version: HTTPVersion, headers: HTTPHeaders
    ) throws(HTTPSyntaxError) -> RequestHead {
        let isModern = version == .http1_1
        if hosts > 1 { throw HTTPSyntaxError("more than one Host") }
        if isModern, hosts == 0 { throw HTTPSyntaxError("the Host header is missing") }
        if isChunked, length != nil { throw HTTPSyntaxError("both Content-Length and Transfer-Encoding") }
        if isChunked, !isModern { throw HTTPSyntaxError("Transfer-Encoding needs HTTP/1.1") }
        let framing: BodyFraming =
            if isChunked { .chunked } else if let length, length > 0 { .length(length) } else { .none }
        return RequestHead(
            method: method, target: target, version: version, headers: headers, framing: framing,
            keepAlive: !saysClose && (isModern || saysKeepAlive),
            expectsContinue: expectsContinue && isModern && framing != .none)
    }
}
