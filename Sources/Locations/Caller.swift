public import AnnexProtocol

/// Who asks a location for something, as far as the location needs to know.
public struct Caller: Hashable, Sendable {
    /// The repository that asks, as it calls itself; any bytes, empty if it did not say.
    public var client: [UInt8]
    /// Gateways that the request has passed already, so that none is passed twice (spec 03 §2.4).
    public var bypass: Set<RepositoryUUID>

    public init(client: [UInt8] = [], bypass: Set<RepositoryUUID> = []) {
        self.client = client
        self.bypass = bypass
    }
}
