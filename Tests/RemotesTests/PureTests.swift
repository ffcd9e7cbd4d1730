import AnnexProtocol
import Testing

@testable import Remotes

/// What is decided without any connection: URLs, replies, versions.
@Suite struct RequestURLTests {
    private static let client = RepositoryUUID("c-u") ?? .random()
    private static let repository = RepositoryUUID("s u/ü") ?? .random()

    static let spellings: [([UInt8], String)] = [
        (Array("URL--http://example.com/x y".utf8), "URL--http%3A%2F%2Fexample.com%2Fx%20y"),
        (Array("URL--100%25+a&b=c".utf8), "URL--100%2525%2Ba%26b%3Dc"),
        (Array("URL--".utf8) + [0xff, 0x2f], "%5BVVJMLS3_Lw%3D%3D%5D"),
        (Array("SHA256-s3--ab.t_~".utf8), "SHA256-s3--ab.t_~"),
    ]

    @Test(
        "keys are escaped as one segment, and in brackets where they are not UTF-8 (spec 01 §6.1)", arguments: spellings
    )
    func keys(bytes: [UInt8], text: String) throws {
        let key = try Key(parsing: bytes)
        let get = P2POperation.getContent(key, offset: 0, associatedFile: nil)
        let uuid = try #require(RepositoryUUID("u"))
        #expect(
            get.path(of: uuid, version: .v4, client: Self.client, bypass: [])
                == "/git-annex/u/v4/key/\(text)?clientuuid=c-u")
        #expect(
            P2POperation.checkPresent(key).path(of: uuid, version: .v0, client: Self.client, bypass: [uuid])
                == "/git-annex/u/v0/checkpresent?key=\(text)&clientuuid=c-u&bypass=u")
    }

    @Test("what is sent is what the server's own parser reads", arguments: P2PVersion.allCases)
    func roundTrip(version: P2PVersion) throws {
        let key = try Key(parsing: Array("URL--[".utf8) + [0xfe, 0x25] + Array("/]".utf8))
        let lock = try #require(LockID([0x5b, 0x78, 0x5d]))
        let file = Array("[a] +%&ü/\u{1}".utf8) + [0xff]
        let operations: [P2POperation] = [
            .getContent(key, offset: 17, associatedFile: file), .getContent(key, offset: 0, associatedFile: nil),
            .checkPresent(key), .lockContent(key), .keepLocked(lock), .remove(key),
            .removeBefore(key, timestamp: 1709), .getTimestamp, .putOffset(key),
            .put(.init(key: key, associatedFile: file, offset: 5)), .put(.init(key: key, isDataPresent: true)),
        ]
        for operation in operations where operation.firstVersion <= version {
            let text = operation.path(
                of: Self.repository, version: version, client: Self.client, bypass: [Self.repository, Self.client])
            let path = text.prefix { $0 != "?" }.dropFirst("/git-annex/".count)
            var method = "POST"
            if case .getContent = operation { method = "GET" }
            let request = try P2PRequest(
                method: method, segments: P2PRequest.segments(ofPath: Array(path.utf8)),
                query: Array(text.drop { $0 != "?" }.dropFirst().utf8))
            #expect(request.operation == operation)
            #expect(request.repository == Self.repository)
            #expect(request.version == version)
            #expect(request.client == Self.client)
            #expect(request.bypass == [Self.repository, Self.client])
        }
    }
}

@Suite struct ReplyParsingTests {
    private static let uuid = RepositoryUUID("u1") ?? .random()

    static let good: [(String, P2PReply.Shape, P2PReply)] = [
        ("{\"present\":true}", .present, .present(true)),
        (" { \"x\" : [1, -2.5e3, {\"y\":null}] ,\"present\" : false } \n", .present, .present(false)),
        ("{\"locked\":false}", .locked, .locked(nil)),
        ("{\"locked\":true,\"lockid\":\"a\\u00fc\\n\"}", .locked, .locked(LockID(Array("aü\n".utf8)))),
        ("{\"locked\":true,\"lockid\":\"[_w==]\"}", .locked, .locked(LockID([0xff]))),
        ("{\"locked\":false}", .lockReleased, .lockReleased),
        ("{\"removed\":true}", .removed, .removed(true)),
        ("{\"plusuuids\":[\"u1\"],\"removed\":false}", .removed, .removed(false, plusUUIDs: [uuid])),
        ("{\"timestamp\":1110}", .timestamp, .timestamp(1110)),
        ("{\"stored\":true,\"plusuuids\":[]}", .stored, .stored(true)),
        ("{\"offset\":0}", .offset, .offset(0)),
        ("{\"alreadyhave\":true}", .offset, .alreadyHave()),
        ("{\"alreadyhave\":true,\"plusuuids\":[\"u1\"]}", .offset, .alreadyHave(plusUUIDs: [uuid])),
        ("{\"present\":true,\"\\ud83d\\ude00\":1}", .present, .present(true)),
    ]

    @Test("replies are read (spec 01 §6.2)", arguments: good)
    func reads(text: String, shape: P2PReply.Shape, reply: P2PReply) {
        #expect(P2PReply(parsing: Array(text.utf8), as: shape) == reply)
    }

