import Testing

@testable import GitHost

@Suite struct PushAnswerTests {
    private func request(_ capabilities: String) throws -> ReceivePackRequest {
        var request = ReceivePackRequest()
        let (zero, id) = (String(repeating: "0", count: 40), String(repeating: "1", count: 40))
        let command = PacketLine.encode(Array("\(zero) \(id) refs/heads/main\0\(capabilities)\n".utf8))
        _ = try request.receive(command + PacketLine.flush)
        return request
    }

    private func packet(_ band: UInt8, _ text: String) -> [UInt8] { PacketLine.encode([band] + Array(text.utf8)) }

    private let report =
        "000eunpack ok\n0017ok refs/heads/main\n" + "0038ng refs/heads/synced/git-annex failed to update ref\n0000"

    /// What people see of an answer that comes in pieces of so many bytes, and what is left at its end.
    private func read(_ bytes: [UInt8], _ capabilities: String, inPiecesOf size: Int) throws -> (
        shown: String, rest: [UInt8], report: PushReport?, answer: PushAnswer
    ) {
        var answer = PushAnswer(to: try request(capabilities))
        var sent: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            sent += answer.receive(Array(bytes[start..<min(start + size, bytes.count)]))
        }
        let (rest, report) = answer.end()
        var shown = ""
        var packets = (sent + (report == nil ? [] : rest))[...]
        while packets.count > 4, let length = PacketLine.length(packets.prefix(4)), length > 4 {
            if packets.dropFirst(4).first == 2 {
                shown += String(decoding: packets.prefix(length).dropFirst(5), as: UTF8.self)
            }
            packets = packets.dropFirst(length)
        }
        return (shown, rest, report, answer)
    }

    @Test(
        "however an answer is cut, people see the same, and the report is held", arguments: [1, 2, 3, 7, 64, 100_000])
    func cuts(size: Int) throws {
        let lock = "error: cannot lock ref 'refs/heads/synced/git-annex': is at 1 but expected 2\n"
        let half = report.index(report.startIndex, offsetBy: 30)
        let bytes =
            packet(2, "Unpacking: 50%\rUnpac") + packet(2, "king: 100%\r") + packet(2, "") + packet(2, lock)
            + packet(2, "error: something\nlast") + packet(1, String(report[..<half]))
            + packet(1, String(report[half...])) + PacketLine.flush
        let read = try read(bytes, "report-status side-band-64k", inPiecesOf: size)
        #expect(read.shown == "Unpacking: 50%\rUnpacking: 100%\rerror: something\nlast")
        #expect(read.answer.lockFailures == [Array("refs/heads/synced/git-annex".utf8): "is at 1 but expected 2"])
        #expect(read.answer.errors == ["error: something"])
        let parsed = try #require(read.report)
        #expect(parsed.unpack == "ok" && parsed.refs.map(\.refusal) == [nil, "failed to update ref"])
        #expect(parsed.encoded == Array(report.utf8))
        let end = read.answer.close(parsed, saying: ["why"])
        #expect(end == packet(2, "annexd: why\n") + packet(1, report) + PacketLine.flush)
    }

    @Test("a client without a side band gets the report alone, and one that wants none gets what git says") func plain()
        throws
    {
        let held = try read(Array(report.utf8), "report-status", inPiecesOf: 5)
        #expect(held.report?.refs.count == 2 && held.rest.isEmpty)
        #expect(held.answer.close(try #require(held.report), saying: ["why"]) == Array(report.utf8))
        var silent = PushAnswer(to: try request("delete-refs"))
        #expect(silent.receive([1, 2, 3]) == [1, 2, 3] && !silent.takesReport)
    }

    @Test("what is not understood goes on as it came") func opaque() throws {
        for text in ["zzzz", "0001rest", String(report.dropLast(4))] {
            let plain = try read(Array(text.utf8), "report-status", inPiecesOf: 2)
            #expect(plain.report == nil && plain.rest == Array(text.utf8))
            var answer = PushAnswer(to: try request("report-status side-band-64k"))
            let sent = answer.receive(packet(1, text) + PacketLine.flush)
            let (rest, report) = answer.end()
            #expect(report == nil && sent + rest == packet(1, text) + PacketLine.flush, "\(text)")
        }
        var answer = PushAnswer(to: try request("report-status side-band-64k"))
        let broken = packet(2, "a\n") + Array("0003xyz".utf8)
        #expect(answer.receive(broken) == broken)
        #expect(answer.receive([9]) == [9] && answer.end().rest == [])
    }

    @Test(
        "a refusal of git's gets a sentence with the way out",
        arguments: [
            ("shallow update not allowed", "git fetch --unshallow"), ("deletion prohibited", "its operator"),
            ("non-fast-forward", "--force"), ("missing necessary objects", "git fsck"),
            ("branch is currently checked out", "another branch"),
            ("Working directory has staged changes", "committed"), ("atomic push failure", "--atomic"),
        ]) func words(reason: String, expected: String)
    {
        let ref = PushReport.Ref(name: Array("refs/heads/x".utf8), refusal: reason)
        let sentences = PushWords.sentences(on: PushReport(unpack: "ok", refs: [ref]))
        #expect(sentences.count == 1 && sentences[0].hasPrefix("refs/heads/x is refused: "), "\(sentences)")
        #expect(sentences[0].contains(expected) && !sentences[0].contains("receive."), "\(sentences)")
    }

    @Test("refs that are refused for one reason share a sentence; what our own hook refused has one already")
    func grouped() {
        let refs = (0..<9).map { PushReport.Ref(name: Array("refs/heads/\($0)".utf8), refusal: "deletion prohibited") }
        let own = PushReport.Ref(name: Array("refs/x".utf8), refusal: "hook declined")
        let sentences = PushWords.sentences(on: PushReport(unpack: "ok", refs: refs + [own]))
        #expect(sentences.count == 1)
        #expect(sentences[0].hasPrefix("refs/heads/0, refs/heads/1, refs/heads/2 and 6 more are refused: "))
    }

    @Test("what keeps a pack from being taken is told in words") func unpacking() {
        func words(_ reason: String, _ error: String) -> String {
            PushWords.sentences(on: PushReport(unpack: reason, refs: []), errors: [error]).joined()
        }
        #expect(
            words("index-pack abnormal exit", "fatal: pack exceeds maximum allowed size (1.00 MiB)").contains(
                "limits.push_mebibytes"))
        #expect(words("unpack-objects abnormal exit", "fatal: write error: No space left on device").contains("room"))
        #expect(words("unable to create temporary object directory", "").contains("annexd doctor"))
        #expect(words("index-pack abnormal exit", "fatal: Out of memory, malloc failed").contains("memory"))
    }

    @Test("a signed push is told what to leave out, however large its certificate is") func certificate() {
        var request = ReceivePackRequest()
        let certificate = PacketLine.encode(Array("push-cert\0report-status\n".utf8))
        let line = PacketLine.encode(Array((String(repeating: "x", count: 60_000) + "\n").utf8))
        let body = certificate + (0..<180).flatMap { _ in line }
        #expect(body.count > 10 << 20)
        #expect(throws: ReceivePackRequest.Failure.notOffered("push-cert")) { _ = try request.receive(body) }
    }
}
