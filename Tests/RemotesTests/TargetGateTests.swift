import Locations
import Synchronization
import TestKit
import Testing

@testable import Remotes

/// What tasks of a test tell.
private final class Notes: Sendable {
    let order = Mutex<[Int]>([])
    let running = Atomic(0)
    let most = Atomic(0)
}

@Suite struct TargetGateTests {
    @Test(
        "no more requests than the limit run, and those that wait run in the order they came", .timeLimit(.minutes(10)))
    func order() async throws {
        let gate = TargetGate(limit: 2, patience: .seconds(60))
        let places = [try await gate.enter(.question, "t"), try await gate.enter(.question, "t")]
        let notes = Notes()
        var waiters: [Task<Void, any Error>] = []
        for number in 0..<5 {
            waiters.append(
                Task {
                    let place = try await gate.enter(.question, "t")
                    notes.order.withLock { $0.append(number) }
                    place.release()
                })
            try await wait(for: "waiting == \(number + 1)") { gate.waiting == number + 1 }
        }
        #expect(gate.inUse == 2 && notes.order.withLock { $0.isEmpty })
        places[0].release()
        places[0].release()
        for waiter in waiters { try await waiter.value }
        #expect(notes.order.withLock { $0 } == [0, 1, 2, 3, 4])
        #expect(gate.inUse == 1, "a place that is released twice is given back once")
        withExtendedLifetime(places) {}
    }

    @Test("transfers leave a place to questions, which may use all of them", .timeLimit(.minutes(10)))
    func reserve() async throws {
        let gate = TargetGate(limit: 2, patience: .seconds(60))
        let transfer = try await gate.enter(.transfer, "t")
        let second = Task { try await gate.enter(.transfer, "t") }
        try await wait(for: "waiting == 1") { gate.waiting == 1 }
        // The one that waits is not in its way.
        let question = try await gate.enter(.question, "t")
        #expect(gate.inUse == 2 && gate.waiting == 1)
        question.release()
        #expect(gate.waiting == 1, "a place that is left to questions goes to no transfer")
        transfer.release()
        try await second.value.release()
        let questions = [try await gate.enter(.question, "t"), try await gate.enter(.question, "t")]
        #expect(gate.inUse == 2)
        for question in questions { question.release() }
        try await TargetGate(limit: 1, patience: .seconds(60)).enter(.transfer, "t").release()
    }

    @Test("a place that goes away is given back")
    func goesAway() async throws {
        let gate = TargetGate(limit: 1, patience: .seconds(60))
        _ = try await gate.enter(.question, "t")
        #expect(gate.inUse == 0)
    }

    @Test("who waits too long is told so", .timeLimit(.minutes(10)))
    func patience() async throws {
        let gate = TargetGate(limit: 1, patience: .milliseconds(20))
        let place = try await gate.enter(.question, "t")
        let error = await #expect(throws: LocationError.self) { _ = try await gate.enter(.question, "archive") }
        #expect(error?.code == .busy && error?.message.contains("archive is busy") == true)
        #expect(gate.waiting == 0 && gate.inUse == 1)
        place.release()
        try await gate.enter(.question, "t").release()
    }

    @Test("who is cancelled leaves the line", .timeLimit(.minutes(10)))
    func cancellation() async throws {
        let gate = TargetGate(limit: 1, patience: .seconds(60))
        let place = try await gate.enter(.question, "t")
        let first = Task { try await gate.enter(.question, "t").release() }
        try await wait(for: "waiting == 1") { gate.waiting == 1 }
        let second = Task { try await gate.enter(.question, "t").release() }
        try await wait(for: "waiting == 2") { gate.waiting == 2 }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        place.release()
        try await second.value
        #expect(gate.waiting == 0 && gate.inUse == 0)
    }

    @Test(
        "whatever is cancelled, runs out of patience or runs: the limit holds and no place is lost",
        .timeLimit(.minutes(10)))
    func storm() async throws {
        let gate = TargetGate(limit: 3, patience: .milliseconds(15))
        let notes = Notes()
        var generator = SeededGenerator(seed: 11)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<400 {
                let (work, leaves) = (Int.random(in: 0...3000, using: &generator), Bool.random(using: &generator))
                group.addTask {
                    let task = Task {
                        let place = try await gate.enter(.question, "t")
                        let now = notes.running.add(1, ordering: .relaxed).newValue
                        notes.most.max(now, ordering: .relaxed)
                        try? await Task.sleep(for: .microseconds(work))
                        notes.running.subtract(1, ordering: .relaxed)
                        place.release()
                    }
                    if leaves {
                        try? await Task.sleep(for: .microseconds(work))
                        task.cancel()
                    }
                    _ = await task.result
                }
            }
        }
        #expect(gate.inUse == 0 && gate.waiting == 0)
        #expect(notes.most.load(ordering: .relaxed) <= 3)
        try await gate.enter(.question, "t").release()
    }
}
