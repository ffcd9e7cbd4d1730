import AnnexProtocol
import Hosting
import Remotes
import SystemPackage

@testable import GitHost
@testable import WebService

/// Request targets, and what of them reaches the disk.
let urlTargets = [
    // A `Range` header, and the size of the content in eight bytes.
    FuzzTarget("byte-range") { input in
        let parts = input.parts(2)
        let size = parts[1].prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard case .bytes(let first, let count) = ByteRange(String(decoding: parts[0], as: UTF8.self), of: size) else {
            return
        }
        try require(count > 0 && first < size && count <= size - first, "\(count) bytes from \(first) on of \(size)")
    },
    // The first part is the method, the second the target.
    FuzzTarget("route") { input in
        let parts = input.parts(2)
        let method = String(decoding: parts[0], as: UTF8.self)
        let target = RequestTarget(parts[1])
        let written = RequestTarget(target.written)
        try requireEqual(written.segments.map { Array($0) }, target.segments.map { Array($0) }, "segments")
        try requireEqual(Array(written.query), Array(target.query), "query")
        guard let route = try? Route(method: method, target: target) else { return }
        try requireEqual(try? Route(method: method, target: written), route, "the route of the rewritten target")
        switch route {
        case .operations: break
        case .discovery(let name), .page(let name): try checkName(name)
        case .object(let name, let key):
            try checkName(name)
            try checkKey(key)
        case .git(let name, .file(let path)):
            try checkName(name)
            try checkFile(path)
        case .git(let name, _): try checkName(name)
        case .p2p(let name, let request):
            if let name { try checkName(name) }
            try checkRequest(request)
        }
    },
    // A query below a fixed path, so that parameters are reached at once. The first byte chooses the action.
    FuzzTarget("p2p-query") { input in
        let actions = [
            "v4/checkpresent", "v4/lockcontent", "v4/keeplocked", "v4/remove", "v4/remove-before", "v4/gettimestamp",
            "v4/put", "v1/putoffset", "v0/put", "v4/key/FOO--a", "key/FOO--a",
        ]
        guard let first = input.bytes.first else { return }
        let action = actions[Int(first) % actions.count]
        let segments = P2PRequest.segments(ofPath: Array("u/\(action)".utf8))
        let method = action.contains("key/") ? "GET" : "POST"
        guard
            let request = try? P2PRequest(method: method, segments: segments, query: input.bytes.dropFirst())
        else { return }
        try checkRequest(request)
        let (path, query) = request.written
        let again = try P2PRequest(method: method, segments: P2PRequest.segments(ofPath: path), query: query)
        try requireEqual(again, request, "the request written anew")
    },
    FuzzTarget("repository-name") { input in
        guard let name = RepositoryName(input.text) else { return }
        try checkName(name)
    },
    FuzzTarget("annex-url") { input in
        guard let url = AnnexURL(input.text) else { return }
        try require(!url.base.contains(where: { $0.isWhitespace }), "no space in \(url.base)")
        try require(
            !url.base.split(separator: "/").dropFirst().prefix(1).contains { $0.contains("@") }, "no user in base")
        var expected = url
        expected.userInfo = nil
        // `/git-annex` alone is written as an empty path, and a path of that name below another stays.
        try requireEqual(AnnexURL("annex+\(url.base)"), expected, "the URL written anew")
    },
]

/// A repository's name never leads out of the root, into hidden folders or into another repository.
private func checkName(_ name: RepositoryName) throws {
    try require(!name.components.isEmpty, "a name has components")
    for component in name.components {
        let bytes = Array(component.utf8)
        try require(bytes.first != UInt8(ascii: ".") && !bytes.isEmpty && component != "-", "component \(component)")
        try require(!bytes.contains { $0 < 32 || $0 == 127 || $0 == 47 || $0 == 92 }, "bytes of \(component)")
        try require(!bytes.suffix(4).elementsEqual(".git".utf8), "no .git inside of \(name)")
    }
    try requireEqual(RepositoryName(name.description), name, "the name written anew")
    let root = FilePath("/srv/annexd")
    let folder = RootFolder(root).folder(of: name)
    try require(
        folder.lexicallyNormalized().starts(with: root) && folder.isLexicallyNormal, "\(folder) is below the root")
}

/// A file of the dumb protocol is an object or a pack, at its own place.
private func checkFile(_ path: [String]) throws {
    let directory = FilePath("/srv/annexd/a.git")
    guard let file = DumbHTTP(directory).objectFile(path.joined(separator: "/")) else { return }
    try require(file.path.isLexicallyNormal && file.path.starts(with: directory.appending("objects")), "\(file.path)")
}

func checkRequest(_ request: P2PRequest) throws {
    if let key = request.operation.key { try checkKey(key) }
    if let file = request.repository.fileName { try checkFileName(file) }
    if let file = request.client?.fileName { try checkFileName(file) }
    try require(request.bypass.allSatisfy { !$0.bytes.contains(10) }, "no line feed in a UUID")
    if case .keepLocked(let lock) = request.operation { try requireEqual("\(lock)", "<redacted>", "a lock in a log") }
}

/// One component of a path, and no other place.
func checkFileName(_ name: [UInt8]) throws {
    try require(!name.isEmpty && !name.contains(47) && !name.contains(0), "a file name")
    try require(name != [46] && name != [46, 46] && name.count <= 255, "a file's own name")
}

extension RequestTarget {
    /// The target in its simplest spelling.
    fileprivate var written: [UInt8] {
        Array("/".utf8) + segments.joined(separator: "/".utf8) + Array("?".utf8) + query
    }
}

extension FilePath {
    fileprivate var isLexicallyNormal: Bool { lexicallyNormalized() == self }
}

extension P2PRequest {
    /// Path below `git-annex/` and query in their plainest spelling.
    fileprivate var written: (path: [UInt8], query: [UInt8]) {
        var path = repository.bytes.escaped
        if let version { path += Array("/v\(version.rawValue)".utf8) }
        var query: [(String, [UInt8])] = []
        if let key = operation.key, operation.action != "key" { query.append(("key", key.bytes)) }
        path += Array("/\(operation.action)".utf8)
        switch operation {
        case .getContent(let key, let offset, let file):
            path += Array("/".utf8) + key.bytes.escaped
            query.append(("offset", Array("\(offset)".utf8)))
            if let file { query.append(("associatedfile", file)) }
        case .keepLocked(let lock): query.append(("lockid", lock.bytes))
        case .removeBefore(_, let timestamp): query.append(("timestamp", Array("\(timestamp)".utf8)))
        case .put(let put):
            query.append(("offset", Array("\(put.offset)".utf8)))
            if let file = put.associatedFile { query.append(("associatedfile", file)) }
            if put.isDataPresent { query.append(("data-present", Array("true".utf8))) }
        case .checkPresent, .lockContent, .remove, .getTimestamp, .putOffset: break
        }
        // A client that named itself with something that is no UUID is nobody.
        query.append(("clientuuid", client?.bytes ?? [32]))
        for uuid in bypass { query.append(("bypass", uuid.bytes)) }
        let text = query.map { name, value in Array("\(name)=".utf8) + value.escaped }.joined(separator: "&".utf8)
        return (path, Array(text))
    }
}

extension P2POperation {
    /// The word in the path.
    fileprivate var action: String {
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
}

extension [UInt8] {
    /// In brackets where that is needed, and percent-encoded.
    fileprivate var escaped: [UInt8] { PercentEncoding.encode(BracketedText.encode(self)) }
}
