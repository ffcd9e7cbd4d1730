// A git process that hangs in the file system: a FIFO where git expects a file, as a prepared repository may have it,
// or a disk that does not answer. It is ended after a while, the next request gets a new one, and none outlives the
// server.

import Foundation
import TestKit
import Testing

@Suite struct HangingGitTests {
    private func replaceHEAD(of repository: HostedRepository) throws {
        try Command(["sh", "-ec", "mv HEAD HEAD.kept; mkfifo HEAD"], directory: repository.directory).check()
    }

    private func restoreHEAD(of repository: HostedRepository) throws {
        try Command(["mv", "-f", "HEAD.kept", "HEAD"], directory: repository.directory).check()
    }

    /// The git processes of the server that have not ended.
    private func children(of host: AnnexdHost) -> [Int32] {
        ProcessReadings.descendants(of: host.pid).filter { isRunning($0) }
    }

    /// A process that has ended and that nobody has asked for its status is none any more.
    private func isRunning(_ pid: Int32) -> Bool {
        guard let line = text("/proc/\(pid)/stat"), let end = line.lastIndex(of: ")") else { return false }
        return line[end...].split(separator: " ").dropFirst().first != "Z"
    }

    /// Begins a request for which git hangs, and waits until it does.
    private func hang(_ repository: HostedRepository) throws -> (connection: RawConnection, git: [Int32]) {
        try replaceHEAD(of: repository)
        let connection = try RawConnection(port: repository.host.port)
        try connection.send("GET /\(repository.path)/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: h\r\n\r\n")
        var git: [Int32] = []
        #expect(
            eventually {
                git = children(of: repository.host)
                // Where the kernel lets whoever opens a FIFO wait.
                return git.contains { text("/proc/\($0)/wchan")?.contains("wait_for_partner") ?? false }
            }, "no git hangs")
        return (connection, git)
    }

    @Test("the request gets an error, and later ones are served as ever")
    func ended() throws {
        var options = AnnexdHost.Options()
        options.environment["ANNEXD_LIMITS_GIT_SILENCE_SECONDS"] = "5"
        try withRepository(options) { repository, p2p, _ in
            _ = try p2p.store([1])
            try replaceHEAD(of: repository)
            // What is to be committed hangs as well.
            let reply = try p2p.put(try Tools.sha256Key([2]), [2])
            let refs = try repository.host.http.get("/\(repository.path)/info/refs?service=git-upload-pack")
            #expect(refs.status == 503, "\(refs.status) \(refs.reason)")
            #expect(refs.reason.contains("git did not answer in time"))
            try restoreHEAD(of: repository)
            #expect(reply.bool("stored") == true || reply.status == 503, "\(reply.status) \(reply.text)")
            for byte in UInt8(2)...4 { _ = try p2p.store([byte]) }
            #expect(
                try repository.host.http.get("/\(repository.path)/info/refs?service=git-upload-pack").status == 200)
            #expect(eventually { children(of: repository.host).isEmpty })
            #expect(try repository.host.metrics()["annexd_git_stuck"] == 0)
        }
    }

    @Test("git does not outlive the server, however that ends", arguments: [SIGTERM, SIGKILL])
    func outlivesNothing(signal: Int32) throws {
        var options = AnnexdHost.Options()
        options.environment["ANNEXD_LIMITS_SHUTDOWN_SECONDS"] = "1"
        try ScratchDirectory.with { scratch in
            let host = try AnnexdHost(in: scratch, options)
            let repository = try host.create("team/data")
            _ = try repository.p2p().store([1])
            let (connection, git) = try hang(repository)
            if signal == SIGKILL { host.kill9() } else { #expect(host.end(within: 40) != nil) }
            #expect(eventually(within: 20) { !git.contains { isRunning($0) } }, "\(git.filter { isRunning($0) })")
            connection.close()
        }
    }
}
