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
        // Git gets what was understood.
        #expect(
            request.forwarded
                == packets(
                    "shallow \(one)\n", "\(zero) \(one) refs/heads/a b\0 report-status push-options agent=x\n",
                    "\(one) \(zero) refs/heads/c", nil, "annex.x=1", "y", nil) + Array("PACK…".utf8))
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

    /// Attack: git takes a push certificate that it has not asked for, and joins its packets before it reads the
    /// commands in it. A ref name that is cut in two is found by git, and not by who looks for the name.
    @Test(
        "a push certificate is refused, whatever is in it",
        arguments: [
            packets(
                "push-cert\0report-status\n", "certificate version 0.1\npusher x\n", "\n",
                "\(zero) \(one) refs/heads/git-", "annex\n", "push-cert-end\n", nil),
            // Empty lines end its header for git only behind other lines.
            packets("push-cert\0x", "\n\n\(zero) \(one) refs/heads/x\n", "push-cert-end\n", nil),
            packets("push-cert\n"), packets("push-cert"), packets("push-cert\0"),
            packets("\(zero) \(one) refs/heads/a\0report-status", "push-cert\n"),
        ])
    func certificate(body: [UInt8]) {
        var request = ReceivePackRequest()
        #expect {
            _ = try request.receive(body)
        } throws: {
            if case .notOffered = $0 as? ReceivePackRequest.Failure { true } else { false }
        }
    }

    @Test(
        "capabilities that are not offered are refused",
        arguments: ["push-cert=nonce", "side-band", "x", "Atomic", "=a"])
    func capability(name: String) {
        var request = ReceivePackRequest()
        #expect(throws: ReceivePackRequest.Failure.notOffered(String(name.prefix { $0 != "=" }))) {
            _ = try request.receive(packets("\(zero) \(one) refs/heads/a\0report-status \(name)", nil))
        }
    }

    @Test(
        "what other clients send is understood",
        arguments: [
            // git 2.39 and later, JGit, dulwich, libgit2, go-git
            " report-status-v2 side-band-64k quiet object-format=sha1 agent=git/2.39.5",
            " report-status-v2 side-band-64k atomic push-options agent=git/2.51.0-Linux session-id=1-2",
            " report-status delete-refs side-band-64k ofs-delta agent=JGit/6.7.0.202309050840-r",
            "report-status side-band-64k delete-refs quiet ofs-delta agent=dulwich/0.21.7",
            "report-status side-band-64k ", "agent=go-git/5.x report-status", "",
        ])
    func capabilitiesOfClients(text: String) throws {
        var request = ReceivePackRequest()
        _ = try request.receive(packets("\(zero) \(one) refs/heads/a\0\(text)", nil) + packets(nil))
        #expect(request.commands.map(\.ref.text) == ["refs/heads/a"])
    }

    @Test(arguments: [
        Array("zzzz".utf8), Array("0001".utf8), Array("0003".utf8), Array("fff5".utf8), packets("hello"),
        packets("\(zero) \(one)"), packets("\(zero) \(one) "), packets("\(zero) 11 refs/heads/a"), packets("shallow x"),
        packets(""),
        // Git takes capabilities of the last packet that has any, but none of these lines.
        packets("\(zero) \(one) refs/heads/a\0atomic", "\(zero) \(one) refs/heads/b\0report-status"),
        packets("shallow \(one)\0push-options"), packets("\(zero) \(one) refs/heads/a\0atomic\0quiet"),
        packets("\(zero) \(one) refs/heads/a", "shallow \(one)"), packets("\(zero) \(one) refs/heads/a\nb"),
        packets("\(zero) \(one) refs/heads/a\0push-options", nil, "x\0y"),
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
