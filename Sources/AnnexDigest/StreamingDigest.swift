internal import CDigest

/// A digest of bytes that arrive piece by piece; memory stays constant.
///
/// One owner uses it from one thread at a time; it is therefore not `Sendable`. Where this machine's libraries refuse
/// the algorithm (MD5 under a FIPS policy), the digest is empty and so equals no digest: verification fails safely.
public final class StreamingDigest {
    public let algorithm: DigestAlgorithm
    private let handle: OpaquePointer?

    /// Starts a digest over no bytes yet.
    public init(_ algorithm: DigestAlgorithm) {
        let recipe = algorithm.recipe
        self.algorithm = algorithm
        handle = annexd_digest_create(recipe.engine, recipe.name, recipe.byteCount)
    }

    deinit { annexd_digest_destroy(handle) }

    /// Takes the next bytes of the content; they are not kept.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        guard let handle else { return }
        annexd_digest_update(handle, bytes.baseAddress, bytes.count)
    }

    /// The digest of all bytes so far. It ends the work: later updates count for nothing, a second call gives no bytes.
    public func finalize() -> [UInt8] {
        guard let handle else { return [] }
        return [UInt8](unsafeUninitializedCapacity: Int(ANNEXD_DIGEST_MAXIMUM)) { buffer, count in
            // A fresh array of 64 bytes always has an address.
            if let base = buffer.baseAddress { count = annexd_digest_finish(handle, base) }
        }
    }

    /// The digest of bytes that are all at hand.
    public static func digest(_ algorithm: DigestAlgorithm, of bytes: some Collection<UInt8>) -> [UInt8] {
        let digest = StreamingDigest(algorithm)
        withContiguousBytes(bytes) { digest.update(UnsafeRawBufferPointer($0)) }
        return digest.finalize()
    }
}
