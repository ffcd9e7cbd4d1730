import AnnexProtocol
import Testing

@Suite struct ForgetDeadRemotesTests {
    private static let stem = "118/bb6/SHA256E-s3--98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4.txt"

    private let forget = ForgetDeadRemotes(
        trustLog: Array("D X timestamp=5s\nD 1 timestamp=4s\nL 1 timestamp=1s\n".utf8),
        remoteLog: Array("A name=foo sameas-uuid=D timestamp=5s\nL name=l sameas-uuid=L timestamp=1s\n".utf8),
        own: nil, levels: .two)

    @Test(
        "spec 02 §2.7: what the stock program leaves of each file, D being dead and A the same as D",
        arguments: [
            ("\(stem).log", "10s 1 L\n9s 0 L\njunk\n3s 1 D\n", "10s 1 L\n"),
            ("\(stem).log", "3s X D\n1s 1 A\n2s 1 L\n", "2s 1 L\n"),
            ("\(stem).log", "3s X D\n", ""),
            ("\(stem).log.rmet", "1s D:a +v L:b +w -x D:c +q\n2s D:a -v\n3s L:zz +y\n", "1s L:b +w -x\n3s L:zz +y\n"),
            ("\(stem).log.rmet", "1s D:a +v A:b +w\n", ""),
            ("\(stem).log.cnk", "1s D:1000 5\n1s L:1000 5\n1s A:10 2\n", "1s L:1000 5\n"),
            ("\(stem).log.cid", "1s D cid\n2s L c i d\n2s A foo\n", "2s L c i d\n"),
            ("\(stem).log.rmt", "1s D cid\n", ""),
            (
                "remote.log",
                "D name=d sameas-uuid=D timestamp=1s\nA name=q sameas-uuid=D type=x timestamp=5s\nL name=l timestamp=1s\n",
                "A sameas-uuid=D timestamp=5s\nL name=l timestamp=1s\n"
            ),
            ("maxsize.log", "1s D 100\n1s L 5\n", "1s L 5\n"),
            ("proxy.log", "1s D L:foo\n1s L D:dd L:me\n", "1s L D:dd L:me\n"),
            ("group.log", "D a timestamp=1s\nA g timestamp=1s\nL g timestamp=1s\n", "L g timestamp=1s\n"),
            ("uuid.log", "D x\nL desc timestamp=3s\n", "L desc timestamp=3s\n"),
            ("activity.log", "D Fsck timestamp=1s\n", ""),
        ])
    func rewrites(path: String, content: String, expected: String) throws {
        let path = try #require(BranchPath(path))
        #expect(forget.concerns(path))
        let outcome = forget.outcome(for: Array(content.utf8), at: path)
        #expect(outcome == (expected.isEmpty ? .removed : .changed(Array(expected.utf8))))
        // Once more changes nothing.
        guard case .changed(let rest) = outcome else { return }
        #expect(forget.outcome(for: rest, at: path) == .unchanged)
    }

    @Test(
        "spec 02 §2.7: files that stay bit for bit",
        arguments: [
            ("trust.log", "D X timestamp=5s\n"), ("\(stem).log.web", "1s 1 http://x/D\n1s 1 D\n"),
            ("\(stem).log.ek", "1s 1 D\n"), ("\(stem).log.met", "1s D:f +D\n"), ("numcopies.log", "1s 2\n"),
            ("group-preferred-content.log", "1s D include=*\n"), ("strange.log", "D x\n"),
            ("transitions.log", "ForgetDeadRemotes 1s\n"), ("\(stem).log", "9s 1 L\njunk\n1s 1 L\n1s 1 DD\n1s 1 D \n"),
            ("export.log", "1s L:D aa\n2s D:L bb\n"), ("cluster.log", "1s C D L\n"), ("a/b/not a key.log", "1s 1 D\n"),
            ("\(stem).log.rmet", "1s +D L:a +D:x\n\n"), ("118/not-here.txt", "1s 1 D\n"),
        ])
    func leavesAlone(path: String, content: String) throws {
        let path = try #require(BranchPath(path))
        #expect(forget.outcome(for: Array(content.utf8), at: path) == .unchanged)
    }

