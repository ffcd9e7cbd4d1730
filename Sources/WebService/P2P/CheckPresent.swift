import AnnexProtocol
import Hosting
import Locations

extension P2PHandler {
    /// `checkpresent` (spec 01 §4.1, §6.2).
    func checkPresent(_ key: Key) async throws {
        try await reply(.present(try await location.isPresent(key)))
    }

    /// `gettimestamp`: the clock that `remove-before` is measured by (spec 01 §4.4).
    func getTimestamp() async throws {
        try await reply(.timestamp(UInt64(clamping: BootSeconds.now.value)))
    }
}
