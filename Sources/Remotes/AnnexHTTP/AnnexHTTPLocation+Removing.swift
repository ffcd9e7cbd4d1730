import AnnexProtocol
import Locations

extension AnnexHTTPLocation {
    /// The deadline is a time on our clock; the target has one of its own, which is asked first (spec 03 §1.10).
    func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome {
        guard let deadline else {
            let place = try await state.gate.enter(.question, name)
            defer { place.release() }
            return try outcome(try await ask(.remove(key), .removed))
        }
        let late = RemovalOutcome.notRemoved(reason: "the time in which it was safe to remove is over")
        guard deadline > .now else { return late }
        let place = try await state.gate.enter(.question, name)
        defer { place.release() }
        guard let reply = try await ask(ifPossible: .getTimestamp, .timestamp) else {
            // Too old to know deadlines: ours has to do.
            guard deadline > .now else { return late }
            return try outcome(try await ask(.remove(key), .removed))
        }
        guard case .timestamp(let theirs) = reply else { throw nonsense }
        // Our clock is read after theirs: the time that the reply took is lost, not won.
        let left = deadline.value - BootSeconds.now.value
        guard left > 0 else { return late }
        // Numbers of the protocol end where those of 63 bits do; neither of the two is larger.
        let operation = P2POperation.removeBefore(key, timestamp: min(theirs + UInt64(left), UInt64(Int64.max)))
        guard let removed = try await ask(ifPossible: operation, .removed) else { throw nonsense }
        return try outcome(removed)
    }

    private func outcome(_ reply: P2PReply) throws -> RemovalOutcome {
        switch reply {
        case .removed(true, let others): return .removed(from: places(others))
        case .removed(false, let others): return .notRemoved(reason: "\(name) did not remove it", from: others)
        default: throw nonsense
        }
    }
}
