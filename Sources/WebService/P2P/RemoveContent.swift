import AnnexProtocol
import Hosting
import Locations

extension P2PHandler {
    /// `remove` and `remove-before` (spec 01 §4.3, §6.6).
    func remove(_ key: Key, before deadline: BootSeconds?) async throws {
        let outcome = try await location.remove(key, before: deadline)
        if let reason = outcome.reason { exchange.note(reason: reason) }
        try await reply(.removed(outcome.isComplete, plusUUIDs: others(outcome.from)))
    }
}
