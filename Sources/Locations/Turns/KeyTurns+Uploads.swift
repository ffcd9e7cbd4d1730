public import AnnexProtocol

/// What became of an upload in one turn.
public enum UploadStep: Sendable {
    case ended(StoreOutcome)
    /// It has stepped back for those that wait, after so many bytes of its body were taken; the rest is still to come.
    case steppedBack(after: UInt64)
}

extension KeyTurns {
    /// After so many turns without a byte an upload is given up. Each lasts a few seconds, so in all about as long as a
    /// body that nobody waits for may be silent.
    private static let turnsInVain = 100

    /// Runs an upload in as many turns as it takes: one that steps back goes to the end of the line, and on where it
    /// was.
    public func uploading(
        _ key: Key, _ take: (Turn) async throws -> UploadStep
    ) async throws -> StoreOutcome {
        var hasStepped = false
        var turnsInVain = 0
        while turnsInVain < Self.turnsInVain {
            switch try await withTurn(for: key, hasStepped: hasStepped, take) {
            case .ended(let outcome): return outcome
            case .steppedBack(let bytes):
                hasStepped = true
                turnsInVain = bytes > 0 ? 0 : turnsInVain + 1
            }
        }
        return .notStored(reason: "the upload is stuck, and others wait for this key")
    }
}
