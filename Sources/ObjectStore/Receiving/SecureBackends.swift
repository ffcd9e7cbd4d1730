internal import AnnexProtocol

extension Key {
    /// Whether the hash in the key counts as cryptographically secure (spec 01 §1.4).
    ///
    /// A VURL key counts as secure here; whoever knows its equivalent keys can tell better.
    var hasSecureHash: Bool {
        if Self.otherSecureBackends.contains(backend.name) { return true }
        let name = backend.name.last == UInt8(ascii: "E") ? backend.name.dropLast() : backend.name[...]
        return Self.secureHashes.contains(Array(name))
    }

    private static let secureHashes = Set(
        [
            "SHA224", "SHA256", "SHA384", "SHA512", "SHA3_224", "SHA3_256", "SHA3_384", "SHA3_512", "SKEIN256",
            "SKEIN512",
            "BLAKE2B160", "BLAKE2B224", "BLAKE2B256", "BLAKE2B384", "BLAKE2B512", "BLAKE2S160", "BLAKE2S224",
            "BLAKE2S256",
            "BLAKE2BP512", "BLAKE2SP224", "BLAKE2SP256", "BLAKE3_256",
        ].map { Array($0.utf8) })
    private static let otherSecureBackends = Set(["GITBUNDLE", "VURL"].map { Array($0.utf8) })
}
