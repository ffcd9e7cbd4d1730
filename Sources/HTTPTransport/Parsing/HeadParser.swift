import Glibc
import NIOCore
import NIOHTTP1

/// Finds and checks request heads in a stream of bytes; strict, since every leniency helps request smuggling.
///
/// Refused are: bare LF or CR, folded lines, space before a colon, more than one `Content-Length` or
/// `Transfer-Encoding`, both together, any coding but `chunked`, and a missing or doubled `Host` (RFC 9112 §3.2, §5
/// and §6).
struct HeadParser {
    struct Limits {
        var head = 64 * 1024
        var target = 16 * 1024
        var fields = 256
    }

    var limits = Limits()
    /// Bytes of the buffer that are known to hold no end of a head, and where the current line starts within them.
    private var scanned = 0
    private var lineStart = 0
    private var lines = 0

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Takes the next head off the front of `buffer`, or nil when it is not complete yet.
    mutating func next(_ buffer: inout ByteBuffer) throws(HTTPSyntaxError) -> RequestHead? {
        skipEmptyLines(&buffer)
        // The first half of an empty line: what follows decides.
        if scanned == 0, buffer.readableBytes == 1, buffer.readableBytesView.first == 13 { return nil }
        let outcome = buffer.withUnsafeReadableBytes { bytes in
            Result<(RequestHead, Int)?, HTTPSyntaxError> { () throws(HTTPSyntaxError) in
                guard let end = try findEnd(bytes) else { return nil }
                return (try parse(UnsafeRawBufferPointer(rebasing: bytes[..<end])), end)
            }
        }
        guard let (head, length) = try outcome.get() else { return nil }
        buffer.moveReaderIndex(forwardBy: length)
        (scanned, lineStart, lines) = (0, 0, 0)
        return head
    }

    /// An empty line before a request line is allowed (RFC 9112 §2.2).
    private mutating func skipEmptyLines(_ buffer: inout ByteBuffer) {
        guard scanned == 0 else { return }
        while buffer.readableBytes >= 2, buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) == 0x0D0A {
            buffer.moveReaderIndex(forwardBy: 2)
        }
    }

    /// Where the head ends, after its empty line.
    private mutating func findEnd(_ bytes: UnsafeRawBufferPointer) throws(HTTPSyntaxError) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        while scanned < bytes.count, let found = memchr(base + scanned, 10, bytes.count - scanned) {
            let feed = UnsafeRawPointer(found) - base
            guard feed > 0, bytes[feed - 1] == 13 else { throw HTTPSyntaxError("bare line feed in the request head") }
            if feed - 1 == lineStart { return try checked(feed + 1) }
            if lines == 0, feed > limits.target + 1024 { throw HTTPSyntaxError(414, "the request target is too long") }
            lines += 1
            lineStart = feed + 1
            scanned = feed + 1
        }
        scanned = bytes.count
        if lines == 0, bytes.count > limits.target + 1024 {
            throw HTTPSyntaxError(414, "the request target is too long")
        }
        _ = try checked(bytes.count)
        return nil
    }

    private func checked(_ length: Int) throws(HTTPSyntaxError) -> Int {
        if length > limits.head { throw HTTPSyntaxError(431, "the request head is too long") }
        return length
    }

    private func parse(_ bytes: UnsafeRawBufferPointer) throws(HTTPSyntaxError) -> RequestHead {
        var lineEnd = endOfLine(bytes, from: 0)
        let (method, target, version) = try requestLine(UnsafeRawBufferPointer(rebasing: bytes[..<lineEnd]))
        var fields: [(String, String)] = []
        fields.reserveCapacity(8)
        var facts = HeadFacts()
        var position = lineEnd + 2
        while position < bytes.count - 2 {
            lineEnd = endOfLine(bytes, from: position)
            if fields.count == limits.fields { throw HTTPSyntaxError(431, "too many header fields") }
            let field = try HeaderLine(UnsafeRawBufferPointer(rebasing: bytes[position..<lineEnd]))
            try facts.note(field)
            fields.append((field.name, field.value))
            position = lineEnd + 2
        }
        return try facts.head(method: method, target: target, version: version, headers: HTTPHeaders(fields))
    }

    /// Where the line ends that starts at `start`, before its CR LF.
    private func endOfLine(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard let base = bytes.baseAddress, let found = memchr(base + start, 10, bytes.count - start) else {
            return bytes.count
        }
        return UnsafeRawPointer(found) - base - 1
    }

    private func requestLine(
        _ line: UnsafeRawBufferPointer
    ) throws(HTTPSyntaxError) -> (HTTPMethod, String, HTTPVersion) {
        guard let first = line.firstIndex(of: 32), let last = line.lastIndex(of: 32), first < last else {
            throw HTTPSyntaxError("the request line must be METHOD TARGET VERSION")
        }
        let method = line[..<first]
        let target = line[(first + 1)..<last]
        let version = line[(last + 1)...]
        guard !method.isEmpty, method.count <= 32, method.allSatisfy(isToken) else {
            throw HTTPSyntaxError("bad request method")
        }
        guard target.count <= limits.target else { throw HTTPSyntaxError(414, "the request target is too long") }
        guard !target.isEmpty, target.allSatisfy({ $0 > 32 && $0 != 127 }),
            let text = String(validating: target, as: UTF8.self)
        else { throw HTTPSyntaxError("bad request target") }
        return (
            HTTPMethod(rawValue: String(decoding: method, as: UTF8.self)), text,
            try httpVersion(UnsafeRawBufferPointer(rebasing: version))
        )
    }

    private func httpVersion(_ text: UnsafeRawBufferPointer) throws(HTTPSyntaxError) -> HTTPVersion {
        guard text.count == 8, text.starts(with: "HTTP/".utf8), text[6] == UInt8(ascii: "."), isDigit(text[5]),
            isDigit(text[7])
        else { throw HTTPSyntaxError("bad HTTP version") }
        guard text[5] == UInt8(ascii: "1") else { throw HTTPSyntaxError(505, "only HTTP/1.1 and HTTP/1.0 are served") }
        return text[7] == UInt8(ascii: "0") ? .http1_0 : .http1_1
    }
}

func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }

/// Whether a byte may stand in a method or a field name (RFC 9110 §5.6.2).
func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122: true
    case 33, 35, 36, 37, 38, 39, 42, 43, 45, 46, 94, 95, 96, 124, 126: true
    default: false
    }
}
