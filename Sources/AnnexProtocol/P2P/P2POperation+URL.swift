extension P2POperation {
    /// The lowest version that has the operation; all higher ones have it too (spec 01 §6.2).
    public var firstVersion: P2PVersion {
        switch self {
        case .getContent, .checkPresent, .lockContent, .keepLocked, .remove: .v0
        case .put(let put): put.isDataPresent ? .v4 : .v0
        case .putOffset: .v1
        case .removeBefore, .getTimestamp: .v3
        }
    }

    /// Path and query of the request, from `/git-annex/` on (spec 01 §6.1).
    ///
    /// - Parameters:
    ///   - client: who asks.
    ///   - bypass: servers that a cluster must not ask again.
    public func path(
        of repository: RepositoryUUID, version: P2PVersion, client: RepositoryUUID, bypass: [RepositoryUUID]
    ) -> String {
        var query: [(StaticString, [UInt8])] = []
        var last = "\(action)"
        switch self {
        case .getContent(let key, let offset, let file):
            last = "key/" + Self.text(key.bytes)
            if let file { query.append(("associatedfile", file)) }
            if offset > 0 { query.append(("offset", Array("\(offset)".utf8))) }
        case .checkPresent(let key), .lockContent(let key), .remove(let key), .putOffset(let key):
            query.append(("key", key.bytes))
        case .keepLocked(let id):
            query.append(("lockid", id.bytes))
        case .removeBefore(let key, let timestamp):
            query += [("key", key.bytes), ("timestamp", Array("\(timestamp)".utf8))]
        case .getTimestamp: break
        case .put(let put):
            query.append(("key", put.key.bytes))
            if let file = put.associatedFile { query.append(("associatedfile", file)) }
            if put.isDataPresent {
                query.append(("data-present", Array("true".utf8)))
            } else {
                query.append(("offset", Array("\(put.offset)".utf8)))
            }
        }
        query.append(("clientuuid", client.bytes))
        query += bypass.map { ("bypass", $0.bytes) }
        let parameters = query.map { "\($0.0)=\(Self.text($0.1))" }.joined(separator: "&")
        return "/git-annex/\(Self.text(repository.bytes))/v\(version.rawValue)/\(last)?\(parameters)"
    }

    private var action: StaticString {
        switch self {
        case .getContent: "key"
        case .checkPresent: "checkpresent"
        case .lockContent: "lockcontent"
        case .keepLocked: "keeplocked"
        case .remove: "remove"
        case .removeBefore: "remove-before"
        case .getTimestamp: "gettimestamp"
        case .put: "put"
        case .putOffset: "putoffset"
        }
    }

    /// A value as a path segment or query value: in brackets where it must be, and escaped.
    private static func text(_ value: [UInt8]) -> String {
        String(decoding: PercentEncoding.encode(BracketedText.encode(value)), as: UTF8.self)
    }
}
