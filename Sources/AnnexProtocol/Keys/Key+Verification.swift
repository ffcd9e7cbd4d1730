public import AnnexDigest

extension Key {
    /// The digest that content of this key must have, where the key itself tells it (spec 01 §1.5).
    public var expectedDigest: ExpectedDigest? {
        let dash = UInt8(ascii: "-")
        return switch backend.kind {
        case .hash(let algorithm):
            ExpectedDigest(
                algorithm: algorithm, text: Array(name.prefix { $0 != UInt8(ascii: ".") }), dropsBackslash: true)
        case .gitBundle:
            ExpectedDigest(algorithm: .sha256, text: Array(name.suffix { $0 != dash }), dropsBackslash: false)
        case .worm, .url, .vurl, .gitManifest, .external, .unknown:
            nil
        }
    }

    /// Whether the key counts as cryptographically secure for `annex.securehashesonly` (spec 01 §1.4, §1.5).
    ///
    /// - Parameter equivalentKeys: what the branch records for a VURL key; ignored for others.
    public func isSecure(equivalentKeys: [Key] = []) -> Bool {
        guard backend.kind == .vurl else { return backend.isSecure }
        return equivalentKeys.allSatisfy { $0.backend.kind == .vurl || $0.backend.isSecure }
    }
}

/// A digest as a key spells it, to be compared with a digest that was computed.
public struct ExpectedDigest: Hashable, Sendable {
    public let algorithm: DigestAlgorithm
    let text: [UInt8]
    let dropsBackslash: Bool

    /// Whether the computed digest is the one that the key tells: lower-case hexadecimal, compared byte by byte.
    public func matches(_ digest: [UInt8]) -> Bool {
        guard digest.count == algorithm.byteCount else { return false }
        let computed = hexadecimal(digest)
        if text == computed { return true }
        // Old releases of git-annex wrote keys with a backslash before the digest.
        return dropsBackslash && text.first == UInt8(ascii: "\\") && text.dropFirst().elementsEqual(computed)
    }
}

extension BidirectionalCollection {
    /// The longest end of the collection whose elements all satisfy the condition.
    fileprivate func suffix(_ condition: (Element) -> Bool) -> SubSequence {
        var start = endIndex
        while start > startIndex, condition(self[index(before: start)]) { start = index(before: start) }
        return self[start...]
    }
}