    static let bad: [(String, P2PReply.Shape)] = [
        ("{\"present\":1}", .present), ("{\"present\":\"true\"}", .present), ("{present:true}", .present),
        ("{\"present\":true,}", .present), ("{\"present\":true} x", .present), ("{\"present\":TRUE}", .present),
        ("[{\"present\":true}]", .present), ("{\"locked\":true}", .locked),
        ("{\"locked\":true,\"lockid\":\"\"}", .locked),
        ("{\"locked\":true,\"lockid\":7}", .locked), ("{\"locked\":true}", .lockReleased),
        ("{\"timestamp\":-1}", .timestamp), ("{\"timestamp\":1.5}", .timestamp), ("{\"timestamp\":\"1\"}", .timestamp),
        ("{\"timestamp\":01}", .timestamp), ("{\"timestamp\":99999999999999999999}", .timestamp),
        ("{\"stored\":true,\"plusuuids\":\"u1\"}", .stored), ("{\"stored\":true,\"plusuuids\":[1]}", .stored),
        ("{\"stored\":true,\"plusuuids\":[\"a b\"]}", .stored), ("{\"offset\":-4}", .offset), ("{}", .offset),
        ("{\"alreadyhave\":false}", .offset), ("{\"present\":true,\"a\":\"\\ud800\"}", .present),
        ("{\"present\":true,\"a\":\"\u{1}\"}", .present), ("", .present),
        ("{\"a\":" + String(repeating: "[", count: 50), .present),
    ]

    @Test("everything else is none", arguments: bad)
    func refuses(text: String, shape: P2PReply.Shape) {
        #expect(P2PReply(parsing: Array(text.utf8), as: shape) == nil)
    }

    @Test("bytes that are not UTF-8 are none")
    func bytes() {
        let text = Array("{\"locked\":true,\"lockid\":\"".utf8) + [0xff] + Array("\"}".utf8)
        #expect(P2PReply(parsing: text, as: .locked) == nil)
    }

    @Test("what a server writes is read back", arguments: P2PVersion.allCases)
    func roundTrip(version: P2PVersion) throws {
        let others = version.hasPlusUUIDs ? [Self.uuid, try #require(RepositoryUUID([0xfe, 0x41]))] : []
        let replies: [(P2PReply, P2PReply.Shape)] = [
            (.present(true), .present), (.locked(.random()), .locked), (.locked(nil), .locked),
            (.lockReleased, .lockReleased), (.removed(true, plusUUIDs: others), .removed), (.timestamp(5), .timestamp),
            (.stored(false, plusUUIDs: others), .stored), (.offset(.init(Int64.max)), .offset),
            (.alreadyHave(plusUUIDs: others), .offset),
        ]
        for (reply, shape) in replies { #expect(P2PReply(parsing: reply.json(for: version), as: shape) == reply) }
    }
}

@Suite struct VersionMemoryTests {
    private let now = ContinuousClock.now
    private let removal = P2POperation.removeBefore(LyingTargetTests.key ?? Self.fallback, timestamp: 1)
    private let removing = P2POperation.remove(LyingTargetTests.key ?? Self.fallback)
    private static let fallback: Key = { fatalError("the key of the tests is one") }()

    @Test("versions are tried downwards, and what worked is remembered for a while (spec 03 #65)")
    func stepping() {
        var memory = VersionMemory(highest: .v4)
        #expect(memory.candidates(for: removing, at: now) == [.v4, .v3, .v2, .v1, .v0])
        #expect(memory.candidates(for: removal, at: now) == [.v4, .v3])
        #expect(memory.triesHighest(at: now))
        memory.learned(.v2, at: now)
        #expect(memory.candidates(for: removing, at: now) == [.v2, .v1, .v0])
        #expect(memory.candidates(for: removal, at: now) == [])
        #expect(!memory.triesHighest(at: now))
        // Using it does not make it last: the target may have been updated.
        memory.learned(.v2, at: now + .seconds(200))
        #expect(memory.current(at: now + .seconds(299)) == .v2)
        #expect(memory.current(at: now + .seconds(300)) == nil)
        #expect(memory.candidates(for: removal, at: now + .seconds(300)) == [.v4, .v3])
        memory.learned(.v2, at: now + .seconds(301))
        #expect(memory.current(at: now + .seconds(500)) == .v2)
        memory.learned(.v4, at: now)
        #expect(memory.current(at: now + .seconds(100_000)) == .v4)
        memory.forget()
        #expect(memory.current(at: now) == nil)
    }

    @Test("an authorization header in each dialect (spec 01 §6.8)")
    func authorization() {
        let credentials = BasicCredentials(user: Array("alice".utf8), password: Array("p:w?>~\u{fc}".utf8))
        #expect(credentials.authorization(.annex) == "Basic YWxpY2U6cDp3Pz5-w7w=")
        #expect(credentials.authorization(.standard) == "Basic YWxpY2U6cDp3Pz5+w7w=")
        for dialect in [BasicCredentials.Dialect.annex, .standard] {
            #expect(BasicCredentials(authorization: Array(credentials.authorization(dialect).utf8)) == credentials)
        }
    }
}
