import AnnexProtocol
import Testing

@Suite struct BranchPathTests {
    @Test(
        "spec 02 #2 #29: paths and journal names",
        arguments: [
            (
                "SHA256E-s3--98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4.txt",
                "118/bb6/SHA256E-s3--98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4.txt.log"
            ),
            (
                "SHA256E-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "f87/4d5/SHA256E-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.log"
            ),
            ("WORM-s3-m1289672605--a/b%c&d:e", "cfe/2a9/WORM-s3-m1289672605--a%b&sc&ad&ce.log"),
            ("VURL--http://localhost:1/x_y/z", "695/f0e/VURL--http&c%%localhost&c1%x_y%z.log"),
        ])
    func paths(text: String, path: String) throws {
        let key = try Key(parsing: text)
        let subject = BranchPath(of: key, .location, levels: .two)
        #expect(subject.description == path)
        #expect(subject.locationKey(levels: .two) == key)
        #expect(JournalName.decode(JournalName.encode(subject)) == subject)
    }

    @Test("spec 02 #3: one level, and depth 2 in classification")
    func oneLevel() throws {
        let key = try Key(parsing: "SHA256E-s3--98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4.txt")
        let subject = BranchPath(of: key, .location, levels: .one)
        #expect(subject.description.hasPrefix("118/SHA256E"))
        #expect(subject.kind(levels: .one) == .location(key))
        #expect(subject.kind(levels: .two) == .unknown)
    }

    @Test("spec 02 #2: chunk fields do not count")
    func chunks() throws {
        let whole = BranchPath(of: try Key(parsing: "SHA256-s9--a"), .location, levels: .two).description
        let chunk = BranchPath(of: try Key(parsing: "SHA256-s9-S4-C1--a"), .location, levels: .two).description
        #expect(whole.prefix(8) == chunk.prefix(8))
    }

    @Test("spec 02 #4 #29: every byte survives in keys and journal names")
    func bytes() throws {
        for byte in UInt8.min ... .max where ![0, 10, 13].contains(byte) {
            let key = try Key(parsing: Array("WORM--a".utf8) + [byte] + Array("b".utf8))
            let path = BranchPath(of: key, .location, levels: .two)
            #expect(path.locationKey(levels: .two) == key)
            #expect(JournalName.decode(JournalName.encode(path)) == path)
        }
        let name = JournalName.encode(
            BranchPath(of: try Key(parsing: "VURL--http://localhost:1/x_y/z"), .location, levels: .two))
        #expect(String(decoding: name, as: UTF8.self) == "695_f0e_VURL--http&c%%localhost&c1%x__y%z.log")
    }

    /// Whoever may upload chooses the key, and with it the path of its log.
    @Test(
        "a path that would come out of the journal as another one does not fit into it",
        arguments: [
            ("cfe/2a9/_X--a.log", false), ("cfe/2a9/__X--a.log", false), ("_a/b.log", true), ("a_/_b.log", false),
            ("cfe/2a9/X_--_a_.log", true), ("cfe/2a9/" + String(repeating: "a", count: 248), false),
            ("cfe/2a9/" + String(repeating: "a", count: 247), true),
        ])
    func journal(text: String, fits: Bool) throws {
        let path = try #require(BranchPath(text))
        #expect(JournalName.fits(path) == fits)
        #expect((JournalName.decode(JournalName.encode(path)) == path) == fits || text.utf8.count > 255)
    }

    @Test(
        "spec 02 §1.2: classification",
        arguments: [
            ("uuid.log", .oldUUIDLog, .oldUUID), ("cluster.log", .newUUIDLog, .keyed),
            ("numcopies.log", .other, .count),
            ("a/b/X--1.log.rmt", .newUUIDLog, .keyed), ("a/b/X--1.log.rmet", .remoteMetadata, .unknown),
            ("a/b/X--1.log.met", .other, .unknown), ("a/b/X--1.log.ek", .other, .presence),
            ("a/b/X--1.log.cnk", .chunks, .keyed),
            ("a/b/X--1.log.web", .urls, .presence), ("stray.log", .unknown, .unknown),
            ("transitions.log", .unknown, .unknown),
        ] as [(String, BranchPath.Kind, BranchPath.Family)])
    func kinds(path: String, kind: BranchPath.Kind, family: BranchPath.Family) throws {
        let subject = try #require(BranchPath(path))
        #expect(subject.kind(levels: .two) == kind)
        #expect(subject.family == family)
    }

    @Test(
        "spec 02 §3.1: paths that no branch may hold",
        arguments: ["", "/a", "a/", "a//b", "../a", "a/..", "./a", "a/.GIT/b", "a\0b"])
    func refuses(path: String) { #expect(BranchPath(path) == nil) }
}

@Suite struct BranchMergeTests {
    private func union(_ base: String, _ other: String) -> UnionMerge.Outcome {
        UnionMerge.merge(base: Array(base.utf8), other: Array(other.utf8))
    }

    @Test("spec 02 #44: sorted unique lines, and reuse of a side that has them all")
    func union() {
        #expect(union("a\n", "b\na\n") == .other)
        #expect(union("b\na\n", "a\n") == .base)
        #expect(union("a\n", "a\n") == .other)
        #expect(union("3s x\n", "10s y\n3s x") == .other)
        #expect(union("3s x\n", "10s y") == .lines(Array("10s y\n3s x\n".utf8)))
        #expect(union("b\r\n", "\na\n") == .lines(Array("\na\nb\r\n".utf8)))
        #expect(union("", "a\n") == .other)
    }

    @Test(
        "spec 02 §2.8.3: the journal and a branch that moved",
        arguments: [
            ("a/b/X--1.log", "5s 1 A\n", "4s 1 B\n", "5s 1 A\n4s 1 B\n"),
            ("a/b/X--1.log", "5s 1 A\n", "5s 0 A\n", "5s 1 A\n"),
            ("trust.log", "u 1 timestamp=5s\n", "u 0 timestamp=5s\n", "u 1 timestamp=5s\n"),
            ("trust.log", "u bad timestamp=9s\n", "u 0 timestamp=5s\n", "u 0 timestamp=5s\n"),
            ("maxsize.log", "5s u 10\n", "6s u 20\n", "6s u 20\n"), ("numcopies.log", "5s 2\n", "5s 10\n", "5s 10\n"),
            ("a/b/X--1.log.met", "5s f +1\n", "4s f +2\n5s f +1\n", "4s f +2\n5s f +1\n"),
            ("odd", "x\n", "y\n", "y\nx\n"),
        ])
    func staging(path: String, journal: String, branch: String, result: String) throws {
        let merged = StagingMerge.merge(
            journal: Array(journal.utf8), branch: Array(branch.utf8), at: try #require(BranchPath(path)))
        #expect(String(decoding: merged, as: UTF8.self) == result)
    }

    @Test("spec 02 #31: a partial last line is not read")
    func partial() {
        #expect(BranchLines.completeLines(Array("a\nb".utf8)) == Array("a\n".utf8))
        #expect(BranchLines.completeLines(Array("b".utf8)).isEmpty)
        #expect(BranchLines.completeLines([]).isEmpty)
    }
}
