import AnnexProtocol
import Foundation

@testable import WebService

/// Values and bodies of git-annex's own protocol.
let protocolTargets = [
    FuzzTarget("key") { input in
        if let key = try? Key(parsing: input.bytes) { try checkKey(key) }
        guard let key = try? Key(fileName: input.bytes) else { return }
        try checkKey(key)
        // Two file names may stand for one key, but its own stands for nothing else.
        try requireEqual(try Key(fileName: key.fileName), key, "the key of its file name")
    },
    FuzzTarget("encodings") { input in
        let bytes = input.bytes
        try requireEqual(try BracketedText.decode(BracketedText.encode(bytes)), bytes, "brackets there and back")
        try requireEqual(try PercentEncoding.decode(PercentEncoding.encode(bytes)), bytes, "percent there and back")
        try require(String(validating: BracketedText.encode(bytes), as: UTF8.self) != nil, "brackets give text")
        if let plain = try? BracketedText.decode(bytes), plain != bytes {
            let inner = bytes.dropFirst().dropLast().filter { $0 != UInt8(ascii: "=") }
            let again = BracketedText.encode(plain)
            if again != plain {
                let written = again.dropFirst().dropLast().filter { $0 != UInt8(ascii: "=") }
                try requireEqual(written, inner, "each value has one spelling but for padding")
            }
        }
        if let query = try? QueryParameters(parsing: bytes) {
            let written = query.parameters.map {
                PercentEncoding.encode($0.name) + [61] + PercentEncoding.encode($0.value)
            }
            try requireEqual(
                try QueryParameters(parsing: Array(written.joined(separator: [38]))), query, "the query written anew")
        }
    },
    FuzzTarget("keeplocked") { input in
        var whole = KeepLockedParser()
        let events = whole.parse(input.bytes)
        let end = whole.finish()
        var parser = KeepLockedParser()
        var gathered: [KeepLockedParser.Event] = []
        for piece in input.pieces { gathered += parser.parse(piece) }
        try requireEqual(gathered, events, "pieces are read as the whole is")
        try requireEqual(parser.finish(), end, "the end of pieces")
        try require(events.dropLast().allSatisfy { $0 == .heartbeat }, "nothing follows the last word")
        try require(events.last != .unlock || end == nil, "an unlocking is whole")
        // Whatever gives up a lock must do so in the eyes of any reader of JSON.
        guard events.last == .unlock else { return }
        try require(saysUnlock(input.bytes, after: events.count - 1), "an unlocking that is no JSON")
    },
    FuzzTarget("headers") { input in
        let bytes = input.bytes
        let text = input.text
        if let credentials = BasicCredentials(authorization: bytes) {
            try require(!credentials.user.contains(UInt8(ascii: ":")), "the first colon divides")
            try requireEqual("\(credentials)\(String(reflecting: credentials))", "<redacted><redacted>", "printed")
            let pair = Data(credentials.user + [58] + credentials.password).base64EncodedString()
            let again = BasicCredentials(authorization: "Basic \(pair)".utf8)
            try requireEqual(again, credentials, "credentials written anew")
        }
        if let length = try? DataLengthHeader.parse(bytes) {
            try requireEqual(try DataLengthHeader.parse(Array("\(length)".utf8)), length, "the length written anew")
        }
        for size in [0, 1, 1000, UInt64(Int64.max)] {
            guard case .bytes(let first, let count) = ByteRange(text, of: size) else { continue }
            try require(count > 0 && first < size && count <= size - first, "a range of \(size) bytes")
        }
    },
    // What the host of a proxied repository answers.
    FuzzTarget("p2p-reply") { input in
        let object = try? JSONSerialization.jsonObject(with: Data(input.bytes)) as? [String: Any]
        for shape in replyShapes {
            guard let reply = P2PReply(parsing: input.bytes, as: shape) else { continue }
            let version = P2PVersion.v4
            try requireEqual(P2PReply(parsing: reply.json(for: version), as: shape), reply, "the reply written anew")
            // Foundation refuses some numbers and takes the first of two members with one name.
            guard let object, input.bytes.count(where: { $0 == UInt8(ascii: ":") }) == 1 else { continue }
            switch reply {
            case .present(let isPresent): try requireEqual(object["present"] as? Bool, isPresent, "present")
            case .removed(let isRemoved, _): try requireEqual(object["removed"] as? Bool, isRemoved, "removed")
            case .stored(let isStored, _): try requireEqual(object["stored"] as? Bool, isStored, "stored")
            case .lockReleased: try requireEqual(object["locked"] as? Bool, false, "the end of a lock")
            case .locked(let id): try require(id != nil || object["locked"] as? Bool == false, "locked")
            case .timestamp(let seconds): try require(seconds <= UInt64(Int64.max), "a clock")
            case .offset(let offset): try require(offset <= UInt64(Int64.max), "an offset")
            case .alreadyHave: try requireEqual(object["alreadyhave"] as? Bool, true, "content that is there")
            }
        }
    },
    // The address of a connection's other end, and a header of X-Forwarded-For.
    FuzzTarget("forwarded-for") { input in
        let parts = input.parts(2).map { String(decoding: $0, as: UTF8.self) }
        let trusted = ["10.0.0.1", "10.0.0.2", "2001:db8::1", "unix"]
        guard let proxies = TrustedProxies(trusted) else { throw BrokenProperty("numeric addresses") }
        let direct = proxies.client(peer: parts[0], forwardedFor: [])
        let client = proxies.client(peer: parts[0], forwardedFor: [parts[1]])
        for address in [direct, client] where address != .unix {
            try requireEqual(ClientAddress(address.description), address, "the address written anew")
            let letters = Set("0123456789abcdefABCDEF.:".utf8)
            try require(address.description.utf8.allSatisfy(letters.contains), "an address and no more")
        }
        let hops = parts[1].split(separator: ",")
        try requireEqual(
            proxies.client(peer: parts[0], forwardedFor: hops.map(String.init)), client, "one header or several")
        if !trusted.contains(direct.description) { try requireEqual(client, direct, "hearsay of a stranger") }
        if !trusted.contains(client.description) {
            try requireEqual(
                proxies.client(peer: parts[0], forwardedFor: ["6.6.6.6", "10.0.0.1, " + parts[1]]), client,
                "what a client says of itself")
        }
        let isNamed =
            client == direct
            || hops.contains { hop in
                hop.utf8.split(separator: 32).contains { word in
                    word.split(separator: 9).contains { named(String(decoding: $0, as: UTF8.self)).contains(client) }
                }
            }
        try require(isNamed, "an address that is nowhere in the header")
    },
]

