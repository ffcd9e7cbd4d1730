public import AnnexProtocol

/// What a request is about, decided from its method and target alone.
///
/// Repository names may hold slashes, so a path is read from its end.
public enum Route: Sendable, Equatable {
    /// `/-/health`, `/-/ready`, `/-/metrics`.
    case operations(Operations)
    /// The P2P protocol: within the repository of a path, or by UUID alone.
    case p2p(within: RepositoryName?, P2PRequest)
    case git(RepositoryName, GitOperation)
    /// `/<path>/config`: how clients discover UUID and annex URL.
    case discovery(RepositoryName)
    /// `/<path>/annex/objects/…`: content by plain HTTP, for clients that know no P2P protocol over HTTP.
    case object(RepositoryName, Key)
    /// `/<path>` itself, as people open it in a browser.
    case page(RepositoryName)

    public enum Operations: String, Sendable { case health, ready, metrics }

    public enum GitOperation: Sendable, Equatable {
        /// `info/refs?service=…`; nil for the dumb protocol.
        case advertisement(service: [UInt8]?)
        case uploadPack, receivePack
        /// `HEAD`, `objects/…` of the dumb protocol: the path below the repository.
        case file([String])
    }
}

/// Why a request means nothing here.
public struct RouteError: Error, Sendable, Equatable {
    public var status: Int
    public var reason: String
    /// Of a 405: the methods that are right, which the answer has to name (RFC 9110 §15.5.6).
    public var allowedMethods: [String]

    public init(status: Int, reason: String, allowedMethods: [String] = []) {
        self.status = status
        self.reason = reason
        self.allowedMethods = allowedMethods
    }

    static let notFound = RouteError(status: 404, reason: "Not Found")

    static func method(allowing methods: [String]) -> RouteError {
        RouteError(status: 405, reason: "Method Not Allowed", allowedMethods: methods)
    }
}

extension Route {
    /// - Parameter method: as on the request line, for example `GET`.
    public init(method: String, target: RequestTarget) throws(RouteError) {
        if target.segments.first.map({ Array($0) }) == Array("-".utf8) {
            self = try Self.operations(method, target)
        } else if let route = try Self.p2p(method, target) {
            self = route
        } else if let route = try Self.object(method, target) {
            self = route
        } else {
            self = try Self.git(method, target)
        }
    }

    private static func operations(_ method: String, _ target: RequestTarget) throws(RouteError) -> Route {
        guard target.segments.count == 2,
            let operation = Operations(rawValue: String(decoding: target.segments[1], as: UTF8.self))
        else { throw .notFound }
        guard reading.contains(method) else { throw .method(allowing: reading) }
        return .operations(operation)
    }

    /// Looks for `git-annex/<uuid>/v<n>/<action>`, `…/v<n>/key/<key>` or `git-annex/<uuid>/key/<key>` at the end.
    private static func p2p(_ method: String, _ target: RequestTarget) throws(RouteError) -> Route? {
        let segments = target.segments
        for length in [4, 3] where segments.count > length {
            let rest = Array(segments.suffix(length))
            guard Array(segments[segments.count - length - 1]) == Array("git-annex".utf8),
                length == 4 ? isVersion(rest[1]) && isKey(rest[2]) : isVersion(rest[1]) || isKey(rest[1])
            else { continue }
            let prefix = segments.dropLast(length + 1)
            var within: RepositoryName?
            if !prefix.isEmpty {
                guard let name = name(prefix) else { throw .notFound }
                within = name
            }
            do {
                return .p2p(within: within, try P2PRequest(method: method, segments: rest, query: target.query))
            } catch {
                throw RouteError(status: error.status, reason: error.message, allowedMethods: error.allowedMethods)
            }
        }
        return nil
    }

    /// Looks for `annex/objects/<one or two hash directories>/KEY/KEY` at the end.
    private static func object(_ method: String, _ target: RequestTarget) throws(RouteError) -> Route? {
        let segments = target.segments
        for directories in [2, 1] {
            let start = segments.count - directories - 4
            guard start > 0, segments[start].elementsEqual("annex".utf8),
                segments[start + 1].elementsEqual("objects".utf8), let name = name(segments[..<start])
            else { continue }
            guard let key = ObjectPath.key(segments[(start + 2)...]) else { throw .notFound }
            guard reading.contains(method) else { throw .method(allowing: reading) }
            return .object(name, key)
        }
        return nil
    }

    private static func git(_ method: String, _ target: RequestTarget) throws(RouteError) -> Route {
        let segments = target.segments
        guard let last = segments.last.map({ Array($0) }) else { throw .notFound }
        func repository(droppingLast count: Int) throws(RouteError) -> RepositoryName {
            guard segments.count > count, let name = name(segments.dropLast(count)) else { throw .notFound }
            return name
        }
        func require(_ allowed: [String]) throws(RouteError) {
            if !allowed.contains(method) { throw .method(allowing: allowed) }
        }
        switch last {
        case Array("refs".utf8) where segments.count > 2 && segments[segments.count - 2].elementsEqual("info".utf8):
            let name = try repository(droppingLast: 2)
            try require(reading)
            let query = try? QueryParameters(parsing: target.query)
            return .git(name, .advertisement(service: query?["service"]))
        case Array("git-upload-pack".utf8):
            try require(["POST"])
            return .git(try repository(droppingLast: 1), .uploadPack)
        case Array("git-receive-pack".utf8):
            try require(["POST"])
            return .git(try repository(droppingLast: 1), .receivePack)
        case Array("config".utf8):
            try require(reading)
            return .discovery(try repository(droppingLast: 1))
        case Array("HEAD".utf8):
            try require(reading)
            return .git(try repository(droppingLast: 1), .file(["HEAD"]))
        default:
            guard let objects = segments.lastIndex(where: { $0.elementsEqual("objects".utf8) }), objects > 0,
                segments.count - objects <= 3, let name = name(segments[..<objects])
            else {
                guard reading.contains(method) else { throw .notFound }
                return .page(try repository(droppingLast: 0))
            }
            try require(reading)
            return .git(name, .file(segments[objects...].map { String(decoding: $0, as: UTF8.self) }))
        }
    }

    private static let reading = ["GET", "HEAD"]

    private static func name(_ segments: some Sequence<ArraySlice<UInt8>>) -> RepositoryName? {
        var components: [String] = []
        for segment in segments {
            guard let decoded = try? PercentEncoding.decode(segment),
                let text = String(validating: decoded, as: UTF8.self)
            else { return nil }
            components.append(text)
        }
        return RepositoryName(components: components)
    }

    private static func isVersion(_ segment: ArraySlice<UInt8>) -> Bool {
        segment.first == UInt8(ascii: "v") && segment.count > 1
            && segment.dropFirst().allSatisfy { (48...57).contains($0) }
    }

    private static func isKey(_ segment: ArraySlice<UInt8>) -> Bool { segment.elementsEqual("key".utf8) }
}
