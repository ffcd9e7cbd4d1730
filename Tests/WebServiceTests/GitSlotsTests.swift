import Synchronization
import TestKit
import Testing

@testable import WebService

@Suite struct GitSlotsTests {
    private func limits(working: Int, slow: Int, ofClient: Int = 100, patience: Duration = .seconds(60))
        -> GitSlots.Limits
    {
        var limits = GitSlots.Limits(working: working, slow: slow, patience: patience)
        limits.ofClient = ofClient
        return limits
    }

    /// Waits until it is opened.
    private final class Gate: Sendable {
        private let isOpen = Atomic(false)
        func open() { isOpen.store(true, ordering: .relaxed) }
        func pass() async throws {
            try await wait(for: "the gate to be opened") { isOpen.load(ordering: .relaxed) }
        }
    }

    @Test("so many work at one time, and the next gets its turn when one ends")
    func bound() async throws {
        let slots = GitSlots(limits(working: 1, slow: 10))
        let gate = Gate()
        let first = Task { try await slots.withSlot(for: "a") { _ in try await gate.pass() } }
        try await wait(for: "working == 1") { slots.working == 1 }
        let second = Task { try await slots.withSlot(for: "a") { _ in true } }
        try await wait(for: "waiting == 1") { slots.waiting == 1 }
        gate.open()
        try await first.value
        #expect(try await second.value)
        #expect(slots.working == 0 && slots.slow == 0 && slots.waiting == 0)
    }

    @Test("a process that waits for its client gives its place away, and goes on when the client does")
    func slowClient() async throws {
        let time = ManualTime()
        let slots = GitSlots(limits(working: 1, slow: 1), time: time.timekeeper)
        let (client, other) = (Gate(), Gate())
        let slow = Task {
            try await slots.withSlot(for: "a") { slot in
                try await slot.whileWaiting { try await client.pass() }
                return true
            }
        }
        try await wait(for: "slow == 1") {
            time.advance(by: .seconds(1))
            return slots.slow == 1
        }
        let quick = Task { try await slots.withSlot(for: "b") { _ in try await other.pass() } }
        try await wait(for: "working == 1") { slots.working == 1 }
        client.open()
        #expect(try await slow.value, "it needs no place to come to its end")
        #expect(slots.slow == 0)
        other.open()
        try await quick.value
        #expect(slots.working == 0)
    }

    @Test("the number of slow ones is bounded, too; with patience at its end there is a 503 with the reason")
    func boundOfSlow() async throws {
        let time = ManualTime()
        let slots = GitSlots(limits(working: 1, slow: 1, patience: .seconds(60)), time: time.timekeeper)
        let gate = Gate()
        func keepWaiting() -> Task<Void, any Error> {
            Task {
                try await slots.withSlot(for: "a") { slot in try await slot.whileWaiting { try await gate.pass() } }
            }
        }
        var slow = [keepWaiting()]
        try await wait(for: "slow == 1") {
            time.advance(by: .seconds(1))
            return slots.slow == 1
        }
        slow.append(keepWaiting())
        try await wait(for: "working == 1") { slots.working == 1 }
        let late = Task { try await slots.withSlot(for: "b") { _ in } }
        try await wait(for: "waiting == 1") { slots.waiting == 1 }
        time.advance(by: .seconds(60))
        let refusal = await #expect(throws: ServiceError.self) { try await late.value }
        #expect(refusal?.status == 503 && refusal?.reason.contains("too many git operations") == true)
        gate.open()
        for task in slow { try await task.value }
        #expect(slots.working == 0 && slots.slow == 0)
    }

    @Test("one client cannot have all places; others pass it in the line")
    func boundOfClient() async throws {
        let slots = GitSlots(limits(working: 2, slow: 0, ofClient: 1, patience: .seconds(60)))
        let gate = Gate()
        let first = Task { try await slots.withSlot(for: "a") { _ in try await gate.pass() } }
        try await wait(for: "working == 1") { slots.working == 1 }
        let second = Task { try await slots.withSlot(for: "a") { _ in true } }
        try await wait(for: "waiting == 1") { slots.waiting == 1 }
        #expect(try await slots.withSlot(for: "b") { _ in true })
        #expect(slots.waiting == 1)
        gate.open()
        try await first.value
        #expect(try await second.value)
    }

    /// Attack: two addresses, each with half of the places, keep everybody else from git.
    @Test(
        "one client has an eighth of all places, and two in any case",
        arguments: [(8, 64, 9), (1, 0, 2), (2, 8, 2), (32, 0, 4), (100, 300, 50)])
    func shareOfClient(working: Int, slow: Int, share: Int) {
        #expect(GitSlots.Limits(working: working, slow: slow, patience: .seconds(1)).ofClient == share)
    }

    @Test("the time for a small body grows with it, a second for each KiB")
    func pace() {
        var pace = GitPace()
        pace.grace = .seconds(5)
        #expect(pace.allowance(0) == .seconds(5))
        #expect(pace.allowance(64 << 10) == .seconds(69))
    }

    @Test("a client that leaves the line leaves nothing behind")
    func leaving() async throws {
        let slots = GitSlots(limits(working: 1, slow: 0))
        let gate = Gate()
        let first = Task { try await slots.withSlot(for: "a") { _ in try await gate.pass() } }
        try await wait(for: "working == 1") { slots.working == 1 }
        let second = Task { try await slots.withSlot(for: "b") { _ in true } }
        try await wait(for: "waiting == 1") { slots.waiting == 1 }
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        #expect(slots.waiting == 0)
        gate.open()
        try await first.value
        #expect(slots.working == 0)
    }
}
