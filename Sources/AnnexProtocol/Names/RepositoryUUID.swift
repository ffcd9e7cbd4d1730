/// The UUID of a git-annex repository: opaque bytes, compared exactly. Nothing guarantees the RFC 4122 shape.
public struct RepositoryUUID: Hashable, Sendable, Comparable {
    /// The UUID as written, in whatever shape it has.
    public let bytes: [UInt8]

    /// Nil for no bytes at all, and for bytes that would break a log line (space, CR, LF, NUL).
    public init?(_ bytes: some Collection<UInt8>) {
        guard !bytes.isEmpty, !bytes.contains(where: { $0 == 0 || $0 == 10 || $0 == 13 || $0 == 32 }) else {
            return nil
        }
        self.bytes = Array(bytes)
    }

    /// Nil under the same conditions.
    public init?(_ text: String) { self.init(Array(text.utf8)) }

    /// A fresh random (version 4) UUID in lower case.
    public static func random() -> RepositoryUUID {
        RepositoryUUID(shaping: (0..<16).map { _ in UInt8.random(in: .min ... .max) })
    }

    /// The first sixteen bytes in the shape of a version 4 UUID.
    init(shaping bytes: [UInt8]) {
        var text = ""
        for (index, byte) in bytes.prefix(16).enumerated() {
            if [4, 6, 8, 10].contains(index) { text += "-" }
            let shaped = index == 6 ? byte & 0x0f | 0x40 : index == 8 ? byte & 0x3f | 0x80 : byte
            text += shaped < 16 ? "0" + String(shaped, radix: 16) : String(shaped, radix: 16)
        }
        self.init(unchecked: Array(text.utf8))
    }

    /// Whether this names a cluster: `ac` at the start and version digit 8 (spec 02 §1.6.11).
    public var isCluster: Bool {
        bytes.count > 14 && bytes.starts(with: Array("ac".utf8)) && bytes[14] == UInt8(ascii: "8")
    }

    /// The UUID as the name of one file or directory; nil where it would lead elsewhere (spec 01 #42).
    public var fileName: [UInt8]? {
        let isElsewhere = bytes.contains(UInt8(ascii: "/")) || bytes == Array(".".utf8) || bytes == Array("..".utf8)
        return isElsewhere || bytes.count > Key.maximumFileNameLength ? nil : bytes
    }

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    public static func < (left: RepositoryUUID, right: RepositoryUUID) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension RepositoryUUID: CustomStringConvertible {
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
