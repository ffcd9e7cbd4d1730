import Glibc
import NIOCore
import NIOHTTP1
import Synchronization

/// How the client finds the end of a response body.
enum ResponseFraming: Equatable {
    /// Nothing follows the head.
    case none
    case length(Int)
    case chunked
    /// The end of the connection, for HTTP/1.0.
    case untilClose
}

/// Writes response heads; the transport alone decides about framing and the life of the connection.
enum ResponseHead {
    static func write(
        _ status: HTTPResponseStatus, headers: HTTPHeaders, framing: ResponseFraming, contentLength: Int?,
        connection: StaticString?, server: String, date: DateText, into buffer: inout ByteBuffer
    ) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(String(min(max(status.code, 100), 999)))
        buffer.writeInteger(UInt8(32))
        writeClean(status.reasonPhrase, replacement: 63, into: &buffer)
        buffer.writeStaticString("\r\n")
        for (name, value) in headers where !isOwned(name) && !name.isEmpty && name.utf8.allSatisfy(isToken) {
            buffer.writeString(name)
            buffer.writeStaticString(": ")
            writeClean(value, replacement: nil, into: &buffer)
            buffer.writeStaticString("\r\n")
        }
        if let contentLength {
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(contentLength))
            buffer.writeStaticString("\r\n")
        } else if framing == .chunked {
            buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        }
        if let connection {
            buffer.writeStaticString("Connection: ")
            buffer.writeStaticString(connection)
            buffer.writeStaticString("\r\n")
        }
        date.write(into: &buffer)
        buffer.writeStaticString("Server: ")
        buffer.writeString(server)
        buffer.writeStaticString("\r\n\r\n")
    }

    /// Fields that follow from the framing, which handlers must not contradict.
    private static func isOwned(_ name: String) -> Bool {
        switch name.utf8.count {
        case 14: name.lowercased() == "content-length"
        case 17: name.lowercased() == "transfer-encoding"
        case 10: ["connection", "keep-alive"].contains(name.lowercased())
        case 4: name.lowercased() == "date"
        case 6: name.lowercased() == "server"
        default: false
        }
    }

    /// Keeps text from outside on its line. With a `replacement`, non-ASCII characters become that byte.
    private static func writeClean(_ text: String, replacement: UInt8?, into buffer: inout ByteBuffer) {
        let isClean = text.utf8.allSatisfy { ($0 >= 32 && $0 < 127) || ($0 >= 128 && replacement == nil) || $0 == 9 }
        if isClean {
            buffer.writeString(text)
            return
        }
        for scalar in text.unicodeScalars {
            if scalar.value < 32 || scalar.value == 127 {
                buffer.writeInteger(UInt8(32))
            } else if let replacement, !scalar.isASCII {
                buffer.writeInteger(replacement)
            } else {
                buffer.writeString(String(scalar))
            }
        }
    }
}

/// The `Date` header, formatted once a second.
final class DateText: Sendable {
    private let current = Mutex<(second: time_t, text: [UInt8])>((-1, []))

    func write(into buffer: inout ByteBuffer) {
        let now = time(nil)
        buffer.writeBytes(
            current.withLock { entry in
                if entry.second != now { entry = (now, Self.format(now)) }
                return entry.text
            })
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// A line such as `Date: Sun, 22 Nov 2026 07:29:58 GMT`.
    static func format(_ second: time_t) -> [UInt8] {
        var second = second
        var parts = tm()
        gmtime_r(&second, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
        let clock = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
        return Array("Date: \(day) \(parts.tm_year + 1900) \(clock) GMT\r\n".utf8)
    }
}
