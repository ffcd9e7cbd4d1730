import Foundation

/// How a request body is framed.
public enum BodyFraming: Sendable {
    case length
    /// Chunks of at most so many bytes, as the stock client sends 32752.
    case chunked(Int)
}

/// Sends single requests, each on a connection of its own.
public struct HTTPClient: Sendable {
    public var port: Int
    /// Extra header fields of every request.
    public var headers: [(name: String, value: String)]

    public init(port: Int, headers: [(name: String, value: String)] = []) {
        self.port = port
        self.headers = headers
    }

    /// Sends one request and reads its response.
    public func request(
        _ method: String,
        _ target: String,
        headers extra: [(name: String, value: String)] = [],
        body: [UInt8]? = nil,
        framing: BodyFraming = .length,
        timeout: Int = 60,
    ) throws -> HTTPReply {
        let connection = try RawConnection(port: port, timeout: timeout)
        defer { connection.close() }
        let all = headers + extra + [(name: "Connection", value: "close")]
        try connection.sendRequest(method, target, port: port, headers: all, body: body, framing: framing)
        return try connection.readReply(method: method)
    }

    public func get(_ target: String, headers: [(name: String, value: String)] = []) throws -> HTTPReply {
        try request("GET", target, headers: headers)
    }

    public func head(_ target: String) throws -> HTTPReply {
        try request("HEAD", target)
    }
}

extension RawConnection {
    /// Sends a request head and its body; a refusal that arrives while the body is on its way is no error here.
    public func sendRequest(
        _ method: String,
        _ target: String,
        port: Int,
        headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil,
        framing: BodyFraming = .length,
    ) throws {
        var head = "\(method) \(target) HTTP/1.1\r\n"
        if !headers.contains(where: { $0.name.lowercased() == "host" }) { head += "Host: 127.0.0.1:\(port)\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        switch (framing, body) {
        case (.length, .some(let bytes)): head += "Content-Length: \(bytes.count)\r\n"
        case (.chunked, .some): head += "Transfer-Encoding: chunked\r\n"
        case (_, .none): if method == "POST" { head += "Content-Length: 0\r\n" }
        }
        try send(head + "\r\n")
        guard let body else { return }
        do {
            switch framing {
            case .length:
                try send(body)
            case .chunked(let size):
                var start = 0
                while start < body.count {
                    let end = min(start + size, body.count)
                    try sendChunk(Array(body[start..<end]))
                    start = end
                }
                try sendLastChunk()
            }
        } catch {
            // The server may refuse before the body is read; its answer is then waiting.
        }
    }
}

/// Percent-encodes everything but RFC 3986 unreserved characters.
public func percentEncoded(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            text.append(Character(UnicodeScalar(byte)))
        default:
            let hex = String(byte, radix: 16, uppercase: true)
            text += "%" + (hex.count == 1 ? "0" + hex : hex)
        }
    }
    return text
}

/// Percent-encodes the UTF-8 bytes of `text`.
public func percentEncoded(_ text: String) -> String {
    percentEncoded(text.utf8)
}
