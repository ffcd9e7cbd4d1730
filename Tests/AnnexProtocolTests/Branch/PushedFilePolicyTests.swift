import AnnexProtocol
import Testing

@Suite struct PushedFilePolicyTests {
    private static let own = RepositoryUUID("0a4c3b1e-0000-4000-8000-00000000000a")!
    private let policy = PushedFilePolicy(own: own, levels: .two)

    private static let key = "118/bb6/SHA256E-s3--98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4.txt"

    @Test(
        "docs/hostile-pushes.md: paths and modes",
        arguments: [
            ("uuid.log", "100644", nil), ("future.log", "100644", nil), ("a/b/c", "100644", nil),
            ("\(key).log", "100644", nil), ("\(key).log.web", "100644", nil), ("\(key).log.met", "100644", nil),
            ("remote/web/118/bb6/SHA256E-s3--x.log", "100644", nil),
            ("uuid.log", "100755", .notAFile), ("uuid.log", "120000", .notAFile), ("uuid.log", "160000", .notAFile),
            ("../uuid.log", "100644", .badPath), ("a/.git/config", "100644", .badPath),
            ("a/.GIT/x", "100644", .badPath), ("a//b", "100644", .badPath), ("a\nb", "100644", .badPath),
            (String(repeating: "x", count: 1025), "100644", .badPath),
            ("1/2/3/4/5/6", "100644", .tooDeep),
            ("aaa/bbb/SHA256E-s3--x.log", "100644", .misplaced),
            ("aaa/bbb/SHA256E-s3--x.log.cnk", "100644", .misplaced),
        ] as [(String, String, PushedFilePolicy.Flaw?)])
    func paths(path: String, mode: String, expected: PushedFilePolicy.Flaw?) {
        #expect(policy.flaw(inPath: Array(path.utf8), mode: mode) == expected)
    }

    @Test(
        "docs/hostile-pushes.md: which files belong to no key",
        arguments: [
            ("uuid.log", false), ("\(key).log", false), ("aaa/bbb/x", true), ("aaa/x.log", true),
            ("remote/web/118/bb6/SHA256E-s3--x.log", true),
        ])
    func strange(path: String, expected: Bool) throws {
        #expect(policy.isStrange(try #require(BranchPath(path))) == expected)
    }

