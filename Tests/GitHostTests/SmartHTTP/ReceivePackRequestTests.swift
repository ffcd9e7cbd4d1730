import Testing

@testable import GitHost

private let zero = String(repeating: "0", count: 40)
private let one = String(repeating: "1", count: 40)
private let two = String(repeating: "2", count: 40)

private func packets(_ lines: String?...) -> [UInt8] {
    lines.flatMap { $0.map { PacketLine.encode(Array($0.utf8)) } ?? PacketLine.flush }
}

@Suite struct ReceivePackRequestTests {
    @Test(arguments: [1, 3, 4, 5, 100, 10_000])
    func readsCommandsHoweverTheyAreCut(step: Int) throws {
        let head = packets(
            "shallow \(one)\n", "\(zero) \(one) refs/heads/a b\0 report-status push-options agent=x\n",
            "\(one) \(zero) refs/heads/c", nil, "annex.x=1\n", "y", nil)
        let body = head + Array("PACK…".utf8)
        var request = ReceivePackRequest()
        var complete = false
        for start in stride(from: 0, to: body.count, by: step) {
            complete = try request.receive(body[start..<min(body.count, start + step)])
        }
        #expect(complete)
        try request.finish()
        #expect(request.received == body)
        #expect(request.commands.map(\.ref.text) == ["refs/heads/a b", "refs/heads/c"])
        #expect(request.commands.map(\.isCreation) == [true, false])
        #expect(request.commands.map(\.isDeletion) == [false, true])
        #expect(request.capabilities == ["report-status", "push-options", "agent=x"])
        #expect(request.shallow == [one])
        #expect(request.pushOptions.map(\.text) == ["annex.x=1", "y"])
    }

    @Test func readsAnEmptyRequestThatProbesTheLogin() throws {
        var request = ReceivePackRequest()
        #expect(try request.receive(PacketLine.flush))
        #expect(request.commands == [])
    }

    @Test func readsTheCommandsOfACertificate() throws {
        var request = ReceivePackRequest()
        let complete = try request.receive(
            packets(
                "push-cert\0report-status\n", "certificate version 0.1\npusher x\n", "\n",
                "\(zero) \(one) refs/heads/git-annex\n",
                "-----BEGIN PGP SIGNATURE-----\n", "\(zero) \(two) refs/heads/no\n", "push-cert-end\n", nil))
        #expect(complete)
        #expect(request.commands == [.init(old: zero, new: one, ref: Array("refs/heads/git-annex".utf8))])
    }

