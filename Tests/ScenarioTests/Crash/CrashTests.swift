// The server is killed again and again in the middle of mixed work; what it had acknowledged must be true afterwards.
// `make crash ROUNDS=1000` is the long form.

import Foundation
import TestKit
import Testing

@Suite struct CrashTests {
    @Test("kill -9 at any moment: whatever was acknowledged is true after the restart")
    func killed() throws {
        let environment = ProcessInfo.processInfo.environment
        let rounds = environment["ANNEXD_TEST_CRASH_ROUNDS"].flatMap { Int($0) } ?? 20
        let seed = environment["ANNEXD_TEST_CRASH_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0 ... .max)
        try ScratchDirectory.with("crash") { scratch in
            let host = try AnnexdHost(in: scratch)
            let run = try CrashRun(host, scratch, seed: seed)
            for round in 1...rounds {
                let findings = Findings()
                let manner = try run.round()
                run.verify(findings)
                for finding in findings.all.prefix(10) {
                    Issue.record("round \(round), \(manner), seed \(seed): \(finding)")
                }
                if !findings.all.isEmpty {
                    Issue.record("--- server log ---\n\(host.log.suffix(4000))")
                    return
                }
                if round % 50 == 0 { print("crash test: \(round) rounds, seed \(seed)") }
            }
            try run.expectNoLitter()
            try host.stop()
        }
    }
}

/// A server and those who work with it.
private final class CrashRun {
    private let host: AnnexdHost
    private var generator: SeededGenerator
    private var workers: [any CrashWorker] = []
    private var repositories: [DiskRepository] = []

    init(_ host: AnnexdHost, _ scratch: ScratchDirectory, seed: UInt64) throws {
        self.host = host
        generator = SeededGenerator(seed: seed)
        for index in 0..<3 {
            let hosted = try host.create("team/data\(index)")
            repositories.append(DiskRepository(path: hosted.directory))
            workers.append(try ContentWorker(hosted, seed: generator.next()))
        }
        // Packed as often as possible, so that this is interrupted as well.
        for repository in 0..<3 {
            let hosted = host.hosted("team/data\(repository)")
            for (name, limit) in [("gc.auto", "300"), ("gc.autoPackLimit", "5")] { try hosted.setConfig(name, limit) }
        }
        let first = host.hosted("team/data0")
        workers.append(try ContentWorker(first, seed: generator.next()))
        let gateway = try host.create("team/gateway")
        repositories.append(DiskRepository(path: gateway.directory))
        for (name, value) in [("url", repositories[2].path), ("annex-proxy", "true")] {
            try gateway.setConfig("remote.node1.\(name)", value)
        }
        let update = try host.annexd("proxy", "update", "--root", host.root, gateway.path)
        guard update.status == 0 else { throw TestKitError(.commandFailed, update.transcript) }
        let target = host.hosted("team/data2")
        workers.append(try ContentWorker(target, through: gateway, seed: generator.next()))
        let shared = generator.next()
        for _ in 0..<2 { workers.append(try SharedKeyWorker(target, contents: shared, seed: generator.next())) }
        workers.append(try PushWorker(first, name: "one", in: scratch, seed: generator.next()))
        workers.append(try PushWorker(host.hosted("team/data1"), name: "two", in: scratch, seed: generator.next()))
        workers.append(try ManagementWorker(host, seed: generator.next()))
    }

    /// Lets everybody work, kills the server after a while, and starts it again. Answers how it died.
    func round() throws -> String {
        let round = CrashRound(port: host.port)
        let group = DispatchGroup()
        for worker in workers {
            let thread = Thread {
                worker.work(round)
                group.leave()
            }
            group.enter()
            thread.start()
        }
        // Short and long lives alike: most of the interesting moments are in the first milliseconds of some work.
        let microseconds = UInt32(5_000 << Int.random(in: 0...7, using: &generator))
        usleep(microseconds + UInt32.random(in: 0..<microseconds, using: &generator))
        let withChildren = generator.chance(40)
        // Nobody is told before that it will die: the commands of the others are killed a moment later.
        if withChildren { host.killWithChildren() } else { host.kill9() }
        round.end()
        group.wait()
        // Locks of git processes that were killed count as abandoned after ten minutes. These have passed now.
        if withChildren { try age("*.lock", by: "11 minutes ago") }
        try host.restart()
        return "\(withChildren ? "with its children " : "")after \(microseconds / 1000) ms"
    }

    func verify(_ findings: Findings) {
        for worker in workers { worker.verify(findings) }
        do {
            for repository in repositories {
                for wrong in try repository.wrongObjects() {
                    findings.add("\(repository.path): wrong content: \(wrong)")
                }
            }
            guard let sample = repositories.randomElement(using: &generator) else { return }
            // It lists the objects before it reads the refs, so what the server commits meanwhile looks missing.
            var fsck = try sample.git("fsck", "--no-dangling")
            _ = try eventually {
                if fsck.status != 0 { fsck = try sample.git("fsck", "--no-dangling") }
                return fsck.status == 0
            }
            findings.expect(fsck.status == 0, fsck.transcript)
        } catch {
            findings.add("\(error)")
        }
    }

    /// After an hour, nothing is left of all those who were killed.
    func expectNoLitter() throws {
        host.kill9()
        try age("*.lock", by: "2 hours ago")
        for pattern in ["tmp_*", ".tmp-*"] { try age(pattern, by: "2 hours ago") }
        try host.restart()
        for name in ["data0", "data1", "data2", "gateway"] {
            #expect(try host.http.get("/team/\(name)/config").status == 200)
        }
        let script = """
            cd "$0" && find .annexd/tmp -mindepth 1; find .annexd -name 'litter-*'
            for r in team/*.git; do
                find "$r" -name '*.lock'; find "$r" -name 'tmp_*'; find "$r" -name '.tmp-*'; find "$r" -name 'fast_import_crash*'
                find "$r/annex/transfer" -type f; find "$r/annex/othertmp" -type f
            done
            """
        var left: [String] = []
        let isClean = try eventually {
            left = try Command(["sh", "-c", script, host.root]).run().lines
            return left.isEmpty
        }
        #expect(isClean, "\(left)")
    }

    private func age(_ pattern: String, by time: String) throws {
        // With everything in a folder of that name.
        let script = "find \"$0\" -path '*.annexd/trash' -prune -o -path \"*/$1\" -exec touch -d \"$2\" {} +"
        try Command(["sh", "-c", script, host.root, pattern, time]).check()
    }
}
