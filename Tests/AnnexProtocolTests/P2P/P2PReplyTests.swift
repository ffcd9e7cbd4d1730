import AnnexProtocol
import Testing

@Suite struct P2PReplyTests {
    @Test("spec 01 #74: exactly the listed fields in every version", arguments: P2PVersion.allCases)
    func fields(version: P2PVersion) throws {
        let plus = version >= .v2 ? "\"plusuuids\":[]," : ""
        let end = version >= .v2 ? ",\"plusuuids\":[]" : ""
        let id = try #require(LockID(Array("03ccf3a8".utf8)))
        let expected: [(P2PReply, String)] = [
            (.present(true), "{\"present\":true}"), (.present(false), "{\"present\":false}"),
            (.locked(id), "{\"locked\":true,\"lockid\":\"03ccf3a8\"}"), (.locked(nil), "{\"locked\":false}"),
            (.lockReleased, "{\"locked\":false}"), (.removed(true), "{\(plus)\"removed\":true}"),
            (.removed(false), "{\(plus)\"removed\":false}"), (.stored(true), "{\(plus)\"stored\":true}"),
            (.stored(false), "{\(plus)\"stored\":false}"), (.timestamp(1110), "{\"timestamp\":1110}"),
            (.offset(2_816_672), "{\"offset\":2816672}"), (.alreadyHave(), "{\"alreadyhave\":true\(end)}"),
        ]
        for (reply, text) in expected { #expect(String(decoding: reply.json(for: version), as: UTF8.self) == text) }
    }

    @Test("the UUIDs of clusters appear from version 2 on")
    func uuids() throws {
        let uuids = [try #require(RepositoryUUID("a\"\\\u{1}ü\u{7f}")), try #require(RepositoryUUID([0xff]))]
        let list = "[\"a\\\"\\\\\\u0001ü\\u007f\",\"[_w==]\"]"
        for reply in [
            P2PReply.stored(true, plusUUIDs: uuids), .removed(true, plusUUIDs: uuids), .alreadyHave(plusUUIDs: uuids),
        ] {
            #expect(String(decoding: reply.json(for: .v2), as: UTF8.self).contains("\"plusuuids\":\(list)"))
            #expect(!String(decoding: reply.json(for: .v1), as: UTF8.self).contains("plusuuids"))
        }
    }

    @Test("any lock id gives valid UTF-8 without control characters")
    func anyBytes() throws {
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 1...12)).map { _ in UInt8.random(in: 0...255) }
            let id: LockID? = LockID(bytes)
            #expect(id?.bytes == bytes)
            let json = P2PReply.locked(id).json(for: .v4)
            #expect(String(validating: json, as: UTF8.self) != nil)
            #expect(!json.contains { $0 < 0x20 })
        }
    }

    @Test("spec 01 #96: the content type")
    func contentType() { #expect(P2PReply.contentType == "application/json;charset=utf-8") }

    @Test("a lock id is random, and does not print")
    func lockIDs() {
        let id = LockID.random()
        #expect(id != LockID.random())
        #expect(id.bytes.count == 36)
        #expect("\(id)" == "<redacted>")
        #expect(String(reflecting: id) == "<redacted>")
        #expect(LockID([]) == nil)
        var dumped = ""
        dump(P2POperation.keepLocked(id), to: &dumped)
        #expect(!dumped.contains(String(decoding: id.bytes, as: UTF8.self)))
        #expect(!"\(P2POperation.keepLocked(id))".contains(String(decoding: id.bytes, as: UTF8.self)))
    }
}
