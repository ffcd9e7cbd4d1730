import Foundation

/// The P2P protocol over HTTP, call by call, as spec 01 §6 states it.
public struct P2PCalls: Sendable {
    public var http: HTTPClient
    /// What stands before `/git-annex/`: the repository's path, or nothing.
    public var prefix: String
    /// The UUID of the repository.
    public var uuid: String
    /// The UUID that the caller claims to have.
    public var client = "0d6a1f1e-6d0f-4a43-8f3c-5a1f0c0ffee0"
    public var version = 4

    public init(port: Int, prefix: String, uuid: String) {
        http = HTTPClient(port: port)
        self.prefix = prefix
        self.uuid = uuid
    }

    /// The same calls in another version of the protocol.
    public func speaking(_ version: Int) -> P2PCalls {
        var copy = self
        copy.version = version
        return copy
    }

    /// The same calls by another client: what it has sent of a key is its own.
    public func from(_ client: String) -> P2PCalls {
        var copy = self
        copy.client = client
        return copy
    }

    /// The path and query of an action.
    public func target(_ action: String, _ query: [(String, String)] = [], withClient: Bool = true) -> String {
        var pairs = query
        if withClient { pairs.append(("clientuuid", client)) }
        let text = pairs.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
        return "\(prefix)/git-annex/\(uuid)/v\(version)/\(action)" + (text.isEmpty ? "" : "?\(text)")
    }

    /// Sends an action without a body.
    public func call(_ action: String, _ query: [(String, String)] = []) throws -> HTTPReply {
        try http.request("POST", target(action, query))
    }

    public func checkPresent(_ key: String) throws -> Bool? {
        try call("checkpresent", [("key", key)]).bool("present")
    }

    /// Gets content from `offset`, or the whole of it without an offset.
    public func get(_ key: String, offset: String? = nil) throws -> HTTPReply {
        try http.get(target("key/\(percentEncoded(key))", offset.map { [("offset", $0)] } ?? []))
    }

    /// Sends `body` as the content of `key` from `offset` on, declaring `declared` bytes.
    public func put(
        _ key: String,
        _ body: [UInt8],
        offset: Int? = nil,
        declared: Int? = nil,
        file: String = "f",
        framing: BodyFraming = .chunked(32_752),
    ) throws -> HTTPReply {
        var query = [("key", key), ("associatedfile", file)]
        if let offset { query.append(("offset", "\(offset)")) }
        let headers = [
            (name: "Content-Type", value: "application/octet-stream"),
            (name: "X-git-annex-data-length", value: "\(declared ?? body.count)"),
        ]
        return try http.request("POST", target("put", query), headers: headers, body: body, framing: framing)
    }

    public func putOffset(_ key: String) throws -> Int? {
        try call("putoffset", [("key", key)]).int("offset")
    }

    public func remove(_ key: String) throws -> Bool? {
        try call("remove", [("key", key)]).bool("removed")
    }

    public func removeBefore(_ key: String, timestamp: Int) throws -> Bool? {
        try call("remove-before", [("key", key), ("timestamp", "\(timestamp)")]).bool("removed")
    }

    public func timestamp() throws -> Int? {
        try call("gettimestamp").int("timestamp")
    }

    /// Locks content and returns the lock's id, or nil when it could not be locked.
    public func lock(_ key: String) throws -> String? {
        let reply = try call("lockcontent", [("key", key)])
        return reply.bool("locked") == true ? reply.string("lockid") : nil
    }

    /// Opens a `keeplocked` request and leaves its body open.
    public func keepLocked(_ lock: String) throws -> RawConnection {
        let connection = try RawConnection(port: http.port)
        try connection.send(
            """
            POST \(target("keeplocked", [("lockid", lock)])) HTTP/1.1\r
            Host: 127.0.0.1:\(http.port)\r
            Content-Type: application/json;charset=utf-8\r
            Transfer-Encoding: chunked\r
            Connection: Keep-Alive\r
            Keep-Alive: timeout=1200\r
            \r

            """)
        return connection
    }

    /// Locks, keeps and releases at once, as a client does that has finished.
    public func unlock(_ lock: String) throws -> HTTPReply {
        let connection = try keepLocked(lock)
        try connection.sendChunk(Array("{\"unlock\":true}\n".utf8))
        try connection.sendLastChunk()
        return try connection.readReply()
    }

    /// Starts a `put` and sends only `part` of the declared bytes, leaving the connection open inside the body.
    public func beginPut(_ key: String, part: [UInt8], declared: Int, offset: Int = 0) throws -> RawConnection {
        let connection = try RawConnection(port: http.port)
        try connection.send(
            """
            POST \(target("put", [("key", key), ("associatedfile", ""), ("offset", "\(offset)")])) HTTP/1.1\r
            Host: 127.0.0.1:\(http.port)\r
            Content-Type: application/octet-stream\r
            X-git-annex-data-length: \(declared)\r
            Transfer-Encoding: chunked\r
            \r

            """)
        if !part.isEmpty { try connection.sendChunk(part) }
        return connection
    }
}
