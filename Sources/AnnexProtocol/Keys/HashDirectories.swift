internal import AnnexDigest

/// The directories between `objects/` (or the branch root) and a key's own (spec 01 §2).
public struct HashDirectories: Sendable, Hashable {
    private let digest: [UInt8]

    public init(of key: Key) { digest = md5(key.bytesWithoutChunk) }

    /// Lower-case hexadecimal: three characters a level; one level where `tune` says so.
    public func lower(levels: Levels = .two) -> [[UInt8]] {
        let first = [hex(0, high: true), hex(0, high: false), hex(1, high: true)]
        let second = [hex(1, high: false), hex(2, high: true), hex(2, high: false)]
        return levels == .two ? [first, second] : [first]
    }

    /// The mixed-case form that non-bare repositories use: two characters a level.
    public func mixed(levels: Levels = .two) -> [[UInt8]] {
        let word = digest[..<4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let characters = (0..<4).map { Self.alphabet[Int(word >> (6 * UInt32($0)) & 31)] }
        let first = [characters[1], characters[0]]
        return levels == .two ? [first, [characters[3], characters[2]]] : [first]
    }

    public enum Levels: Sendable, Hashable { case one, two }

    private func hex(_ index: Int, high: Bool) -> UInt8 {
        Self.digits[Int(high ? digest[index] >> 4 : digest[index] & 15)]
    }

    private static let digits = Array("0123456789abcdef".utf8)
    private static let alphabet = Array("0123456789zqjxkmvwgpfZQJXKMVWGPF".utf8)
}
