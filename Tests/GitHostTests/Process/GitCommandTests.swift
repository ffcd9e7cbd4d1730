import FileIO
import Glibc
import SystemPackage
import TestKit
import Testing

@testable import GitHost

/// Aliases run shell commands through git, which gives every kind of misbehaving process.
private func shell(_ script: String, in directory: FilePath) -> GitCommand {
    GitCommand(["misbehave"], in: directory).setting("alias.misbehave", "!f() { \(script); }; f")
}

@Suite(.serialized, .timeLimit(.minutes(10))) struct GitCommandTests {
    @Test func answersOutputAndStatus() async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let missing = try await GitCommand(["rev-parse", "--verify", "HEAD"], in: fixture.git).run()
            #expect(missing.status == 128)
            #expect(missing.errors.contains("fatal"))
            await #expect {
                try await GitCommand(["rev-parse", "--verify", "HEAD"], in: fixture.git).output()
            } throws: {
                ($0 as? GitError)?.code == .exit(128)
            }
            #expect(try await fixture.run("hash-object", "--stdin", input: "x\n").count == 40)
        }
    }

    @Test func aPathThatIsNotUTF8IsPassedOnAsItIs() async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending(bytes: [0x61, 0xff, 0xfe]))
            #expect(try await GitObjects(fixture.git).refs() == [])
            #expect(
                try await GitCommand(["rev-parse", "--git-dir"], in: fixture.git).output() == fixture.git.bytes + [10])
        }
    }

    @Test func theMachinesConfigurationHasNoSay() async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            try write("[foo]\nbar = 1\n", to: directory.appending(".gitconfig"))
            setenv("HOME", directory.string, 1)
            setenv("GIT_CONFIG_COUNT", "1", 1)
            setenv("GIT_CONFIG_KEY_0", "foo.bar", 1)
            setenv("GIT_CONFIG_VALUE_0", "2", 1)
            defer { for name in ["COUNT", "KEY_0", "VALUE_0"] { unsetenv("GIT_CONFIG_\(name)") } }
            #expect(try await GitCommand(["config", "foo.bar"], in: fixture.git).run().status == 1)
        }
    }

    /// A prepared repository with a FIFO where git expects a file: git waits for its other side, which never comes, and
    /// so would whoever waits for git.
    @Test(
        "git that waits for a FIFO is ended in time, and the error names the repository",
        arguments: ["refs/heads/x", "HEAD"])
    func aFIFOIsNotWaitedForForEver(file: String) async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let path = fixture.git.appending(file)
            try Files.unlink(path)
            try #require(path.withPlatformString { mkfifo($0, 0o644) } == 0)
            await #expect {
                try await GitCommand(["show-ref"], in: fixture.git).run(within: .milliseconds(300))
            } throws: {
                guard let error = $0 as? GitError else { return false }
                return error.code == .timedOut && error.message.contains("a.git")
            }
            // Before that, it is not.
            #expect(try await GitCommand(["version"], in: fixture.git).run(within: .seconds(100)).status == 0)
        }
    }

    @Test func manyErrorMessagesDoNotBlockTheOutput() async throws {
        try await withScratch { directory in
            let command = shell("head -c 3000000 /dev/zero | tr '\\\\0' e >&2; echo done; echo last >&2", in: directory)
            let result = try await command.run()
            #expect(result.output.text == "done\n")
            #expect(result.errors.utf8.count == 4096)
            #expect(result.errors.hasSuffix("last\n"))
        }
    }

    @Test func aBodyThatDoesNotReadLetsTheProcessEnd() async throws {
        try await withScratch { directory in
            let command = shell("head -c 3000000 /dev/zero; exit 3", in: directory)
            let result = try await command.stream { _ in 7 }
            #expect(result.output == 7)
            #expect(result.status == 3)
        }
    }

    @Test func aProcessThatPrintsForEverAfterTheBodyIsTerminated() async throws {
        try await withScratch { directory in
            let result = try await shell("cat /dev/zero", in: directory).stream { process in
                for try await _ in process.output { break }
            }
            #expect(result.status != 0)
        }
    }

    @Test func aProcessThatEndsWhileWeWriteTellsItsStatus() async throws {
        try await withScratch { directory in
            let large = [UInt8](repeating: 1, count: 8 << 20)
            let result = try await shell("head -c 10 >/dev/null; echo sorry >&2; exit 5", in: directory).run(
                input: large)
            #expect(result.status == 5)
            #expect(result.errors == "sorry\n")
            let told = try await shell("exit 0", in: directory).stream { process in
                var accepted = true
                while accepted { accepted = try await process.write(large) }
                return try await process.write(large)
            }
            #expect(told.output == false)
        }
    }

    @Test func allBytesGoThroughBothWays() async throws {
        try await withScratch { directory in
            var bytes = [UInt8](repeating: 0, count: 5_000_001)
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 31 ^ index >> 8) }
            let echoed = try await shell("cat", in: directory).run(input: bytes)
            #expect(echoed.output == bytes)
        }
    }

    @Test func tooMuchOutputIsAnErrorAndEndsTheProcess() async throws {
        try await withScratch { directory in
            await #expect { try await shell("cat /dev/zero", in: directory).run(limit: 1 << 20) } throws: {
                ($0 as? GitError)?.code == .tooMuchOutput
            }
        }
    }

    @Test func cancellationEndsTheProcessAndItsChildren() async throws {
        try await withScratch { directory in
            let marker = directory.appending("pid")
            let command = shell("sh -c 'echo $$ > \(marker); exec sleep 1000' ; true", in: directory)
            let task = Task { try await command.run() }
            var pid: Int32 = 0
            try await wait(for: "the child to say who it is") {
                pid = try Files.read(marker).flatMap { Int32($0.text.dropLast()) } ?? 0
                return pid != 0
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            // The child is adopted by init once killed; until it is reaped it may linger as a zombie.
            let status = FilePath("/proc/\(pid)/stat")
            try await wait(for: "the child to be killed") {
                try kill(pid, 0) != 0 || Files.read(status)?.text.contains(") Z") != false
            }
        }
    }

    @Test func aReaderThatIsCancelledDoesNotTakeItForTheEnd() async throws {
        try await withScratch { directory in
            let result = try await shell("echo first; sleep 1; echo second", in: directory).stream { process in
                await withTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        do {
                            for try await _ in process.output {}
                            return false
                        } catch {
                            return error is CancellationError
                        }
                    }
                    group.cancelAll()
                    return await group.next() == true
                }
            }
            #expect(result.output == true)
        }
    }

    @Test func aMissingDirectoryOrProgramIsTold() async throws {
        let command = GitCommand(["rev-parse", "HEAD"], in: "/nonexistent")
        #expect(try await command.run().status == 128)
        await #expect { try await command.environment("PATH", "/nonexistent").run() } throws: {
            ($0 as? GitError)?.code == .spawn
        }
    }

    @Test func noDescriptorIsLeft() async throws {
        try await withScratch { directory in
            func round() async throws {
                _ = try await shell("echo a; exit 1", in: directory).run(input: [1, 2, 3])
                _ = try? await shell("cat /dev/zero", in: directory).run(limit: 10)
                _ = try? await GitCommand(["x"], in: directory).environment("PATH", "/nonexistent").run()
                _ = try await shell("head -c 100000 /dev/zero", in: directory).stream { _ in 1 }
                let task = Task { try await shell("sleep 1000", in: directory).run() }
                task.cancel()
                _ = try? await task.value
            }
            try await round()
            let before = try openDescriptors()
            for _ in 0..<5 { try await round() }
            // Other suites run meanwhile and may hold some; a leak would show as several per round.
            var after = try openDescriptors()
            for _ in 0..<1000 where after > before + 4 {
                try await Task.sleep(for: .milliseconds(10))
                after = try openDescriptors()
            }
            #expect(after <= before + 4)
        }
    }
}
