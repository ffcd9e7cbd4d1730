import AnnexProtocol
import Hosting
import Locations

extension P2PHandler {
    /// `remove` and `remove-before` (spec 01 §4.3, §6.6).
    func remove(_ key: Key, before deadline: BootSeconds?) async throws {
        switch try await location.remove(key, before: deadline) {
        case .removed(let others):
            try await reply(.removed(true, plusUUIDs: others))
        case .notRemoved(let reason, let others):
            exchange.note(reason: reason)
            try await reply(.removed(false, plusUUIDs: others))
        case .refused(let refusal):
            throw ServiceError(refusal)
        }
    }
}