    @Test(arguments: [
        Array("zzzz".utf8), Array("0001".utf8), Array("0003".utf8), Array("fff5".utf8), packets("hello"),
        packets("\(zero) \(one)"), packets("\(zero) \(one) "), packets("\(zero) 11 refs/heads/a"), packets("shallow x"),
        packets("push-cert\0x", nil), packets("push-cert\0x", "a", "push-cert-end\n"), packets(""),
        // Git would update refs/heads/git-annex, and we would take it for another ref.
        packets("push-cert\0x", "a\n\n\(zero) \(one) refs/heads/git-annex\0/x\n", "push-cert-end\n", nil),
        packets("push-cert\0x", "a\n\n", "push-cert-end\n\0", "\(zero) \(one) refs/heads/x\n", "push-cert-end\n", nil),
    ])
    func refusesOtherBytes(body: [UInt8]) {
        var request = ReceivePackRequest()
        #expect {
            _ = try request.receive(body)
        } throws: {
            if case .malformed = $0 as? ReceivePackRequest.Failure { true } else { false }
        }
    }

    @Test func isBounded() throws {
        var request = ReceivePackRequest(limit: 200)
        #expect(throws: ReceivePackRequest.Failure.tooLarge) {
            for _ in 0..<10 { _ = try request.receive(packets("\(zero) \(one) refs/heads/a")) }
        }
        var other = ReceivePackRequest(limit: 200)
        #expect(throws: ReceivePackRequest.Failure.tooLarge) {
            while true { _ = try other.receive(Array("fff0".utf8) + [UInt8](repeating: 97, count: 20)) }
        }
        // What follows the commands does not count.
        var large = ReceivePackRequest(limit: 200)
        #expect(try large.receive(packets("\(zero) \(one) refs/heads/a", nil) + [UInt8](repeating: 0, count: 10_000)))
    }

    @Test func aBodyThatEndsEarlyIsTruncated() throws {
        var request = ReceivePackRequest()
        _ = try request.receive(packets("\(zero) \(one) refs/heads/a"))
        #expect(throws: ReceivePackRequest.Failure.truncated) { try request.finish() }
    }

    @Test func randomBytesNeverFailOtherwise() {
        var random = SplitMix(state: 5)
        let valid = packets("shallow \(one)\n", "\(zero) \(one) refs/heads/a\0 push-options\n", nil, "x", nil)
        for _ in 0..<1500 {
            var body = valid
            for _ in 0..<Int.random(in: 1..<4, using: &random) {
                body[Int.random(in: 0..<body.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
            }
            var request = ReceivePackRequest(limit: 1000)
            _ = try? request.receive(body)
        }
    }
}

@Suite struct RefPolicyTests {
    private func command(_ ref: String, deletes: Bool = false) -> ReceivePackRequest.Command {
        .init(old: one, new: deletes ? zero : two, ref: Array(ref.utf8))
    }

    @Test(arguments: [
        "refs/heads/main", "refs/heads/git-annex", "refs/heads/synced/git-annex", "refs/heads/synced/main",
        "refs/synced/u-u-i-d/git-annex", "refs/synced/u/Z2l0/refs/heads/git-annex", "refs/heads/git-annex2",
        "refs/tags/v1",
        "refs/heads/my-git-annex",
    ])
    func allows(ref: String) { #expect(RefPolicy.decide([command(ref)]) == []) }

    @Test(
        "spec 02 #43",
        arguments: [
            "refs/tags/git-annex", "refs/remotes/origin/git-annex", "refs/heads/x/git-annex",
            "refs/heads/synced/x/git-annex",
            "refs/synced/git-annex", "refs/git-annex", "git-annex", "refs/notes/git-annex",
            "refs/heads/git-annex/x", "refs/heads/git-annex/git-annex", "refs/heads/synced/git-annex/x",
        ])
    func refuses(ref: String) {
        let refusals = RefPolicy.decide([command("refs/heads/main"), command(ref)])
        #expect(refusals == [.init(ref: Array(ref.utf8), reason: RefPolicy.otherRef)])
    }

    @Test(arguments: ["refs/annexd", "refs/annexd/detached"])
    func refusesTheHostsOwn(ref: String) {
        #expect(RefPolicy.decide([command(ref)]) == [.init(ref: Array(ref.utf8), reason: RefPolicy.hostsOwn)])
    }

    @Test func refusesToDeleteOnlyTheBranchItself() {
        let refusals = RefPolicy.decide([
            command("refs/heads/git-annex", deletes: true), command("refs/heads/synced/git-annex", deletes: true),
            command("refs/heads/main", deletes: true),
        ])
        #expect(refusals.map(\.reason) == [RefPolicy.deletion])
    }

    @Test func theHookIsNeededOnlyWhereTheNameOccurs() throws {
        var plain = ReceivePackRequest()
        _ = try plain.receive(packets("\(zero) \(one) refs/heads/gitgit-main\0x", nil))
        #expect(RefPolicy.needsHook(plain) == false)
        var annex = ReceivePackRequest()
        _ = try annex.receive(packets("\(zero) \(one) refs/tags/ggit-annex\0x", nil))
        #expect(RefPolicy.needsHook(annex))
        var own = ReceivePackRequest()
        _ = try own.receive(packets("\(zero) \(one) refs/annexd/x\0x", nil))
        #expect(RefPolicy.needsHook(own))
    }
}

@Suite struct GitProtocolTests {
    @Test(
        arguments: [
            (nil, 0, ""), ("version=2", 2, "version=2"), ("version=1", 1, "version=1"),
            ("version=1:version=2", 2, "version=1:version=2"),
            ("version=3", 0, ""), ("version=2:x=y:flag", 2, "version=2:x=y:flag"), ("version=2\nGIT_DIR=/", 0, ""),
            ("version=2;x", 0, ""),
            ("=", 0, ""), ("version=", 0, ""), (String(repeating: "a", count: 257), 0, ""), ("", 0, ""),
            ("a=b=c", 0, ""),
        ] as [(String?, Int, String)])
    func isChecked(header: String?, version: Int, value: String) {
        let result = GitProtocol(header: header)
        #expect(result.version == version)
        #expect(result.value == value)
    }
}
