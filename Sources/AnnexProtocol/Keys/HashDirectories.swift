internal import AnnexDigest

/// The directories between `objects/` (or the branch root) and a key's own (spec 01 §2).
public struct HashDirectories: Sendable, Hashable {
    /// The first four bytes of the MD5 as a little-endian number; the directories need no more.
    private let word: UInt32

    /// The directories of a key; all chunks of one key share them.
    public init(of key: Key) { word = md5Word(key.bytesWithoutChunk) }

    /// Lower-case hexadecimal: three characters a level; one level where `tune` says so.
    public func lower(levels: Levels = .two) -> [[UInt8]] {
        let first = [hexDigit(0), hexDigit(1), hexDigit(2)]
        return levels == .two ? [first, [hexDigit(3), hexDigit(4), hexDigit(5)]] : [first]
    }

    /// The mixed-case form that non-bare repositories use: two characters a level.
    public func mixed(levels: Levels = .two) -> [[UInt8]] {
        let first = [letter(1), letter(0)]
        return levels == .two ? [first, [letter(3), letter(2)]] : [first]
    }

    /// How deep the directories are: two levels, unless the repository was tuned to one.
    public enum Levels: Sendable, Hashable { case one, two }

    /// A digit of the digest's hexadecimal form; the upper half of each byte comes first.
    private func hexDigit(_ index: UInt32) -> UInt8 { Self.digits[Int(word >> (4 * (index ^ 1)) & 15)] }

    /// Git-annex takes five bits from every six.
    private func letter(_ index: UInt32) -> UInt8 { Self.alphabet[Int(word >> (6 * index) & 31)] }

    private static let digits = Array("0123456789abcdef".utf8)
    private static let alphabet = Array("0123456789zqjxkmvwgpfZQJXKMVWGPF".utf8)
}
