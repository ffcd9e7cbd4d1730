import AnnexProtocol
import FileIO
import SystemPackage
import Testing

@testable import Hosting

@Suite struct DoctorJudgementTests {
    private static let uuid = "0a4c3b1e-0000-4000-8000-00000000000a"

    @Test(
        "docs/reliability.md, Doctor: identity",
        arguments: [
            (nil, nil, 0, [.noUUID]), (nil, "10", 0, [.badUUID]), (uuid, "10", 0, []), (uuid, "8", 0, []),
            (uuid, nil, 0, [.badVersion]), (uuid, "11", 0, [.badVersion]), (uuid, "ten", 0, [.badVersion]),
            ("", "10", 0, [.badUUID]), ("a b", "10", 0, [.badUUID]), ("../x", "10", 0, [.badUUID]),
            ("ac4c3b1e-0000-8000-8000-00000000000a", "10", 0, [.badUUID]), (uuid, "10", 1, [.sharedUUID]),
            (uuid, "3", 2, [.sharedUUID, .badVersion]),
        ] as [(String?, String?, Int, [Finding.Kind])])
    func identity(uuid: String?, version: String?, twins: Int, expected: [Finding.Kind]) throws {
        let others = try (0..<twins).map { try #require(RepositoryName("twin\($0)")) }
        #expect(Judgement.identity(uuid: uuid, version: version, others: others).map(\.kind) == expected)
    }

    @Test(
        "docs/reliability.md, Doctor: who may write in a folder, by owner, group and the rest",
        arguments: [
            (0o700, true, false, true), (0o500, true, true, false), (0o577, true, true, false),
            (0o070, false, true, true), (0o707, false, true, false), (0o007, false, false, true),
            (0o770, false, false, false), (0o200, true, false, false), (0o100, true, false, false),
        ] as [(UInt32, Bool, Bool, Bool)])
    func permissions(mode: UInt32, isOwner: Bool, isInGroup: Bool, expected: Bool) throws {
        var status = try #require(try Files.status("/"))
        status.owner = 7
        status.mode = mode
        let may = Judgement.canChange(status, user: isOwner ? 7 : 8, groups: isInGroup ? [5] : [4], group: 5)
        #expect(may == expected)
    }

    @Test(
        "docs/reliability.md, Doctor: what is in annex/tmp",
        arguments: [
            ("SHA256-s3--abc", true, 0, .partialUpload), ("SHA256-s3--abc", true, 1_000_000, .partialUpload),
            ("SHA256-s3--abc", false, 1_000_000, .debris), ("work.SHA256-s3--abc", false, 10, .recent),
            ("work.SHA256-s3--abc", true, 90_000, .debris), ("foo", true, 86_400, .recent),
            ("foo", true, 86_401, .debris), ("foo", true, -5, .recent),
        ] as [(String, Bool, Int64, Judgement.Leftover)])
    func temporary(name: String, isFile: Bool, age: Int64, expected: Judgement.Leftover) {
        #expect(Judgement.temporary(name: Array(name.utf8), isFile: isFile, age: age) == expected)
    }

    @Test(
        "docs/reliability.md, Doctor: log against disk",
        arguments: [
            (true, true, false, 0, nil), (false, false, false, nil, nil), (true, false, false, nil, .objectMissing),
            (true, false, true, nil, nil), (false, true, false, 11, .objectNotLogged), (false, true, false, 10, nil),
            (false, true, true, 1000, nil), (false, true, false, nil, .objectNotLogged),
        ] as [(Bool, Bool, Bool, Int64?, Finding.Kind?)])
    func content(logged: Bool, isHere: Bool, isBusy: Bool, age: Int64?, expected: Finding.Kind?) {
        #expect(Judgement.content(logged: logged, isHere: isHere, isBusy: isBusy, age: age) == expected)
    }

    @Test(
        "docs/reliability.md, Doctor: what git leaves when it is killed",
        arguments: [
            ("tmp_pack_x", true), ("tmp_obj_x", true), ("incoming-x", true), ("tmp_objdir-incoming-x", true),
            (".tmp-17-pack-x.idx", true),
            ("pack-1.pack", false), ("info", false), ("ab", false),
        ])
    func gitLeftovers(name: String, expected: Bool) { #expect(Judgement.isGitLeftover(name) == expected) }

    @Test("docs/reliability.md, Doctor: the exit status")
    func status() {
        var summary = DoctorSummary()
        func finding(_ kind: Finding.Kind, _ outcome: Finding.Outcome = .manual) -> Finding {
            Finding(repository: nil, kind: kind, subject: "", detail: "", outcome: outcome)
        }
        #expect(summary.status == 0)
        summary.count(finding(.partialUpload))
        #expect(summary.status == 0 && summary.notes == 1)
        summary.count(finding(.debris, .repaired))
        #expect(summary.status == 1 && summary.problems == 1 && summary.repaired == 1)
        summary.count(finding(.objectMissing, .failed("x")))
        #expect(summary.problems == 2 && summary.repaired == 1)
        summary.count(finding(.unchecked))
        #expect(summary.status == 2)
    }

    @Test("docs/reliability.md, Doctor: the position of a verification survives, and a damaged file begins anew")
    func verificationLog() {
        var log = VerificationLog()
        #expect(VerificationLog(parsing: log.serialized) == log)
        log.began = 5
        log.cursor = Array("aaa/bbb/KEY with space".utf8)
        log.objects = 7
        #expect(VerificationLog(parsing: log.serialized) == log)
        log.complete(at: 9)
        #expect(VerificationLog(parsing: log.serialized) == log)
        #expect(log.cursor == nil && log.began == nil && log.completed == 9)
        #expect(VerificationLog(parsing: Array("cursor x\nobjects 3\nnonsense\n\n".utf8)) == VerificationLog())
        #expect(VerificationLog(parsing: [0xff, 10, 32, 10]) == VerificationLog())
    }

    @Test("docs/reliability.md, Doctor: reading stays below the rate, and a long pause is not made up for")
    func throttle() {
        var throttle = Throttle(rate: 1000)
        let start = ContinuousClock.now
        #expect(throttle.pause(after: 500, at: start) == .milliseconds(500))
        #expect(throttle.pause(after: 500, at: start + .milliseconds(500)) == .milliseconds(500))
        #expect(throttle.pause(after: 100, at: start + .milliseconds(1500)) == .zero)
        #expect(throttle.pause(after: 1000, at: start + .seconds(60)) == .seconds(1))
        var free = Throttle(rate: nil)
        #expect(free.pause(after: 1 << 30, at: start) == .zero)
    }
}
