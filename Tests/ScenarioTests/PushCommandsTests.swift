// What a push says before its pack: how much of it is held for whom, and what stays when it goes no further.

import Foundation
import TestKit
import Testing

@Suite struct PushCommandsTests {
    private let zero = String(repeating: "0", count: 40)
    private let object = String(repeating: "1", count: 40)

    private func packet(_ line: String) -> String {
        let length = String(line.utf8.count + 4, radix: 16)
        return String(repeating: "0", count: 4 - length.count) + length + line
    }

    /// Packets with commands that create refs, of at least so many bytes together.
    private func commands(_ bytes: Int) -> String {
        var text = ""
        var number = 0
        while text.utf8.count < bytes {
            text += packet("\(zero) \(object) refs/heads/\(number)\(number == 0 ? "\0report-status" : "")\n")
            number += 1
        }
        return text
    }

    private func head(_ length: Int) -> String {
        """
        POST /team/data/git-receive-pack HTTP/1.1\r
        Host: h\r
        Connection: close\r
        Content-Type: application/x-git-receive-pack-request\r
        Content-Length: \(length)\r
        \r

        """
    }

    @Test("a push with more commands than are held without a place for git is accepted")
    func manyRefs() throws {
        try withRepository { repository, _, alice in
            let tree = try alice.clone(repository.url, as: "tree")
            try tree.git("commit", "-q", "--allow-empty", "-m", "x")
            let commit = try tree.git("rev-parse", "HEAD").trimmed
            let long = String(repeating: "long", count: 40)
            let refs = (0..<1200).map { "create refs/heads/topics/\(long)-\($0) \(commit)\n" }.joined()
            try tree.write("refs", refs)
            try Command(["sh", "-c", "git update-ref --stdin < refs"], directory: tree.path).check()
            try tree.git("push", "-q", "origin", "refs/heads/topics/*")
            let there = try Command(
                ["sh", "-c", "git for-each-ref refs/heads/topics | wc -l"], directory: repository.directory
            ).check()
            #expect(there.trimmed == "1200")
        }
    }

    @Test("pushes that send many commands and no end of them are as few as git processes; small ones wait for nothing")
    func unfinished() throws {
        var options = AnnexdHost.Options()
        options.environment = [
            "ANNEXD_LIMITS_GIT_PROCESSES": "2", "ANNEXD_LIMITS_GIT_SLOW_CLIENTS": "0",
            "ANNEXD_LIMITS_GIT_QUEUE_SECONDS": "1",
        ]
        try withRepository(options) { repository, _, _ in
            let port = repository.host.port
            let large = head(3 << 20) + commands(300 << 10)
            let held = try (0..<3).map { _ in
                let connection = try RawConnection(port: port, timeout: 30)
                try connection.send(large)
                return connection
            }
            // One of the three, whichever it is, has found no place.
            let host = repository.host
            #expect(eventually { host.log.contains("too many git operations") })
            let small = try RawConnection(port: port, timeout: 30)
            let command = packet("\(zero) \(object) refs/heads/a\0report-status\n")
            try small.send(head(command.utf8.count) + command)
            #expect(try small.readReply().status == 400, "it ends early, and is heard to its end")
            for connection in held { connection.reset() }
            // Their places are free again: what is as large and ends early is read to its end.
            let whole = commands(300 << 10)
            #expect(
                try eventually {
                    try answers(head(whole.utf8.count) + whole, port: port).first?.status == 400
                })
        }
    }

    @Test("more commands than any push has are refused with a reason that helps")
    func tooMany() throws {
        try withRepository { repository, _, _ in
            let body = commands(5 << 20)
            let reply = try answers(head(body.utf8.count) + body, port: repository.host.port)
            #expect(reply.first?.status == 413 && reply.first?.reason.contains("fewer") == true, "\(reply)")
        }
    }

    @Test("a push that is refused because git cannot read the configuration leaves nothing that waits for its end")
    func unreadableConfiguration() throws {
        try withHost { host, alice in
            let origin = try alice.newRepository("origin")
            try origin.git("commit", "-q", "--allow-empty", "-m", "x")
            try Command(["mv", origin.path, "\(host.root)/data"]).check()
            let directory = "\(host.root)/data/.git"
            let tree = try alice.annexClone("\(host.baseURL)/data", as: "tree")
            try tree.git("push", "-q", "origin", "git-annex:synced/git-annex")
            #expect(eventually { !exists("\(directory)/annexd/unverified") })

            // annexd follows no includes, git does.
            try Command(["git", "config", "-f", "\(directory)/config", "include.path", "\(host.scratch.path)/broken"])
                .check()
            try Command(["sh", "-c", "echo '[' > \"$0\"", "\(host.scratch.path)/broken"]).check()
            let tip = try tree.git("rev-parse", "git-annex").trimmed
            let command = packet("\(zero) \(tip) refs/heads/other/git-annex\0report-status\n") + "0000"
            let reply = try answers(
                head(command.utf8.count).replacingOccurrences(of: "/team/data/", with: "/data/") + command,
                port: host.port)
            #expect(reply.first?.text.contains("unpack git failed on the host") == true, "\(reply)")
            #expect(!exists("\(directory)/annexd/unverified"))
            try Command(["rm", "\(host.scratch.path)/broken"]).check()
        }
    }
}
