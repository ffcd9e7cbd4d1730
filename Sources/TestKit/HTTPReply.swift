import Foundation

/// One HTTP response, exactly as it arrived.
public struct HTTPReply: Sendable {
    public var status: Int
    /// The reason phrase of the status line, which the stock client shows to people.
    public var reason: String
    /// Header fields in order, names in lower case.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// Whether the body ended as its framing promised: full length, or the final chunk.
    public var isComplete: Bool

    /// The first value of the header `name`.
    public subscript(name: String) -> String? {
        headers.first { $0.name == name.lowercased() }?.value
    }

    /// The body as text.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The JSON object of the body, or nil.
    public var json: [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any]
    }

    /// The field names of the JSON object, sorted.
    public var fields: [String] { json.map { $0.keys.sorted() } ?? [] }

    /// The boolean field `name`, or nil when it is absent or is not a JSON boolean.
    public func bool(_ name: String) -> Bool? {
        json?[name] as? Bool
    }

    /// The text field `name`.
    public func string(_ name: String) -> String? {
        json?[name] as? String
    }

    /// The integer field `name`.
    public func int(_ name: String) -> Int? {
        json?[name] as? Int
    }

    /// Parses a status line and header lines, without the empty line that ends them.
    public init(head: [UInt8]) throws {
        let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
        let parts = (lines.first ?? "").split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), let code = Int(parts[1]) else {
            throw TestKitError(.malformed, "not a status line: \(lines.first ?? "")")
        }
        status = code
        reason = parts.count > 2 ? String(parts[2]) : ""
        headers = lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            return (name: line[..<colon].lowercased(), value: value)
        }
        body = []
        isComplete = false
    }
}
