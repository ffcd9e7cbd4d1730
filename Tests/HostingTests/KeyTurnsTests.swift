import AnnexProtocol
import Synchronization
import Testing

@testable import Hosting

@Suite struct KeyTurnsTests {
    private let key: Key

    init() throws { key = try Key(parsing: "SHA256--x") }

    /// Counts who is inside at one time.
    private final class Room: Sendable {
        private let inside = Atomic(0)
        private let visits = Atomic(0)

        func visit() async {
            #expect(inside.add(1, ordering: .relaxed).newValue == 1)
            await Task.yield()
            inside.subtract(1, ordering: .relaxed)
            visits.add(1, ordering: .relaxed)
        }

        var count: Int { visits.load(ordering: .relaxed) }
    }

    @Test("one at a time, everybody in the end")
    func exclusive() async throws {
        let (turns, room, key) = (KeyTurns(), Room(), key)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<100 { group.addTask { try await turns.withTurn(for: key) { await room.visit() } } }
            try await group.waitForAll()
        }
        #expect(room.count == 100)
    }

    @Test("different keys do not wait for each other")
    func independent() async throws {
        let turns = KeyTurns()
        let other = try Key(parsing: "SHA256--y")
        let answer = try await turns.withTurn(for: key) { try await turns.withTurn(for: other) { 7 } }
        #expect(answer == 7)
    }

    @Test("a client that leaves the queue does not block those behind it")
    func cancellation() async throws {
        let (turns, key) = (KeyTurns(), key)
        let (gate, open) = AsyncStream<Void>.makeStream()
        let (started, signal) = AsyncStream<Void>.makeStream()
        let first = Task {
            try await turns.withTurn(for: key) {
                signal.yield()
                for await _ in gate { break }
            }
        }
        for await _ in started { break }
        let second = Task { try await turns.withTurn(for: key) { true } }
        let third = Task { try await turns.withTurn(for: key) { true } }
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        open.yield()
        #expect(try await third.value)
        try await first.value
    }

    @Test("an error passes the turn on")
    func failure() async throws {
        struct Broken: Error {}
        let turns = KeyTurns()
        await #expect(throws: Broken.self) { try await turns.withTurn(for: key) { throw Broken() } }
        #expect(try await turns.withTurn(for: key) { 1 } == 1)
    }
}