private let replyShapes: [P2PReply.Shape] = [
    .present, .locked, .lockReleased, .removed, .timestamp, .stored, .offset,
]

/// A key's names and directories are its own, and safe.
func checkKey(_ key: Key) throws {
    try requireEqual(try Key(parsing: key.bytes), key, "the key written anew")
    try requireEqual(try Key(fileName: key.fileName), key, "the key of its file name")
    try checkFileName(key.fileName)
    let directories = HashDirectories(of: key)
    for directory in directories.lower() + directories.mixed() {
        try require(
            (2...3).contains(directory.count) && directory.allSatisfy { (48...57).contains($0) || $0 >= 65 },
            "hash directories")
    }
    for file in BranchPath.KeyFile.allCases {
        let path = BranchPath(of: key, file, levels: .two)
        try requireEqual(BranchPath(path.bytes), path, "the path of a key's log")
    }
    let log = BranchPath(of: key, .location, levels: .two)
    try requireEqual(log.kind(levels: .two), .location(key), "a key's location log")
    try requireEqual(log.family, .presence, "the lines of a location log")
}

/// Whether the bytes hold an object with `"unlock":true` after so many others, as Foundation reads JSON.
private func saysUnlock(_ bytes: [UInt8], after count: Int) -> Bool {
    // Objects hold no others, so each `}` outside a string ends one.
    var objects: [[UInt8]] = [[]]
    var isInString = false
    var isEscaped = false
    for byte in bytes where objects.count <= count + 1 {
        objects[objects.count - 1].append(byte)
        if isEscaped {
            isEscaped = false
        } else if isInString {
            if byte == UInt8(ascii: "\\") { isEscaped = true }
            if byte == UInt8(ascii: "\"") { isInString = false }
        } else if byte == UInt8(ascii: "\"") {
            isInString = true
        } else if byte == UInt8(ascii: "}") {
            objects.append([])
        }
    }
    // A number that no floating-point number holds is JSON all the same.
    let isLong = bytes.split(omittingEmptySubsequences: true) { !(48...57).contains($0) }.contains { $0.count > 2 }
    guard objects.count > count, !isLong else { return isLong }
    guard let value = try? JSONSerialization.jsonObject(with: Data(objects[count])) else { return false }
    return (value as? [String: Any])?["unlock"] as? Bool == true
}

/// The addresses that a word of X-Forwarded-For may mean: alone, in brackets, or with a port behind it.
private func named(_ word: String) -> [ClientAddress] {
    let bracketed = word.first == "[" ? String(word.dropFirst().prefix { $0 != "]" }) : ""
    return [word, bracketed, String(word.prefix { $0 != ":" })].compactMap { ClientAddress($0) }
}
