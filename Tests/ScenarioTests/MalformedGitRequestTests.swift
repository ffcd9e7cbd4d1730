// A client that asks git for nonsense is told so, in git's words and as its own mistake: not as a failure of the host.

import TestKit
import Testing

@Suite struct MalformedGitRequestTests {
    private func packet(_ text: String) -> String {
        let length = String(text.utf8.count + 4, radix: 16)
        return String(repeating: "0", count: 4 - length.count) + length + text
    }

    private func post(_ repository: HostedRepository, _ service: String, _ body: String, version: Int) throws
        -> HTTPReply
    {
        try repository.host.http.request(
            "POST", "/\(repository.path)/\(service)",
            headers: [
                (name: "Content-Type", value: "application/x-\(service)-request"),
                (name: "Git-Protocol", value: "version=\(version)"),
            ], body: Array(body.utf8))
    }

    @Test("malformed questions to upload-pack are answered 400, with a sentence")
    func uploadPack() throws {
        try withRepository { repository, p2p, _ in
            _ = try p2p.store([1])
            let fetch = packet("command=fetch")
            for (body, version, words) in [
                ("0004", 0, "expected to get object ID"), ("0003", 0, "bad line length"),
                ("zzzz", 2, "bad line length"),
                (packet("want xyz\n") + "0000", 0, "expected to get object ID"), ("0004", 2, "unknown capability"),
                ("0001", 2, "no command requested"), (packet("command=nope") + "0000", 2, "invalid command"),
                (fetch, 2, "hung up unexpectedly"), (fetch + "0002", 2, "unexpected response end packet"),
                (fetch + packet("object-format=sha256") + "00010000", 2, "mismatched object format"),
                (fetch + "0001" + packet("nonsense") + "0000", 2, "unexpected line"),
            ] {
                let reply = try post(repository, "git-upload-pack", body, version: version)
                #expect(reply.status == 400 && reply.reason.contains(words), "\(body): \(reply.status) \(reply.reason)")
            }
            #expect(!repository.host.log.contains("level=error"), "\(repository.host.log)")
        }
    }

    /// Within git's protocol, since git shows people nothing else of the answer to a push.
    @Test("so are pushes in another object format than the repository's")
    func receivePack() throws {
        try withRepository { repository, _, _ in
            let (zero, one) = (String(repeating: "0", count: 40), String(repeating: "1", count: 40))
            let zeros = zero + String(repeating: "0", count: 24)
            for (body, words) in [
                (packet("\(zero) \(one) refs/heads/x\0report-status object-format=sha256"), "object format"),
                (packet("\(zeros) \(one + one.prefix(24)) refs/heads/x\0report-status"), "protocol error"),
            ] {
                let reply = try post(repository, "git-receive-pack", body + "0000", version: 0)
                #expect(reply.status == 200 && reply.text.contains("ng refs/heads/x"), "\(reply.text)")
                #expect(reply.text.contains("git does not understand the request"), "\(reply.text)")
                #expect(reply.text.contains(words), "\(reply.text)")
            }
        }
    }
}
