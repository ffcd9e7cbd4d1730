public import AnnexProtocol

/// Everything that can hold the content of keys: a repository's own objects, a proxied remote, and later a cluster.
///
/// The HTTP operations speak only to this. What a caller opens here it owns: when the value goes away, or the task is
/// cancelled, descriptors, locks and connections are released.
///
/// Every operation throws ``LocationError`` or `CancellationError`, and nothing else: each kind of place knows what its
/// own errors mean.
public protocol ContentLocation: Sendable {
    /// Whose content this is; location logs name it.
    var uuid: RepositoryUUID { get }

    var traits: LocationTraits { get }

    /// Whether the content is available now (spec 01 §4.1).
    func isPresent(_ key: Key) async throws -> Bool

    /// The content for reading, or nil if it is not held.
    func open(_ key: Key, for reading: Reading) async throws -> Content?

    /// How much of the content an earlier, interrupted upload of the same client left behind.
    ///
    /// May write the log: the client takes "already present" for "stored".
    ///
    /// - Parameter client: the repository that asks, as it calls itself; any bytes.
    /// - Throws: ``Refusal`` where ``store(_:from:)`` would refuse the key whatever is sent.
    func partial(of key: Key, for client: [UInt8]) async throws -> PartialContent

    /// Takes the bytes of `upload`, verifies them against the key, makes them durable and logs the location, in this
    /// order, before it returns (spec 01 §4.2).
    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome

    /// Logs that content which is here by other means is here; returns whether it is (spec 01 §6.5, `data-present`).
    func confirm(_ key: Key) async throws -> StoreOutcome

    /// Removes the content and logs that, unless it is locked or `deadline` has passed (spec 01 §4.3).
    func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome

    /// Keeps the content from being removed, for ten minutes at least; nil if it is not present or not lockable.
    func lock(_ key: Key) async throws -> (any HeldLock)?
}
