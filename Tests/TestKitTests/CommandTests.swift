import TestKit
import Testing

/// The equipment itself: commands, time bounds, scratch directories.
@Suite struct CommandTests {
    @Test func outputStatusAndInputArrive() throws {
        let result = try Command(["sh", "-c", "cat; echo problem >&2; exit 3"], input: Array("hello".utf8)).run()
        #expect(result.status == 3)
        #expect(result.text == "hello")
        #expect(result.errorText == "problem\n")
    }

    @Test func largeOutputDoesNotStall() throws {
        let result = try Command(["head", "-c", "5000000", "/dev/zero"]).check()
        #expect(result.output.count == 5_000_000)
    }

    @Test func aHangingProgramIsKilledWithItsChildren() throws {
        let result = try Command(["sh", "-c", "sleep 1000 & sleep 1000"], timeout: 0.2).run()
        #expect(result.timedOut)
        #expect(result.status == 128 + 9)
    }

    @Test func checkThrowsTheTranscript() throws {
        let error = #expect(throws: TestKitError.self) {
            try Command(["sh", "-c", "echo why; false"]).check()
        }
        #expect(error?.message.contains("why") == true)
    }

    @Test func aMissingProgramIsNamed() throws {
        #expect(throws: TestKitError.self) { try Command(["no-such-program-here"]).run() }
    }

    @Test func scratchRemovesReadOnlyTreesAndCleansUpLastFirst() throws {
        var order: [Int] = []
        let path = try ScratchDirectory.with { scratch in
            scratch.atEnd { order.append(1) }
            scratch.atEnd { order.append(2) }
            let folder = try scratch.makeDirectory("a/b")
            try Command(["sh", "-c", "echo x > f; chmod 0444 f; chmod 0555 ."], directory: folder).check()
            return scratch.path
        }
        #expect(order == [2, 1])
        #expect(try Command(["test", "-e", path]).run().status == 1)
    }

    @Test func seededBytesRepeat() {
        #expect(seededBytes(13, seed: 4) == seededBytes(13, seed: 4))
        #expect(seededBytes(13, seed: 4) != seededBytes(13, seed: 5))
    }

    @Test func percentEncodingKeepsOnlyUnreserved() {
        #expect(percentEncoded("a b/ü~") == "a%20b%2F%C3%BC~")
    }

    @Test func digestsComeFromOutside() throws {
        #expect(
            try Tools.sha256Key(Array("foo".utf8))
                == "SHA256-s3--2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae")
    }
}
