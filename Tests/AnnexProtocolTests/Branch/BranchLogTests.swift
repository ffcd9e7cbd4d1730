import AnnexProtocol
import Testing

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
private func log(_ content: String) -> PresenceLog { PresenceLog(parsing: Array(content.utf8)) }
private func uuid(_ text: String) throws -> RepositoryUUID { try #require(RepositoryUUID(text)) }

@Suite struct PresenceLogTests {
    @Test(
        "spec 02 #5 #6 #12 #14 #15 #17: what a presence log says",
        arguments: [
            ("1s 1 b\r\r\n\n\n2s 0 a", "2s 0 a\n1s 1 b\n"), ("1s 1 a\n2s 0 a\n", "2s 0 a\n"),
            ("2s 0 a\n1s 1 a\n", "2s 0 a\n"), ("1s 1 a\n1s 0 a\n", "1s 1 a\n"), ("1s 0 a\n1s 1 a\n", "1s 0 a\n"),
            ("1s 1 a \n2s 0 a\n", "2s 0 a\n1s 1 a \n"), ("junk\n1s 2 a\n1s 11 a\nxs 1 a\n1s 1\n1s 1 \n", ""),
            ("1s X a\n", "1s X a\n"), ("5.50s 1 a b  c\n", "5.5s 1 a b  c\n"), ("", ""),
        ])
    func rewrites(content: String, result: String) { #expect(text(log(content).serialized) == result) }

    @Test("spec 02 #13: an unchanged status changes nothing")
    func suppresses() {
        var subject = log("5s 1 a\n")
        let before = subject
        let repeated = subject.set(Array("a".utf8), to: .present, now: BranchTimestamp(seconds: 9))
        #expect(!repeated)
        #expect(subject == before)
        let changed = subject.set(Array("a".utf8), to: .missing, now: BranchTimestamp(seconds: 9))
        #expect(changed)
        #expect(text(subject.serialized) == "9s 0 a\n")
    }

    @Test("spec 02 #10 #11: clocks that run behind")
    func clocks() {
        var subject = log("532s 1 a\n")
        subject.set(Array("a".utf8), to: .missing, now: BranchTimestamp(seconds: 532))
        subject.set(Array("a".utf8), to: .present, now: BranchTimestamp(seconds: 50))
        #expect(text(subject.serialized) == "534s 1 a\n")
    }

    @Test("spec 02 #15 #16: dead keys")
    func dead() {
        var subject = log("100s 0 A\n100s X B\n")
        #expect(!subject.isDead)
        let marked = subject.markDead()
        #expect(marked)
        #expect(text(subject.serialized) == "100.000000000001s X A\n100s X B\n")
        #expect(subject.isDead && subject.present.isEmpty)
    }
}

@Suite struct FieldLogTests {
    @Test(
        "spec 02 #12 #18: old-UUID lines",
        arguments: [
            ("u desc timestamp=5s\n", "u desc timestamp=5s\n"),
            ("u one timestamp=5s\nu two timestamp=5s\n", "u two timestamp=5s\n"),
            ("u old\nu new timestamp=-9s\n", "u new timestamp=-9s\n"),
            ("u new timestamp=-9s\nu old\n", "u new timestamp=-9s\n"),
            ("u v timestamp=bogus\n", "u v timestamp=bogus\n"), ("u timestamp=5s after\n", "u timestamp=5s after\n"),
            ("u  timestamp=5s\n", "u  timestamp=5s\n"), ("u timestamp=5s\n", "u  timestamp=5s\n"), ("u\n", "u\n"),
            ("u a  b   timestamp=5s\n", "u a  b   timestamp=5s\n"), (" u x\n", ""),
        ])
    func oldUUID(content: String, result: String) {
        #expect(text(OldUUIDLog(parsing: Array(content.utf8)).serialized) == result)
    }

    @Test("spec 02 #10: a same-value write gets a new clock; line breaks in descriptions are escaped")
    func sets() throws {
        var subject = OldUUIDLog(parsing: Array("u d timestamp=7s\n".utf8))
        subject.set(try uuid("u"), to: OldUUIDLog.description(Array("a\nb c".utf8)), now: BranchTimestamp(seconds: 7))
        #expect(text(subject.serialized) == "u a\\nb c timestamp=8s\n")
    }

    @Test("spec 02 #12: keyed lines, last wins on equal clocks")
    func keyed() {
        let content = "1s u a\n1s u b\n3s v x y\n2s v z\njunk\n1s w\n"
        var subject = KeyedLog(parsing: Array(content.utf8))
        #expect(text(subject.serialized) == "1s u b\n3s v x y\n")
        subject.set(Array("u".utf8), to: [], now: BranchTimestamp(seconds: 1))
        #expect(text(subject.serialized) == "2s u \n3s v x y\n")
    }

    @Test(
        "spec 02 #12 #20: counts",
        arguments: [
            ("1s 2\n1s 10\n1s 3\n", 10), ("1s 0\n", 1), ("1s -3\n", 1), ("1s 7x\n", 7), ("1s 3.5\n", nil),
            ("2s 1\n1s 9\n", 1),
        ] as [(String, Int?)])
    func counts(content: String, count: Int?) { #expect(CountLog(parsing: Array(content.utf8)).record?.count == count) }

    @Test(
        "spec 02 #23: differences",
        arguments: [
            ("", .known([])), ("u fromList [] timestamp=1s\n", .known([])),
            (
                "u fromList [OneLevelBranchHash,ObjectHashLower] timestamp=1s\n",
                .known([.oneLevelBranchHash, .objectHashLower])
            ),
            (
                "u fromList [ObjectHashLower] timestamp=1s\nv fromList [Simulation] timestamp=1s\n",
                .known([.objectHashLower, .simulation])
            ),
            ("u [ObjectHashLower] timestamp=1s\n", .unknown), ("u fromList [Other] timestamp=1s\n", .unknown),
        ] as [(String, Differences)])
    func differences(content: String, result: Differences) {
        #expect(Differences(parsing: Array(content.utf8)) == result)
        #expect(!Differences.unknown.isCompatible(with: []))
    }

    @Test("spec 02 #48: unknown transitions are noticed")
    func transitions() {
        #expect(TransitionsLog(parsing: Array("ForgetGitHistory 1s\nForgetDeadRemotes 2s\n".utf8)).isUnderstood)
        #expect(!TransitionsLog(parsing: Array("ForgetEverything 1s\n".utf8)).isUnderstood)
        #expect(!TransitionsLog(parsing: Array("ForgetGitHistory\n".utf8)).isUnderstood)
    }
}
