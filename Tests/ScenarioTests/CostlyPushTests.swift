// Attack: a small push makes git take much memory, then and in every clone afterwards; or a request for git that never
// ends keeps a process and a place for it, until nobody else has one; or a first push that never ends keeps the
// git-annex branch out of everybody's sight.

import Foundation
import TestKit
import Testing

@Suite(.timeLimit(.minutes(5))) struct CostlyPushTests {
    private let zero = String(repeating: "0", count: 40)

    private func packet(_ text: String) -> String {
        let length = String(text.utf8.count + 4, radix: 16)
        return String(repeating: "0", count: 4 - length.count) + length + text
    }

    private func head(_ service: String, _ length: Int) -> String {
        "POST /team/data/\(service) HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-\(service)-request\r\n"
            + "Content-Length: \(length)\r\n\r\n"
    }

    /// A commit whose message has so many equal bytes.
    private func bomb(_ bytes: Int, in work: WorkTree) throws -> String {
        let tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
        let script = "head -c \(bytes) /dev/zero | tr '\\0' a | git commit-tree \(tree)"
        return try work.client.command(["sh", "-c", script], in: work.path).check().trimmed
    }

    @Test("a commit of many megabytes is refused with a reason, however small it is on the way")
    func largeCommit() throws {
        try withRepository { repository, _, alice in
            let tree = try alice.clone(repository.url, as: "tree")
            try tree.git("commit", "-q", "--allow-empty", "-m", "x")
            try tree.git("hash-object", "-t", "tree", "-w", "/dev/null")
            let commit = try bomb(12_000_000, in: tree)
            let result = try tree.attempt("git", "push", "origin", "\(commit):refs/heads/bomb")
            #expect(result.status != 0)
            #expect(result.errorText.contains("this push is refused: it has a commit or tag"), "\(result.errorText)")
            try tree.git("push", "-q", "origin", "main")
            let left = try repository.tree(alice).attempt("git", "cat-file", "-e", commit)
            #expect(left.status != 0, "nothing of it stays")
        }
    }

    @Test("what needs more memory than one git process may take fails and says so; files and packs may be larger")
    func memory() throws {
        var options = AnnexdHost.Options()
        options.environment = ["ANNEXD_LIMITS_GIT_MEMORY_MEBIBYTES": "96"]
        try withRepository(options) { repository, _, alice in
            let tree = try alice.clone(repository.url, as: "tree")
            try tree.git("commit", "-q", "--allow-empty", "-m", "x")
            let commit = try bomb(200_000_000, in: tree)
            let result = try tree.attempt("git", "push", "origin", "\(commit):refs/heads/bomb")
            #expect(result.status != 0 && result.errorText.contains("Out of memory"), "\(result.errorText)")

            for number in 0..<3 { try tree.write("large\(number)", seededBytes(50_000_000, seed: UInt64(number))) }
            try tree.git("add", ".")
            try tree.git("commit", "-q", "-m", "large")
            try tree.git("push", "-q", "origin", "main")
            #expect(try alice.clone(repository.url, as: "again").read("large2") == tree.read("large2"))
        }
    }

    @Test("a pack that is larger than a push may be is refused")
    func packSize() throws {
        var options = AnnexdHost.Options()
        options.environment = ["ANNEXD_LIMITS_PUSH_MEBIBYTES": "1"]
        try withRepository(options) { repository, _, alice in
            let tree = try alice.clone(repository.url, as: "tree")
            try tree.write("large", seededBytes(3_000_000, seed: 1))
            try tree.git("add", ".")
            try tree.git("commit", "-q", "-m", "large")
            let result = try tree.attempt("git", "push", "origin", "main")
            #expect(result.status != 0 && result.errorText.contains("maximum allowed size"), "\(result.errorText)")
        }
    }

    @Test("requests that come a byte at a time have no process and no place, and end")
    func drips() throws {
        var options = AnnexdHost.Options()
        options.environment = [
            "ANNEXD_LIMITS_GIT_PROCESSES": "1", "ANNEXD_LIMITS_GIT_SLOW_CLIENTS": "0",
            "ANNEXD_LIMITS_HEADER_TIMEOUT_SECONDS": "5", "ANNEXD_LIMITS_GIT_QUEUE_SECONDS": "5",
        ]
        try withRepository(options) { repository, _, alice in
            let tree = try alice.clone(repository.url, as: "tree")
            try tree.git("commit", "-q", "--allow-empty", "-m", "x")
            try tree.git("push", "-q", "origin", "main")
            let command = packet("\(zero) \(try tree.git("rev-parse", "main").trimmed) refs/heads/x\0report-status\n")
            let starts = [
                head("git-upload-pack", 1_000_000) + "fff0", head("git-receive-pack", 1_000_000) + "00",
                // All commands are there, and the pack is not.
                head("git-receive-pack", 1_000_000) + command + "0000PACK",
            ]
            let held = try (starts + starts + starts).map { start in
                let connection = try RawConnection(port: repository.host.port, timeout: 60)
                try connection.send(start)
                return connection
            }
            let host = repository.host
            #expect(try eventually { try host.metrics()["annexd_connections"] ?? 0 >= held.count })
            let metrics = try host.metrics()
            #expect(metrics["annexd_git_working"] == 0 && metrics["annexd_git_queue"] == 0)
            _ = try alice.clone(repository.url, as: "again")
            let statuses = try held.map { connection in
                // A byte now and then does not help.
                try? connection.send("a")
                return try connection.readReply().status
            }
            #expect(statuses == held.map { _ in 408 })
        }
    }

    @Test("one client has a small share of the places for git, and others go on")
    func share() throws {
        var options = AnnexdHost.Options()
        options.environment = [
            "ANNEXD_LIMITS_GIT_PROCESSES": "4", "ANNEXD_LIMITS_GIT_SLOW_CLIENTS": "28",
            "ANNEXD_SERVER_TRUSTED_PROXIES": "127.0.0.1",
        ]
        try withRepository(options) { repository, _, alice in
            let tree = try alice.clone(repository.url, as: "tree")
            try tree.git("commit", "-q", "--allow-empty", "-m", "x")
            try tree.git("push", "-q", "origin", "main")
            let command = packet("\(zero) \(try tree.git("rev-parse", "main").trimmed) refs/heads/x\0report-status\n")
            // A pack may come as slowly as it likes.
            let start = command + "0000PACK" + String(repeating: "\0", count: 70_000)
            let host = repository.host
            let held = try (0..<12).map { number in
                let connection = try RawConnection(port: host.port, timeout: 60)
                let address = "X-Forwarded-For: 10.0.0.\(number % 2)\r\n"
                let head = head("git-receive-pack", 1_000_000)
                try connection.send(head.replacingOccurrences(of: "Host: h\r\n", with: "Host: h\r\n" + address) + start)
                return connection
            }
            // An eighth for each of the two; their other requests wait.
            #expect(try eventually { try host.metrics()["annexd_git_queue"] == 4 })
            let running = try host.metrics()
            #expect((running["annexd_git_slow"] ?? 0) + (running["annexd_git_working"] ?? 0) <= 8)
            _ = try alice.clone(repository.url, as: "again")
            for connection in held { connection.reset() }
        }
    }

    @Test("a first push whose pack does not come keeps the git-annex branch from nobody")
    func stalledFirstPush() throws {
        try withRepository { repository, p2p, alice in
            let host = repository.host
            // The branch of a repository without content is shown to nobody.
            _ = try p2p.store(Array("content".utf8))
            let before = try alice.command(["git", "ls-remote", repository.url, "git-annex"], in: "/").check().text
            #expect(before.contains("refs/heads/git-annex"))
            let tree = try alice.newRepository("tree")
            try tree.git("commit", "-q", "--allow-empty", "-m", "x")
            let tip = try tree.git("rev-parse", "git-annex").trimmed
            let connection = try RawConnection(port: host.port, timeout: 60)
            let command = packet("\(zero) \(tip) refs/heads/git-annex\0report-status\n")
            try connection.send(
                head("git-receive-pack", 1_000_000) + command + "0000PACK" + String(repeating: "\0", count: 100_000))
            // It has its place, and gives it away while nothing comes.
            #expect(try eventually { try host.metrics()["annexd_git_slow"] == 1 })
            let during = try alice.command(["git", "ls-remote", repository.url, "git-annex"], in: "/").check().text
            #expect(during == before)
            #expect(!exists("\(repository.directory)/annexd/unverified"), "nothing has begun")

            // Somebody else's push is the first.
            try tree.write("a", seededBytes(300_000, seed: 3))
            try tree.git("-c", "annex.largefiles=nothing", "add", "a")
            try tree.git("commit", "-q", "-m", "a")
            try tree.git("remote", "add", "origin", repository.url)
            try tree.git("push", "-q", "origin", "git-annex", "main")
            #expect(!exists("\(repository.directory)/annexd/unpushed"))
            connection.reset()
            #expect(try eventually { try host.metrics()["annexd_git_slow"] == 0 })
            #expect(try files(below: "\(repository.directory)/objects").contains { $0.contains("tmp_push") } == false)
        }
    }

    /// Each step after a push stands for itself: a HEAD that cannot follow keeps the branch from nothing.
    @Test("with HEAD.lock in the way a first push is merged and comes to its end")
    func headLock() throws {
        try withRepository { repository, _, alice in
            let lock = "\(repository.directory)/HEAD.lock"
            try write(lock, "")
            let tree = try alice.newRepository("tree")
            try tree.git("commit", "-q", "--allow-empty", "-m", "x")
            try tree.annex("setpresentkey", "FOO--mine", "11111111-1111-4111-8111-111111111111", "1")
            try tree.annex("merge")
            try tree.git("remote", "add", "origin", repository.url)
            try tree.git("push", "-q", "origin", "main:dev", "git-annex", "git-annex:synced/git-annex")
            let bare = repository.tree(alice)
            #expect(!exists("\(repository.directory)/annexd/unpushed"))
            #expect(!exists("\(repository.directory)/annexd/unverified"))
            #expect(try bare.git("show", "git-annex:uuid.log").text.contains(repository.uuid()))
            #expect(try bare.committedLog("FOO--mine") != nil)
            #expect(repository.host.log.contains("step=HEAD"))
            try Command(["rm", lock]).check()
        }
    }

    /// The folder of a quarantine is as old as the push; what is in it grows.
    @Test("the quarantine of a push that lasts for days is nothing that doctor removes")
    func longPush() throws {
        try withRepository { repository, _, _ in
            let folder = "\(repository.directory)/objects/tmp_objdir-incoming-abc"
            let script = """
                mkdir -p "$0/pack" && echo x >"$0/pack/tmp_pack_abc" && touch -d '3 days ago' "$0/pack" "$0"
                """
            try Command(["sh", "-ec", script, folder]).check()
            let doctor = { try repository.host.annexd("doctor", "--root", repository.host.root, "--repair") }
            #expect(try doctor().status == 0)
            #expect(exists("\(folder)/pack/tmp_pack_abc"))
            try Command(["touch", "-d", "2 days ago", "\(folder)/pack/tmp_pack_abc"]).check()
            #expect(try doctor().status == 1)
            #expect(!exists(folder))
        }
    }
}
