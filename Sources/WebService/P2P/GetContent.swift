import AnnexProtocol
import FileIO
import Hosting
import Locations
import NIOCore

extension P2PHandler {
    /// `key`: sends the content from `offset` on, or the range that was asked for (spec 01 §6.4, RFC 9110 §14). For
    /// HEAD there are no ranges: it asks how much there is.
    ///
    /// A missing key is a 404, never an empty 200: a client could take that for the content.
    func getContent(_ key: Key, from offset: UInt64) async throws {
        guard let content = try await location.open(key, for: reading(key, from: offset)) else {
            throw ServiceError.notFound("\(location.uuid) does not have this key")
        }
        let tag = try content.entityTag
        // In this order (RFC 9110 §13.2.2). We tell no dates, so conditions on them are to be ignored.
        if let list = exchange.header("If-Match"), !EntityTag.allows(list: list, tag) {
            throw ServiceError(status: 412, reason: "the content is not the one that If-Match names")
        }
        if let tag, exchange.header("If-None-Match").map(tag.matches(list:)) == true {
            return try await exchange.respond(status: 304, headers: Self.headers(tag), body: nil)
        }
        let part = ContentPart(
            of: content.size, offset: offset, range: exchange.method == "GET" ? exchange.header("Range") : nil,
            isCurrent: exchange.header("If-Range").map { $0 == tag?.text } ?? true)
        let headers = Self.headers(tag) + part.headers
        if part.status == 416 { return try await exchange.respond(status: 416, headers: headers, body: []) }
        exchange.note(bytesSent: part.length)
        try await send(content, part, headers)
    }

    /// What will be wanted, as far as it can be told before the content is there: a remote is then asked for that at
    /// once.
    private func reading(_ key: Key, from offset: UInt64) -> Reading {
        var reading = Reading(offset: offset, wantsBytes: exchange.method != "HEAD")
        guard offset == 0, reading.wantsBytes, let size = key.size, key.chunk == nil,
            let range = exchange.header("Range"), exchange.header("If-Range") == nil
        else { return reading }
        switch ByteRange(range, of: size) {
        case .ignored: break
        case .unsatisfiable: reading.wantsBytes = false
        case .bytes(let first, _): reading.offset = first
        }
        return reading
    }

    private func send(_ content: Content, _ part: ContentPart, _ headers: [(String, String)]) async throws {
        switch content.source {
        case .file(let file):
            try await exchange.respond(
                status: part.status, headers: headers, file: file, offset: part.start, length: part.length,
                isUnchanged: nil)
        case .mutableFile(let file, let isUnchanged):
            try await exchange.respond(
                status: part.status, headers: headers, file: file, offset: part.start, length: part.length,
                isUnchanged: isUnchanged)
        case .stream(let content):
            try await relay(content, part, headers)
        }
    }

    /// Passes on the bytes as they come. Their length is promised in the head, so whatever ends early or
    /// fails its verification cuts the connection: the client then sees a body that is too short (spec 01 §6.4).
    private func relay(_ content: any StreamedContent, _ part: ContentPart, _ headers: [(String, String)]) async throws
    {
        guard exchange.method != "HEAD", part.length > 0 else {
            return try await exchange.respondWithoutBody(
                status: part.status, headers: headers, length: Int(clamping: part.length))
        }
        let bytes = try await content.bytes(from: part.start)
        defer { bytes.cancel() }
        let writer = try await exchange.stream(
            status: part.status, headers: headers, length: Int(clamping: part.length))
        var left = part.length
        while left > 0, var piece = try await bytes.next() {
            if UInt64(piece.readableBytes) > left { piece.moveWriterIndex(to: piece.readerIndex + Int(left)) }
            left -= UInt64(piece.readableBytes)
            try await writer.write(piece)
        }
        try await writer.finish()
    }

    private static func headers(_ tag: EntityTag?) -> [(String, String)] {
        let plain = [("Content-Type", "application/octet-stream"), ("X-Content-Type-Options", "nosniff")]
        return plain + (tag.map { [("ETag", $0.text)] } ?? [])
    }
}

/// Which bytes of some content are sent, and what the head says of them.
private struct ContentPart {
    var start: UInt64
    var length: UInt64
    var status = 200
    var headers: [(String, String)] = []

    /// - Parameter isCurrent: whether the client's `If-Range`, if it sent one, names the content as it is.
    init(of size: UInt64, offset: UInt64, range: String?, isCurrent: Bool) {
        start = min(offset, size)
        length = size - start
        if offset == 0 {
            headers.append(("Accept-Ranges", "bytes"))
            switch isCurrent ? range.map({ ByteRange($0, of: size) }) : nil {
            case nil, .ignored?: break
            case .unsatisfiable?:
                status = 416
                headers.append(("Content-Range", "bytes */\(size)"))
                return
            case .bytes(let first, let count)?:
                (start, length, status) = (first, count, 206)
                headers.append(("Content-Range", "bytes \(first)-\(first + count - 1)/\(size)"))
            }
        }
        headers.append(("X-git-annex-data-length", "\(length)"))
    }
}

extension Content {
    /// Nil for content elsewhere, of which no file is at hand.
    fileprivate var entityTag: EntityTag? {
        get throws {
            switch source {
            case .file(let file), .mutableFile(let file, _): try EntityTag(file)
            case .stream: nil
            }
        }
    }
}
