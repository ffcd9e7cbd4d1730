import AnnexProtocol
import Locations
import TestKit
import Testing

@testable import Remotes

/// Times for a removal, at targets whose clock is days away from ours.
@Suite struct TranslatedTimestampTests {
    private let key: Key

    init() throws {
        key = try Key(parsing: "SHA256-s10--0000000000000000000000000000000000000000000000000000000000000000")
    }

    /// What a target was asked, and when on our clock.
    private struct Asked: Sendable {
        var target: String
        var at: BootSeconds

        /// The time of a remove-before.
        var timestamp: Int64? {
            target.split(separator: "&").flatMap { $0.split(separator: "?") }
                .first { $0.hasPrefix("timestamp=") }.flatMap { Int64($0.dropFirst(10)) }
        }
    }

    /// A target whose clock stands at `clock`, and which answers only after `delay`.
    private func withTarget(
        clock: Int64, delay: @escaping @Sendable () -> Void = {},
        _ body: (any ContentLocation, Recorder<Asked>) async throws -> Void
    ) async throws {
        let asked = Recorder<Asked>()
        try await withScript { connection, _ in
            while true {
                let head = try connection.readHead()
                _ = try connection.readBody(head)
                asked.append(Asked(target: head.target, at: .now))
                switch head.action {
                case "gettimestamp":
                    delay()
                    try connection.answer("200 OK", "{\"timestamp\":\(clock)}")
                case "remove", "remove-before": try connection.answer("200 OK", "{\"removed\":true,\"plusuuids\":[]}")
                default: return
                }
            }
        } _: { location, _, _ in
            try await body(location, asked)
        }
    }

    @Test(
        "spec 03 #17, §1.10: the time that is left is added to the target's own clock",
        arguments: [5, BootSeconds.now.value + 500_000, 4_000_000_000])
    func translated(clock: Int64) async throws {
        try await withTarget(clock: clock) { location, asked in
            let start = BootSeconds.now
            let deadline = BootSeconds(start.value + 600)
            let outcome = try await location.remove(key, before: deadline)
            guard outcome.isComplete else {
                Issue.record("\(outcome)")
                return
            }
            #expect(asked.all.map { $0.target.contains("remove-before") } == [false, true])
            let last = try #require(asked.all.last)
            // No second more than what was left when it was sent, and none less than when it was handed over.
            let sent = try #require(last.timestamp) - clock
            #expect(sent <= deadline.value - start.value && sent >= deadline.value - last.at.value, "\(sent)")
        }
    }

    @Test("spec 03 §1.10: a target that takes longer to tell its time than there is time is not asked to remove")
    func timeRunsOut() async throws {
        let deadline = BootSeconds(BootSeconds.now.value + 2)
        try await withTarget(clock: 5, delay: { _ = eventually { BootSeconds.now >= deadline } }) { location, asked in
            let outcome = try await location.remove(key, before: deadline)
            guard !outcome.isComplete else {
                Issue.record("\(outcome)")
                return
            }
            #expect(asked.all.allSatisfy { !$0.target.contains("remove") }, "\(asked.all)")
        }
    }
}
