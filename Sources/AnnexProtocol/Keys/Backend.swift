public import AnnexDigest

/// The backend of a key: which rule its name follows (spec 01 §1.2, §1.4).
public struct Backend: Hashable, Sendable {
    /// The name as written in the key; case-sensitive.
    public let name: [UInt8]

    /// What sort of backend it is.
    public let kind: Kind

    /// What a backend's names mean, and so how content is checked.
    public enum Kind: Hashable, Sendable {
        /// The name begins with this digest of the content; an extension may follow.
        case hash(DigestAlgorithm)
        case worm
        case url
        /// The content has one of the keys that the branch records as equivalent.
        case vurl
        /// The name is a UUID, `-`, and the SHA-256 of the content.
        case gitBundle
        case gitManifest
        /// Some program `git-annex-backend-X…` knows the rule.
        case external
        case unknown
    }

    /// The longest extension of an `E` key, dot included, in bytes.
    public static let maximumExtensionLength = 64

    init(name: [UInt8]) {
        self.name = name
        kind = Self.known[name] ?? (name.first == UInt8(ascii: "X") ? .external : .unknown)
    }

    /// The digest that the name begins with, for the backends that are a digest with or without extension.
    public var digest: DigestAlgorithm? {
        if case .hash(let algorithm) = kind { algorithm } else { nil }
    }

    /// Whether a key of this backend is cryptographically secure on its own; a VURL key never is (see `Key`).
    public var isSecure: Bool {
        switch kind {
        case .hash(let algorithm): algorithm.isSecure
        case .gitBundle: true
        case .worm, .url, .vurl, .gitManifest, .external, .unknown: false
        }
    }

    /// Whether the 64-byte limit on extensions applies: every backend that ends in `E`, known or not, but for those
    /// whose whole name is a word that ends so.
    var limitsExtension: Bool {
        guard name.last == UInt8(ascii: "E") else { return false }
        return switch kind {
        case .hash, .external, .unknown: true
        case .worm, .url, .vurl, .gitBundle, .gitManifest: false
        }
    }

    private static let known: [[UInt8]: Kind] = {
        var kinds: [[UInt8]: Kind] = [:]
        for algorithm in DigestAlgorithm.allCases {
            let name = Array(algorithm.rawValue.utf8)
            kinds[name] = .hash(algorithm)
            kinds[name + [UInt8(ascii: "E")]] = .hash(algorithm)
        }
        for (name, kind) in [
            ("WORM", Kind.worm), ("URL", .url), ("VURL", .vurl), ("GITBUNDLE", .gitBundle),
            ("GITMANIFEST", .gitManifest),
        ] { kinds[Array(name.utf8)] = kind }
        return kinds
    }()
}

extension Backend: CustomStringConvertible {
    public var description: String { String(decoding: name, as: UTF8.self) }
}