    @Test("spec 02 #19: without a dead repository there is nothing to forget")
    func nobodyDead() {
        let trust = Array("D XX timestamp=9s\nD 1 timestamp=8s\nE X timestamp=1s\nE ? timestamp=2s\n".utf8)
        #expect(ForgetDeadRemotes(trustLog: trust, remoteLog: [], own: nil, levels: .two).isEmpty)
        #expect(!forget.isEmpty)
    }

    /// Attack: a push declares another repository dead, and makes the host a second name of it; or the host itself is
    /// dead. Either way its own lines stay when the transition is performed, and those of the dead one go.
    @Test(
        "docs/hostile-pushes.md: the host never forgets itself",
        arguments: [("D X timestamp=5s\n", "H sameas-uuid=D timestamp=5s\n"), ("D X\nH X timestamp=9s\n", "")])
    func keepsOwn(trust: String, remote: String) throws {
        let own = try #require(RepositoryUUID("H"))
        let forget = ForgetDeadRemotes(
            trustLog: Array(trust.utf8), remoteLog: Array(remote.utf8), own: own, levels: .two)
        let files = [
            ("\(Self.stem).log", "3s 1 D\n1s 1 H\n", "1s 1 H\n"),
            ("uuid.log", "D d timestamp=1s\nH h timestamp=1s\n", "H h timestamp=1s\n"),
            ("group.log", "D d timestamp=1s\nH h timestamp=1s\n", "H h timestamp=1s\n"),
            ("proxy.log", "1s D a:b\n1s H a:b\n", "1s H a:b\n"),
            ("\(Self.stem).log.cnk", "1s D:10 1\n1s H:10 1\n", "1s H:10 1\n"),
            ("\(Self.stem).log.rmet", "1s D:a +v H:b +w\n", "1s H:b +w\n"),
        ]
        for (path, content, expected) in files {
            let path = try #require(BranchPath(path))
            #expect(forget.outcome(for: Array(content.utf8), at: path) == .changed(Array(expected.utf8)), "\(path)")
        }
        let line = Array("H name=x sameas-uuid=D timestamp=5s\n".utf8)
        #expect(forget.outcome(for: line, at: .remoteLog) == .unchanged)
    }

    @Test("spec 02 §1.6.17: transitions of two branches are united; names come in a fixed order, each once")
    func transitions() {
        var log = TransitionsLog(parsing: Array("ForgetDeadRemotes 1s\nForgetGitHistory 1s\n".utf8))
        let other = TransitionsLog(parsing: Array("ForgetGitHistory 1.0s\nForgetGitHistory 2s\n".utf8))
        #expect(log != other)
        log.formUnion(other)
        #expect(log.transitions.count == 3 && log.isUnderstood)
        #expect(log.kinds.map(\.title) == ["forget git history", "forget dead remotes"])
        log.formUnion(TransitionsLog(parsing: Array("ForgetNothing 1s\n".utf8)))
        #expect(!log.isUnderstood && log.kinds.count == 2)
        log.formUnion(TransitionsLog(parsing: Array("x\n".utf8)))
        #expect(log.hasStrangeLines)
    }

    @Test("spec 02 #28: the trees that export.log names, exported and in progress")
    func exportedTrees() {
        let (one, two) = (String(repeating: "1", count: 40), String(repeating: "a", count: 64))
        let text = "2s L:M \(one) \(two)\n1s L:M \(String(repeating: "2", count: 40))\n1s K:M \(one) --x ABC\n"
        #expect(ExportLog(parsing: Array(text.utf8)).trees == [one, two])
        #expect(ExportLog(parsing: []).trees.isEmpty)
    }
}
