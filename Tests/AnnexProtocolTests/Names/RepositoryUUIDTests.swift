import AnnexProtocol
import Testing

@Suite struct RepositoryUUIDTests {
    @Test("spec 01 §0: opaque, and compared exactly")
    func opaque() throws {
        #expect(RepositoryUUID("not a uuid") == nil)
        #expect(RepositoryUUID("") == nil)
        for byte: UInt8 in [0, 10, 13, 32] { #expect(RepositoryUUID([65, byte]) == nil) }
        #expect(RepositoryUUID("whatever")?.description == "whatever")
        #expect(RepositoryUUID([0xff])?.bytes == [0xff])
        #expect(RepositoryUUID("ABC") != RepositoryUUID("abc"))
        #expect(try #require(RepositoryUUID("a")) < #require(RepositoryUUID("b")))
    }

    @Test("fresh ones have the shape of version 4 and differ")
    func random() throws {
        let uuids = (0..<100).map { _ in RepositoryUUID.random() }
        #expect(Set(uuids).count == 100)
        for uuid in uuids {
            let groups = uuid.description.split(separator: "-")
            #expect(groups.map(\.count) == [8, 4, 4, 4, 12])
            #expect(groups[2].first == "4" && "89ab".contains(groups[3].first ?? "x"))
            #expect(!uuid.isCluster)
        }
    }

    @Test(
        "spec 02: clusters",
        arguments: [
            ("ac18a2a6-f5e2-843d-9a4c-3a1f4a8e0001", true), ("bc18a2a6-f5e2-843d-9a4c-3a1f4a8e0001", false),
            ("ac18a2a6-f5e2-443d-9a4c-3a1f4a8e0001", false), ("ac", false),
        ])
    func clusters(text: String, isCluster: Bool) { #expect(RepositoryUUID(text)?.isCluster == isCluster) }

    @Test("spec 01 #42: a UUID that is a path leads nowhere", arguments: ["..", ".", "../../x", "a/b", "/"])
    func paths(text: String) throws {
        #expect(try #require(RepositoryUUID(text)).fileName == nil)
        #expect(RepositoryUUID("a.b")?.fileName == Array("a.b".utf8))
        #expect(try #require(RepositoryUUID(String(repeating: "a", count: 256))).fileName == nil)
    }
}
