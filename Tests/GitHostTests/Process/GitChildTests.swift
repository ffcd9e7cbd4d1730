import FileIO
import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import GitHost

@Suite struct GitSilenceTests {
    private func since(_ manner: GitSilence.Manner, _ events: [GitSilence.Event]) -> Int? {
        let start = ContinuousClock.now
        var silence = GitSilence(manner, at: start)
        for (second, event) in events.enumerated() { silence.happened(event, at: start + .seconds(second)) }
        return silence.since.map { Int(start.duration(to: $0).components.seconds) }
    }

    @Test func whoIsAloneOwesWhateverIsWaitedFor() {
        #expect(since(.alone, []) == nil)
        #expect(since(.alone, [.readBegan]) == 0)
        #expect(since(.alone, [.readBegan, .writeBegan]) == 1)
        #expect(since(.alone, [.readBegan, .writeBegan, .writeEnded]) == 2, "it took something")
        #expect(since(.alone, [.readBegan, .readEnded]) == nil)
        #expect(since(.alone, [.readBegan, .readEnded, .concluding]) == 2, "its exit is waited for")
        #expect(since(.quiet, [.readBegan, .inputEnded, .concluding]) == nil)
    }

    @Test("a client that sends slowly, or reads slowly, is no silence of git")
    func relayed() {
        #expect(since(.relayed, [.readBegan]) == nil, "the client has yet to send something")
        #expect(since(.relayed, [.readBegan, .writeBegan]) == 1, "git does not take it")
        #expect(since(.relayed, [.writeBegan]) == nil, "the client does not take what git printed, so it takes no more")
        #expect(since(.relayed, [.readBegan, .inputEnded]) == 1)
        #expect(since(.relayed, [.readBegan, .inputEnded, .readEnded]) == nil)
        #expect(since(.relayed, [.inputEnded, .readBegan, .readEnded, .readBegan]) == 3)
    }
}

@Suite(.timeLimit(.minutes(10))) struct GitChildTests {
    private func shell(_ script: String, in directory: FilePath) -> GitCommand {
        GitCommand(["misbehave"], in: directory).setting("alias.misbehave", "!f() { \(script); }; f")
    }

    private func isTimeOut(_ error: any Error) -> Bool { (error as? GitError)?.code == .timedOut }

    @Test("a process that says nothing is ended, with what it has started")
    func silent() async throws {
        try await withScratch { directory in
            let said = Mutex<[UInt8]>([])
            await #expect {
                try await shell("echo $$; sleep 1000", in: directory).silent(atMost: .milliseconds(300)).stream {
                    process in
                    for try await chunk in process.output { said.withLock { $0 += chunk.bytes } }
                }
            } throws: {
                isTimeOut($0) && "\($0)".contains(directory.string)
            }
            let pid = try #require(Int32(said.withLock { $0.text }.prefix { $0 != "\n" }))
            #expect(kill(pid, 0) == -1 && errno == ESRCH, "its shell is gone as well")
            #expect(GitChildren.all.stuck(for: .zero)[directory] == nil)
        }
    }

    @Test("one that takes nothing is ended")
    func takesNothing() async throws {
        try await withScratch { directory in
            let large = [UInt8](repeating: 1, count: 1 << 20)
            await #expect {
                try await shell("sleep 1000", in: directory).silent(atMost: .milliseconds(300)).stream { process in
                    try await process.write(large)
                }
            } throws: {
                isTimeOut($0)
            }
        }
    }

    /// A process that hangs in a disk that does not answer does not even end when it is killed. Nothing else can be
    /// made to behave so; the work that waits for it can.
    @Test("whoever waited for a process that cannot be killed goes on; it is counted, and few of them are left behind")
    func leftBehind() async throws {
        let children = GitChildren()
        let directory: FilePath = "/repository"
        let gate = AsyncStream<Void>.makeStream()
        let gone = AsyncStream<Void>.makeStream()
        func supervise(_ patience: Duration?) async throws {
            let child = GitChild("cat-file", in: directory, .alone, patience: patience, grace: .milliseconds(20))
            child.happened(.readBegan)
            try await child.supervise(among: children) {
                // Not ended by cancellation.
                await Task { for await _ in gate.stream {} }.value
                gone.continuation.yield()
            }
        }
        for count in 1...GitChildren.mostLeftBehind {
            await #expect { try await supervise(.milliseconds(20)) } throws: { isTimeOut($0) }
            #expect(children.stuck(for: .seconds(3600)) == [directory: count])
        }
        await #expect { try await supervise(nil) } throws: { "\($0)".contains("not started") }
        gate.continuation.finish()
        #expect(await eventually { children.stuck(for: .zero).isEmpty })
        try await supervise(nil)
    }

    @Test("a task that is cancelled does not wait for such a process either")
    func leftBehindByCancellation() async throws {
        let children = GitChildren()
        let gate = AsyncStream<Void>.makeStream()
        let began = AsyncStream<Void>.makeStream()
        let task = Task {
            try await GitChild("x", in: "/r", .alone, patience: nil, grace: .milliseconds(20)).supervise(
                among: children
            ) {
                began.continuation.yield()
                await Task { for await _ in gate.stream {} }.value
            }
        }
        for await _ in began.stream { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(children.stuck(for: .seconds(3600)) == ["/r": 1])
        gate.continuation.finish()
    }

    private func eventually(_ condition: () -> Bool) async -> Bool {
        for _ in 0..<4000 {
            if condition() { return true }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return false
    }

    /// The end of the thread that starts processes would be the end of all of them.
    @Test("git outlives the thread that asked for it, and not the process")
    func tied() async throws {
        try await withScratch { directory in
            let launch = GitLaunch.command(GitMemory(mebibytes: 100))
            #expect(launch.arguments.contains { $0.contains("setpriv --pdeathsig TERM git") })
            let output = try await shell("ulimit -d; echo done", in: directory)
                .bounded(by: GitMemory(mebibytes: 100), threads: 1).output()
            #expect(output.text == "\(100 << 10)\ndone\n")
        }
    }
}
