import Blocking
import Locations
import LocationsTesting
import NIOCore
import Synchronization
import TestKit
import Testing

@Suite(.timeLimit(.minutes(5))) struct SplitBodyTests {
    private let bytes = seededBytes(5_000_000, seed: 7)

    /// Counts what is pulled of a body.
    private final class CountedBody: UploadBody {
        private let body: FakeBody
        private let count = Atomic(0)

        init(_ body: FakeBody) { self.body = body }

        var pulled: Int { count.load(ordering: .relaxed) }

        func next() async throws -> UploadChunk {
            let chunk = try await body.next()
            if case .bytes(let piece) = chunk { count.add(piece.readableBytes, ordering: .relaxed) }
            return chunk
        }
    }

    @Test("every reader gets all of it, in order, and how it ended", arguments: [1, 2, 5])
    func all(count: Int) async throws {
        let split = SplitBody(FakeBody(bytes, pieces: 70_001, end: .end(.right)), stall: .seconds(60))
        let readers = (0..<count).map { _ in split.reader() }
        try await withThrowingTaskGroup(of: (bytes: [UInt8], end: UploadChunk)?.self) { group in
            group.addTask {
                try await split.run()
                return nil
            }
            for reader in readers { group.addTask { try await readAll(reader) } }
            for try await case let result? in group {
                #expect(result.bytes == bytes)
                #expect(result.end.proof == .right)
            }
        }
    }

    @Test("no more is pulled than the window ahead of the slowest")
    func pace() async throws {
        let body = CountedBody(FakeBody(bytes, pieces: 100_000))
        let split = SplitBody(body, window: 500_000, stall: .seconds(60), time: ManualTime().timekeeper)
        let (fast, slow) = (split.reader(), split.reader())
        let running = Task { try await split.run() }
        let reading = Task { try await readAll(fast) }
        try await wait(for: "the window to be full") { body.pulled == 500_000 }
        for taken in 1...10 {
            guard case .bytes = try await slow.next() else {
                Issue.record("ended early")
                return
            }
            try await wait(for: "piece \(taken) to make room for another") { body.pulled == 500_000 + taken * 100_000 }
        }
        let rest = try await readAll(slow)
        #expect(rest.bytes.count == bytes.count - 1_000_000)
        #expect(try await reading.value.bytes == bytes)
        try await running.value
    }

    /// Attack: a node that takes a byte a minute, or nothing at all, and would keep an upload to all others waiting.
    @Test("a reader that does not move is left behind; one that moves now and then is waited for")
    func stalled() async throws {
        let time = ManualTime()
        let body = CountedBody(FakeBody(bytes, pieces: 100_000))
        let split = SplitBody(body, window: 500_000, stall: .seconds(10), time: time.timekeeper)
        let (fast, slow, stuck) = (split.reader(), split.reader(), split.reader())
        let running = Task { try await split.run() }
        let reading = Task { try await readAll(fast) }
        try await wait(for: "the window to be full") { body.pulled == 500_000 && time.sleeping == 1 }
        _ = try await slow.next()
        time.advance(by: .seconds(6))
        _ = try await slow.next()
        #expect(body.pulled == 500_000)
        // It is six seconds since the slow one moved, and more than ten since the window is full.
        time.advance(by: .seconds(6))
        try await wait(for: "the others to go on") { body.pulled == 700_000 }
        #expect(try await stuck.next().isBroken)
        #expect(try await readAll(slow).bytes.count == bytes.count - 200_000)
        #expect(try await reading.value.bytes == bytes)
        try await running.value
    }

    @Test("a reader that leaves, or goes away, is not waited for; when all have left the body is no longer pulled")
    func leaving() async throws {
        let body = CountedBody(FakeBody(bytes, pieces: 100_000))
        let split = SplitBody(body, window: 500_000, stall: .seconds(60), time: ManualTime().timekeeper)
        let fast = split.reader()
        let leaver = split.reader()
        do { _ = split.reader() }
        let running = Task { try await split.run() }
        _ = try await leaver.next()
        for _ in 0..<6 { _ = try await fast.next() }
        try await wait(for: "the window to be full") { body.pulled == 600_000 }
        leaver.leave()
        #expect(try await leaver.next().isBroken)
        try await wait(for: "the other one to go on") { body.pulled > 600_000 }
        fast.leave()
        try await running.value
        #expect(body.pulled < bytes.count)
    }

    @Test("a body that breaks off does so for all, and so does one whose pulling is cancelled")
    func broken() async throws {
        let broken = SplitBody(FakeBody(Array(bytes[..<1000]), end: .broken), stall: .seconds(60))
        let (one, other) = (broken.reader(), broken.reader())
        try await broken.run()
        for reader in [one, other] {
            let (read, end) = try await readAll(reader)
            #expect(read.count == 1000 && end.isBroken)
        }
        let endless = FakeBody()
        endless.give(bytes[..<1000])
        let split = SplitBody(endless, stall: .seconds(60))
        let reader = split.reader()
        let running = Task { try await split.run() }
        guard case .bytes = try await reader.next() else {
            Issue.record("nothing came")
            return
        }
        running.cancel()
        #expect(try await reader.next().isBroken)
        await #expect(throws: CancellationError.self) { try await running.value }
    }

    @Test("a pull that is cancelled takes nothing")
    func cancelledPull() async throws {
        let body = FakeBody()
        let split = SplitBody(body, stall: .seconds(60))
        let reader = split.reader()
        let running = Task { try await split.run() }
        let pull = Task { try await reader.next() }
        pull.cancel()
        #expect(try await pull.value.isBroken)
        body.give(bytes[..<1000])
        body.end(.end(.unchecked))
        #expect(try await readAll(reader).bytes.count == 1000)
        try await running.value
    }
}
