import AnnexProtocol
import Synchronization
import TestKit
import Testing

@testable import Locations

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
            for _ in 0..<100 { group.addTask { try await turns.withTurn(for: key) { _ in await room.visit() } } }
            try await group.waitForAll()
        }
        #expect(room.count == 100)
    }

    @Test("different keys do not wait for each other")
    func independent() async throws {
        let turns = KeyTurns()
        let other = try Key(parsing: "SHA256--y")
        let answer = try await turns.withTurn(for: key) { _ in try await turns.withTurn(for: other) { _ in 7 } }
        #expect(answer == 7)
    }

    @Test("a client that leaves the queue does not block those behind it")
    func cancellation() async throws {
        let (turns, key) = (KeyTurns(), key)
        let (gate, open) = AsyncStream<Void>.makeStream()
        let (started, signal) = AsyncStream<Void>.makeStream()
        let first = Task {
            try await turns.withTurn(for: key) { _ in
                signal.yield()
                for await _ in gate { break }
            }
        }
        for await _ in started { break }
        let second = Task { try await turns.withTurn(for: key) { _ in true } }
        let third = Task { try await turns.withTurn(for: key) { _ in true } }
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
        await #expect(throws: Broken.self) { try await turns.withTurn(for: key) { _ in throw Broken() } }
        #expect(try await turns.withTurn(for: key) { _ in 1 } == 1)
    }

    private static let patience = KeyTurns.Patience(window: .seconds(3), minimumProgress: 1000)

    /// Gets on by small steps for several windows, while somebody waits.
    private static func getOn(_ turn: Turn, by step: Int, _ time: ManualTime) async throws {
        for window in 1...5 {
            try await wait(for: "the watch to see window \(window)") { time.sleeping > 0 }
            turn.advance(by: step)
            time.advance(by: patience.window)
        }
        try await wait(for: "the watch to have seen all of them") { time.sleeping > 0 }
    }

    @Test("one that gets on is left alone, however many wait; one that is stuck steps back")
    func stepsBack() async throws {
        let time = ManualTime()
        let (turns, key) = (KeyTurns(patience: Self.patience, time: time.timekeeper), key)
        let (started, signal) = AsyncStream<Void>.makeStream()
        let stuck = Task {
            try await turns.withTurn(for: key) { turn in
                signal.yield()
                await turn.stepBackRequest()
                return turn.isAskedToStepBack
            }
        }
        for await _ in started { break }
        let brisk = Task {
            try await turns.withTurn(for: key) { turn in
                try await Self.getOn(turn, by: 100_000, time)
                return turn.isAskedToStepBack
            }
        }
        try await wait(for: "the brisk one to wait") { turns.waiting == 1 }
        let last = Task { try await turns.withTurn(for: key) { _ in true } }
        try await wait(for: "both to wait, and the watch to have looked once") {
            turns.waiting == 2 && time.sleeping > 0
        }
        time.advance(by: Self.patience.window)
        #expect(try await stuck.value)
        #expect(try await brisk.value == false)
        #expect(try await last.value)
        #expect(turns.waiting == 0)
    }

    @Test("nobody steps back where nobody waits, and a slow one does not for one that has stepped back itself")
    func noThrashing() async throws {
        let time = ManualTime()
        let (turns, key) = (KeyTurns(patience: Self.patience, time: time.timekeeper), key)
        let (started, signal) = AsyncStream<Void>.makeStream()
        let slow = Task {
            try await turns.withTurn(for: key) { turn in
                signal.yield()
                time.advance(by: Self.patience.window * 10)
                #expect(!turn.isAskedToStepBack, "nobody waits")
                try await Self.getOn(turn, by: 1, time)
                return turn.isAskedToStepBack
            }
        }
        for await _ in started { break }
        let veteran = Task { try await turns.withTurn(for: key, hasStepped: true) { _ in true } }
        #expect(try await slow.value == false)
        #expect(try await veteran.value)
    }

    @Test("a request to step back ends the wait for it, and so does the end of the task")
    func cancelledWait() async throws {
        let (turns, key) = (KeyTurns(), key)
        let task = Task {
            try await turns.withTurn(for: key) { turn in
                await turn.stepBackRequest()
                return turn.isAskedToStepBack
            }
        }
        task.cancel()
        #expect((try? await task.value) != true)
        #expect(try await turns.withTurn(for: key) { _ in 1 } == 1)
    }
}
