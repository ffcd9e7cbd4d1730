/// A version of git-annex's P2P protocol over HTTP (spec 01 §6.2).
public enum P2PVersion: Int, Sendable, Hashable, Comparable, CaseIterable {
    case v0, v1, v2, v3, v4

    /// The version of a path segment such as `v4`; nil for others.
    init?(segment: [UInt8]) {
        guard segment.count == 2, segment[0] == UInt8(ascii: "v"), segment[1] >= UInt8(ascii: "0") else { return nil }
        self.init(rawValue: Int(segment[1] - UInt8(ascii: "0")))
    }

    /// Whether replies to storing and removing list the other repositories that did so too; these clients insist on it.
    public var hasPlusUUIDs: Bool { self >= .v2 }

    public static func < (left: P2PVersion, right: P2PVersion) -> Bool { left.rawValue < right.rawValue }
}
