public import AnnexProtocol

/// Everything that can hold the content of keys: a repository's own objects, a proxied remote, and later a cluster.
///
/// The HTTP operations speak only to this. What a caller opens here it owns: when the value goes away, or the task is
/// cancelled, descriptors, locks and connections are released.
public protocol ContentLocation: Sendable {
    /// Whose content this is; location logs name it.
    var uuid: RepositoryUUID { get }

    /// Whether the content can be had now (spec 01 §4.1).
    func isPresent(_ key: Key) async throws -> Bool

    /// The content for reading, or nil where it is not held.
    func open(_ key: Key, for reading: Reading) async throws -> Content?

    /// How much of the content an earlier, interrupted upload of the same client left behind.
    ///
    /// - Parameter client: the repository that asks, as it calls itself; any bytes.
    /// - Throws: ``Refusal`` where ``store(_:from:)`` would refuse the key whatever is sent.
    func partial(of key: Key, for client: [UInt8]) async throws -> PartialContent

    /// Takes the bytes of `upload`, verifies them against the key, makes them durable and logs the location, in this
    /// order, before it answers (spec 01 §4.2).
    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome

    /// Logs that content which is here by other means is here; answers whether it is (spec 01 §6.5, `data-present`).
    func confirm(_ key: Key) async throws -> StoreOutcome

    /// Removes the content and logs that, unless it is locked or `deadline` has passed (spec 01 §4.3).
    func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome

    /// Keeps the content from being removed, for ten minutes at least; nil where it is not present or not lockable.
    func lock(_ key: Key) async throws -> (any HeldLock)?
}

/// Who asks a location for something, as far as the location needs to know.
public struct Caller: Hashable, Sendable {
    /// The repository that asks, as it calls itself; any bytes, empty where it did not say.
    public var client: [UInt8]
    /// Gateways that the request has passed already, so that none is passed twice (spec 03 §2.4).
    public var bypass: Set<RepositoryUUID>

    public init(client: [UInt8] = [], bypass: Set<RepositoryUUID> = []) {
        self.client = client
        self.bypass = bypass
    }
}

public enum StoreOutcome: Hashable, Sendable {
    /// Stored here, and also in these repositories (for clusters).
    case stored(also: [RepositoryUUID])
    /// Not stored, as the protocol expects it to happen: wrong digest, short body, busy.
    case notStored(reason: String)
    /// Not accepted, for a reason that a person should read before any byte is sent.
    case refused(Refusal)
}

public enum RemovalOutcome: Hashable, Sendable {
    /// Removed here, and also from these repositories (for clusters).
    case removed(also: [RepositoryUUID])
    /// Not removed here, but from these repositories (for clusters).
    case notRemoved(reason: String, also: [RepositoryUUID] = [])
    case refused(Refusal)
}

/// Why a request is turned away, in words for a person.
public enum Refusal: Error, Hashable, Sendable {
    /// The disk lacks this many bytes, among them those of a reserve that stays free (`annex.diskreserve`).
    case notEnoughSpace(missing: UInt64, reserve: UInt64 = 0)
    /// The repository's settings do not allow it.
    case forbidden(reason: String)
    /// Too much is going on; the client may try again.
    case overloaded(reason: String)
}
