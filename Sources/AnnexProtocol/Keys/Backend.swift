/// The backend of a key: which rule its name follows (spec 01 §1.2, §1.4).
public struct Backend: Hashable, Sendable {
    /// The name as written in the key; case-sensitive.
    public let name: [UInt8]

    /// The longest extension of an `E` key, dot included, in bytes.
    public static let maximumExtensionLength = 64

    init(name: [UInt8]) { self.name = name }

    /// Whether the 64-byte limit on extensions applies: every backend that ends in `E` but a few that merely look so.
    var limitsExtension: Bool {
        name.last == UInt8(ascii: "E") && !Self.namesEndingInEWithoutExtension.contains(name)
    }

    private static let namesEndingInEWithoutExtension: Set<[UInt8]> = [Array("GITBUNDLE".utf8)]
}

extension Backend: CustomStringConvertible {
    public var description: String { String(decoding: name, as: UTF8.self) }
}
