/// A request of the P2P protocol over HTTP, parsed from method, path and query alone (spec 01 §6).
public struct P2PRequest: Hashable, Sendable {
    /// The repository that the URL names: the one that serves, or one that is proxied.
    public let repository: RepositoryUUID
    /// Nil for the unversioned URL of a key.
    public let version: P2PVersion?
    /// Who asks; nil where the client did not say, or said something that cannot be a repository's UUID.
    public let client: RepositoryUUID?
    /// Servers that a cluster must not ask again.
    public let bypass: [RepositoryUUID]
    public let operation: P2POperation

    /// Parses what follows `git-annex/` in the path.
    ///
    /// The order of checks: the path and version (404), then the method (405), then the parameters (400).
    ///
    /// - Parameters:
    ///   - method: the HTTP method, in upper case.
    ///   - segments: the rest of the path, split at `/` and *not* decoded. One empty segment at the end is tolerated.
    ///   - query: what follows `?`, not decoded; empty where there is none.
    public init(
        method: String, segments: [ArraySlice<UInt8>], query: some Collection<UInt8>
    ) throws(P2PRequestError) {
        let path = try Path(segments)
        let allowed = path.isKey ? ["GET", "HEAD"] : ["POST"]
        guard allowed.contains(method) else {
            throw P2PRequestError(
                code: .methodNotAllowed, message: "Method \(method) is not allowed here", allowedMethods: allowed)
        }
        var parameters: P2PParameters
        do { parameters = P2PParameters(try QueryParameters(parsing: query)) } catch {
            throw .badRequest("The query holds a % that is not followed by two hexadecimal digits")
        }
        repository = path.repository
        version = path.version
        operation = try path.operation(parameters)
        client = try parameters.client(isRequired: path.requiresClient)
        bypass = try parameters.bypass()
    }

    /// The segments of a path, empty ones included; the path begins after its first `/`.
    public static func segments(ofPath path: some Collection<UInt8>) -> [ArraySlice<UInt8>] {
        Array(path).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    }
}

/// What the path alone tells: repository, version, and action or key.
private struct Path {
    var repository: RepositoryUUID
    var version: P2PVersion?
    var target: Target

    enum Target: Hashable {
        case key(Key)
        case action(Action)
    }

    enum Action: String, CaseIterable {
        case checkpresent, lockcontent, keeplocked, remove, gettimestamp, put, putoffset
        case removeBefore = "remove-before"

        /// The lowest version that has the action; all higher ones have it too.
        var firstVersion: P2PVersion {
            switch self {
            case .checkpresent, .lockcontent, .keeplocked, .remove, .put: .v0
            case .putoffset: .v1
            case .removeBefore, .gettimestamp: .v3
            }
        }
    }

    init(_ given: [ArraySlice<UInt8>]) throws(P2PRequestError) {
        var segments = given
        if segments.count > 1, segments.last?.isEmpty == true { segments.removeLast() }
        guard segments.count >= 3, segments.count <= 4 else { throw .notFound("No such path") }
        let name = try Self.decode(segments[0])
        guard let repository = RepositoryUUID(name) else { throw .notFound("No such repository") }
        self.repository = repository

        if segments.count == 3, segments[1].elementsEqual("key".utf8) {
            target = .key(try Self.key(segments[2]))
            return
        }
        guard let version = P2PVersion(segment: Array(segments[1])) else { throw .notFound("No such version") }
        self.version = version
        if segments.count == 4 {
            guard segments[2].elementsEqual("key".utf8) else { throw .notFound("No such path") }
            target = .key(try Self.key(segments[3]))
            return
        }
        // Bytes are compared: to `String` the Kelvin sign is a K.
        guard let action = Action.allCases.first(where: { segments[2].elementsEqual($0.rawValue.utf8) }),
            action.firstVersion <= version
        else { throw .notFound("No such action in this version") }
        target = .action(action)
    }

    var isKey: Bool { if case .key = target { true } else { false } }

    var requiresClient: Bool { version != nil && target != .action(.keeplocked) }

    func operation(_ parameters: P2PParameters) throws(P2PRequestError) -> P2POperation {
        switch target {
        case .key(let key):
            // The unversioned URL is for browsers and downloaders; it has no parameters.
            guard version != nil else { return .getContent(key, offset: 0, associatedFile: nil) }
            let file = try parameters.associatedFile()
            return .getContent(key, offset: try parameters.number("offset") ?? 0, associatedFile: file)
        case .action(.checkpresent): return .checkPresent(try parameters.key())
        case .action(.lockcontent): return .lockContent(try parameters.key())
        case .action(.keeplocked): return .keepLocked(try parameters.lockID())
        case .action(.remove): return .remove(try parameters.key())
        case .action(.removeBefore):
            let key = try parameters.key()
            guard let timestamp = try parameters.number("timestamp") else { throw .missing("timestamp") }
            return .removeBefore(key, timestamp: timestamp)
        case .action(.gettimestamp): return .getTimestamp
        case .action(.put):
            let key = try parameters.key()
            return .put(
                P2POperation.Put(
                    key: key, associatedFile: try parameters.associatedFile(),
                    offset: try parameters.number("offset") ?? 0,
                    isDataPresent: version == .v4 ? try parameters.boolean("data-present") : false))
        case .action(.putoffset): return .putOffset(try parameters.key())
        }
    }

    private static func key(_ segment: ArraySlice<UInt8>) throws(P2PRequestError) -> Key {
        if segment.isEmpty { throw .notFound("No such path") }
        do { return try Key(parsing: try decode(segment)) } catch { throw .badRequest("key parse error") }
    }

    private static func decode(_ segment: ArraySlice<UInt8>) throws(P2PRequestError) -> [UInt8] {
        do { return try BracketedText.decode(try PercentEncoding.decode(segment)) } catch {
            throw .badRequest("The path holds a segment that cannot be decoded")
        }
    }
}
