import AnnexProtocol
import FileIO
import Hosting

extension P2PHandler {
    /// `key`: sends the content from `offset` on, or the range that was asked for (spec 01 §6.4, RFC 9110 §14).
    ///
    /// A missing key is a 404, never an empty 200: a client could take that for the content.
    func getContent(_ key: Key, from offset: UInt64) async throws {
        guard let content = try await location.open(key) else {
            throw ServiceError.notFound("\(location.uuid) does not have this key")
        }
        let (file, isUnchanged) = content.file
        let tag = try EntityTag(file)
        var headers = [
            ("Content-Type", "application/octet-stream"), ("X-Content-Type-Options", "nosniff"), ("ETag", tag.text),
        ]
        if exchange.header("If-None-Match").map(tag.matches(list:)) == true {
            return try await exchange.respond(status: 304, headers: headers, body: nil)
        }

        var start = min(offset, content.size)
        var length = content.size - start
        var status = 200
        if offset == 0 {
            headers.append(("Accept-Ranges", "bytes"))
            let isCurrent = exchange.header("If-Range").map { $0 == tag.text } ?? true
            switch isCurrent ? exchange.header("Range").map({ ByteRange($0, of: content.size) }) : nil {
            case nil, .ignored?: break
            case .unsatisfiable?:
                headers.append(("Content-Range", "bytes */\(content.size)"))
                return try await exchange.respond(status: 416, headers: headers, body: [])
            case .bytes(let first, let count)?:
                (start, length, status) = (first, count, 206)
                headers.append(("Content-Range", "bytes \(first)-\(first + count - 1)/\(content.size)"))
            }
        }
        headers.append(("X-git-annex-data-length", "\(length)"))
        exchange.note(bytesSent: length)
        try await exchange.respond(
            status: status, headers: headers, file: file, offset: start, length: length, isUnchanged: isUnchanged)
    }
}

extension Content {
    fileprivate var file: (OpenFile, (@Sendable () async -> Bool)?) {
        switch source {
        case .file(let file): (file, nil)
        case .mutableFile(let file, let isUnchanged): (file, isUnchanged)
        }
    }
}
