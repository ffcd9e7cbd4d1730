import Testing

@testable import GitHost

@Suite struct RefQuestionTests {
    private func body(_ lines: [String], command: String = "command=ls-refs") -> [UInt8] {
        let head = PacketLine.encode(Array("\(command)\n".utf8)) + PacketLine.encode(Array("agent=git/2.39.5\n".utf8))
        return head + Array("0001".utf8) + lines.flatMap { PacketLine.encode(Array("\($0)\n".utf8)) } + PacketLine.flush
    }

    @Test("what is about certain refs, and what is about all that there is")
    func namesRefs() throws {
        let fetch = [
            "peel", "symrefs", "ref-prefix git-annex", "ref-prefix refs/git-annex", "ref-prefix refs/tags/git-annex",
            "ref-prefix refs/heads/git-annex", "ref-prefix refs/remotes/git-annex/HEAD", "ref-prefix refs/tags/",
        ]
        #expect(RefQuestion(body(fetch))?.namesRefs == true)
        for all in [
            ["peel", "symrefs", "unborn", "ref-prefix refs/heads/", "ref-prefix refs/tags/", "ref-prefix HEAD"],
            ["peel"], [], ["ref-prefix refs/tags/"], ["ref-prefix HEAD"],
            ["ref-prefix refs/heads/", "ref-prefix main"],
        ] {
            #expect(RefQuestion(body(all))?.namesRefs == false, "\(all)")
        }
    }

    @Test("other commands, and bytes that are no whole question")
    func others() {
        let whole = body(["ref-prefix main"])
        #expect(RefQuestion(body(["want x"], command: "command=fetch")) == nil)
        for count in 0..<whole.count { #expect(RefQuestion(Array(whole[..<count])) == nil, "\(count)") }
        for text in ["", "0000", "0001", "00000000", "0002", "0003command=ls-refs", "zzzz", "ffff", "0004"] {
            #expect(RefQuestion(Array(text.utf8)) == nil, "\(text)")
        }
    }
}
