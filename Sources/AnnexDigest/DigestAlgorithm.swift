internal import CDigest

/// A digest that some git-annex backend names; the raw value is that backend without its `E` (spec 01 §1.4).
public enum DigestAlgorithm: String, Sendable, Hashable, CaseIterable {
    case md5 = "MD5"
    case sha1 = "SHA1"
    case sha224 = "SHA224"
    case sha256 = "SHA256"
    case sha384 = "SHA384"
    case sha512 = "SHA512"
    case sha3x224 = "SHA3_224"
    case sha3x256 = "SHA3_256"
    case sha3x384 = "SHA3_384"
    case sha3x512 = "SHA3_512"
    case skein256 = "SKEIN256"
    case skein512 = "SKEIN512"
    case blake2b160 = "BLAKE2B160"
    case blake2b224 = "BLAKE2B224"
    case blake2b256 = "BLAKE2B256"
    case blake2b384 = "BLAKE2B384"
    case blake2b512 = "BLAKE2B512"
    case blake2s160 = "BLAKE2S160"
    case blake2s224 = "BLAKE2S224"
    case blake2s256 = "BLAKE2S256"
    case blake2bp512 = "BLAKE2BP512"
    case blake2sp224 = "BLAKE2SP224"
    case blake2sp256 = "BLAKE2SP256"
    case blake3x256 = "BLAKE3_256"
    case xxh3 = "XXH3"

    /// Whether the digest counts as cryptographically secure for `annex.securehashesonly`.
    public var isSecure: Bool {
        switch self {
        case .md5, .sha1, .xxh3: false
        default: true
        }
    }

    /// Length of the digest in bytes; its name in a key has twice as many digits.
    public var byteCount: Int { recipe.byteCount }

    /// How the digest is computed: by which engine, and what that engine calls it.
    struct Recipe {
        var engine: annexd_engine
        var name = ""
        var byteCount: Int
    }

    var recipe: Recipe {
        switch self {
        case .md5: Recipe(engine: ANNEXD_OPENSSL, name: "MD5", byteCount: 16)
        case .sha1: Recipe(engine: ANNEXD_OPENSSL, name: "SHA1", byteCount: 20)
        case .sha224: Recipe(engine: ANNEXD_OPENSSL, name: "SHA2-224", byteCount: 28)
        case .sha256: Recipe(engine: ANNEXD_OPENSSL, name: "SHA2-256", byteCount: 32)
        case .sha384: Recipe(engine: ANNEXD_OPENSSL, name: "SHA2-384", byteCount: 48)
        case .sha512: Recipe(engine: ANNEXD_OPENSSL, name: "SHA2-512", byteCount: 64)
        case .sha3x224: Recipe(engine: ANNEXD_OPENSSL, name: "SHA3-224", byteCount: 28)
        case .sha3x256: Recipe(engine: ANNEXD_OPENSSL, name: "SHA3-256", byteCount: 32)
        case .sha3x384: Recipe(engine: ANNEXD_OPENSSL, name: "SHA3-384", byteCount: 48)
        case .sha3x512: Recipe(engine: ANNEXD_OPENSSL, name: "SHA3-512", byteCount: 64)
        case .skein256: Recipe(engine: ANNEXD_SKEIN256, byteCount: 32)
        case .skein512: Recipe(engine: ANNEXD_BOTAN, name: "Skein-512(512)", byteCount: 64)
        // A shorter BLAKE2 is another function, not a prefix of the longer one.
        case .blake2b160: Recipe(engine: ANNEXD_BOTAN, name: "BLAKE2b(160)", byteCount: 20)
        case .blake2b224: Recipe(engine: ANNEXD_BOTAN, name: "BLAKE2b(224)", byteCount: 28)
        case .blake2b256: Recipe(engine: ANNEXD_BOTAN, name: "BLAKE2b(256)", byteCount: 32)
        case .blake2b384: Recipe(engine: ANNEXD_BOTAN, name: "BLAKE2b(384)", byteCount: 48)
        case .blake2b512: Recipe(engine: ANNEXD_BOTAN, name: "BLAKE2b(512)", byteCount: 64)
        case .blake2s160: Recipe(engine: ANNEXD_BLAKE2S, byteCount: 20)
        case .blake2s224: Recipe(engine: ANNEXD_BLAKE2S, byteCount: 28)
        case .blake2s256: Recipe(engine: ANNEXD_BLAKE2S, byteCount: 32)
        case .blake2bp512: Recipe(engine: ANNEXD_BLAKE2BP, byteCount: 64)
        case .blake2sp224: Recipe(engine: ANNEXD_BLAKE2SP, byteCount: 28)
        case .blake2sp256: Recipe(engine: ANNEXD_BLAKE2SP, byteCount: 32)
        case .blake3x256: Recipe(engine: ANNEXD_BLAKE3, byteCount: 32)
        case .xxh3: Recipe(engine: ANNEXD_XXH3, byteCount: 8)
        }
    }
}
