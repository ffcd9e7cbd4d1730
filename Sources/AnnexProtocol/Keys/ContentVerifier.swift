internal import AnnexDigest

/// Tells whether content that streams by is what a key says (spec 01 §1.5).
///
/// One owner uses it from one thread at a time; it is not `Sendable`. A resumed upload first feeds the bytes that are
/// already on disk, from the beginning, and then the new ones.
public final class ContentVerifier {
    /// What the content turned out to be.
    public enum Verdict: Hashable, Sendable {
        /// The size and, where the key tells one, the digest are right.
        case accepted
        case wrongSize(expected: UInt64, received: UInt64)
        case wrongDigest
    }

    private let key: Key
    private let equivalentKeys: [Key]
    private let digests: [DigestAlgorithm: StreamingDigest]
    /// How many bytes came so far.
    public private(set) var received: UInt64 = 0

    /// Whether a digest protects the content; if not, only its size is checked.
    public let isVerifiable: Bool

    /// Starts with no bytes yet.
    ///
    /// - Parameter equivalentKeys: the keys that the branch records for a VURL key; ignored for other keys, as are
    ///   VURL keys among them.
    public init(_ key: Key, equivalentKeys: [Key] = []) {
        let equivalent = key.backend.kind == .vurl ? equivalentKeys.filter { $0.backend.kind != .vurl } : []
        let candidates = equivalent.isEmpty ? [key] : equivalent
        let expected = candidates.map(\.expectedDigest)
        self.key = key
        self.equivalentKeys = equivalent
        isVerifiable = !equivalent.isEmpty || key.expectedDigest != nil
        // Several keys may share an algorithm; each is computed once.
        digests = Dictionary(
            expected.compactMap { $0 }.map { ($0.algorithm, StreamingDigest($0.algorithm)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// Takes the next bytes of the content.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        received += UInt64(bytes.count)
        for digest in digests.values { digest.update(bytes) }
    }

    /// Judges all bytes so far; nothing may follow, and it is asked once.
    public func finish() -> Verdict {
        if let size = key.size, size != received { return .wrongSize(expected: size, received: received) }
        let computed = digests.mapValues { $0.finalize() }
        func hasDigest(of key: Key) -> Bool {
            guard let expected = key.expectedDigest else { return false }
            return computed[expected.algorithm].map(expected.matches) ?? false
        }
        if !isVerifiable { return .accepted }
        // Like the stock program: an equivalent key without a digest proves nothing, and only its digest counts.
        let candidates = equivalentKeys.isEmpty ? [key] : equivalentKeys
        return candidates.contains(where: hasDigest) ? .accepted : .wrongDigest
    }
}