    @Test(
        "docs/hostile-pushes.md: lines that no push may add, and what a merge leaves of the file",
        arguments: [
            ("\(key).log", "1s 1 u\n100000000000000s 1 v\n", .clock, "1s 1 u\n"),
            ("\(key).log", "+00000000000000000001s 1 u\n", nil, nil),
            ("\(key).log", "-99999999999999s 1 u\n", .clock, ""),
            ("\(key).log", "100000000000000000000 1 u\r1s 1 u\n", .clock, "1s 1 u\n"),
            ("\(key).log", "1e20s 1 u\n9999999999999.5s 1 u\n", nil, nil),
            ("\(key).log", "1s 1 \u{0}u\n2s 1 v\n", .nul, "2s 1 v\n"),
            ("\(key).log.cid", "99999999999999s u x\n", .clock, ""),
            ("\(key).log.met", "99999999999999s f +x\n1s f +y\n", .clock, "1s f +y\n"),
            ("numcopies.log", "99999999999999s 1\n", .clock, ""),
            ("transitions.log", "ForgetGitHistory 99999999999999s\n", .clock, ""),
            ("uuid.log", "u x timestamp=99999999999999s\nv y\n", .clock, "v y\n"),
            ("uuid.log", "u timestamp=99999999999999s x\n", nil, nil),
            ("trust.log", "\(own) X timestamp=1s\nu X timestamp=1s\n", .ownDeath, "u X timestamp=1s\n"),
            ("trust.log", "\(own) X\n", .ownDeath, ""),
            ("trust.log", "\(own) 0 timestamp=1s\n\(own)x X\n", nil, nil),
            // Attack: readers split at CR as well, so what follows one is a line of its own.
            ("trust.log", "u 1\r\(own) X timestamp=9s\n", .ownDeath, "u 1\n"),
            ("\(key).log", "1s 1 u\r\r\n100000000000000s 1 v\n", .clock, "1s 1 u\n"),
            ("remote.log", "\(own) name=x sameas-uuid=u timestamp=1s\nu name=x\n", .ownAlias, "u name=x\n"),
            ("remote.log", "u 1\r\(own) sameas-uuid=u\n", .ownAlias, "u 1\n"),
            ("remote.log", "\(own) name=sameas-uuid=u\n\(own)x sameas-uuid=\(own)\n", nil, nil),
            ("future.log", "99999999999999999\n", nil, nil),
        ] as [(String, String, PushedFilePolicy.Flaw?, String?)])
    func lines(path: String, content: String, expected: PushedFilePolicy.Flaw?, left: String?) throws {
        let path = try #require(BranchPath(path))
        let bytes = Array(content.utf8)
        #expect(policy.flaw(in: bytes, replacing: nil, at: path) == expected)
        #expect(policy.cleaned(bytes, base: nil, at: path) == Array((left ?? content).utf8))
        // What the branch has already is nobody's fault.
        #expect(policy.flaw(in: bytes, replacing: bytes, at: path) == nil)
        let kept = BranchLines.split(try #require(policy.cleaned(bytes, base: bytes, at: path)))
        #expect(kept == BranchLines.split(bytes))
    }

    @Test("docs/hostile-pushes.md: files that are too large to merge")
    func large() throws {
        let path = try #require(BranchPath("\(Self.key).log"))
        let many = [UInt8](repeating: 10, count: PushedFilePolicy.maximumLines + 1)
        #expect(policy.flaw(in: many, replacing: many, at: path) == .tooManyLines)
        #expect(policy.flaw(in: many.map { _ in 13 }, replacing: nil, at: path) == .tooManyLines)
        #expect(policy.cleaned(many, base: nil, at: path) == nil)
        let long = [UInt8](repeating: 65, count: PushedFilePolicy.maximumLineLength + 1)
        #expect(policy.flaw(in: long + [10], replacing: nil, at: path) == .longLine)
        #expect(policy.cleaned(long + Array("\n1s 1 u\n".utf8), base: nil, at: path) == Array("1s 1 u\n".utf8))
    }

    @Test(
        "docs/hostile-pushes.md: records that a push may not take back",
        arguments: [
            ("\(key).log", "1s 1 u\n", "1s 1 u\n2s 1 v\n", true), ("\(key).log", "1s 1 u\n", "2s 0 u\n", true),
            ("\(key).log", "1s 1 u\n", "", false), ("\(key).log", "2s 1 u\n", "1s 0 u\n", false),
            ("\(key).log", "junk\n1s 1 u\n1s 1 u \n", "1s 1 u\n", false),
            ("\(key).log", "junk\n1s 1 u\n", "1s 1 u\n", true),
            ("\(key).log.rmt", "1s u x\n", "2s u y\n", true), ("\(key).log.rmt", "1s u x\n", "2s v y\n", false),
            ("uuid.log", "u x timestamp=1s\nv y\n", "u z timestamp=1s\nv w\n", true),
            ("uuid.log", "u x timestamp=1s\n", "u x\n", false), ("uuid.log", "u x\n", "v x\n", false),
            ("numcopies.log", "5s 2\n", "5s 3\n", true), ("numcopies.log", "5s 2\n", "4s 3\n", false),
            ("transitions.log", "ForgetGitHistory 1s\n", "ForgetGitHistory 1s\nForgetDeadRemotes 2s\n", true),
            ("transitions.log", "ForgetGitHistory 1s\n", "ForgetGitHistory 2s\n", false),
            ("future.log", "a\n", "b\n", true),
        ])
    func keepsRecords(path: String, old: String, new: String, isKept: Bool) throws {
        let flaw = policy.flaw(in: Array(new.utf8), replacing: Array(old.utf8), at: try #require(BranchPath(path)))
        #expect(flaw == (isKept ? nil : .lostRecord))
    }

    @Test(
        "docs/hostile-pushes.md: what a location log says about the host",
        arguments: [
            ("", false), ("1s 1 u\n", false), ("1s 1 \(own)\n", true), ("1s 1 \(own)\n2s 0 \(own)\n", false),
            ("1s X \(own)\n", false), ("1s 1 \(own) \n", false), ("0a4c3b1e-0a4c 1s\n1s 1 \(own)", true),
        ])
    func claims(content: String, expected: Bool) {
        #expect(policy.claimsPresence(Array(content.utf8)) == expected)
    }
}
