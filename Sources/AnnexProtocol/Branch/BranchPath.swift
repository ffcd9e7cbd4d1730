/// The path of a file in the git-annex branch (spec 02 §1.2).
public struct BranchPath: Hashable, Sendable, Comparable {
    public let bytes: [UInt8]

    /// Nil for paths that no branch may hold: empty components, `.`, `..`, `.git`, a NUL.
    ///
    /// Pushed trees are read through here, so that a hostile one cannot name files outside the branch.
    public init?(_ bytes: some Collection<UInt8>) {
        guard !bytes.isEmpty, !bytes.contains(0) else { return nil }
        for component in Array(bytes)[...].split(separator: Self.slash, omittingEmptySubsequences: false) {
            let lower = component.map { (65...90).contains($0) ? $0 + 32 : $0 }
            if Self.forbiddenComponents.contains(lower) { return nil }
        }
        self.bytes = Array(bytes)
    }

    public init?(_ text: String) { self.init(Array(text.utf8)) }

    /// The file with this extension that belongs to a key.
    public init(of key: Key, _ file: KeyFile, levels: HashDirectories.Levels) {
        var result: [UInt8] = []
        for directory in HashDirectories(of: key).lower(levels: levels) { result += directory + [Self.slash] }
        bytes = result + key.fileName + Array(file.rawValue.utf8)
    }

    /// The files of one key.
    public enum KeyFile: String, Sendable, Hashable, CaseIterable {
        case location = ".log"
        case urls = ".log.web"
        case equivalentKeys = ".log.ek"
        case remoteState = ".log.rmt"
        case contentIdentifiers = ".log.cid"
        case chunks = ".log.cnk"
        case metadata = ".log.met"
        case remoteMetadata = ".log.rmet"
    }

    /// The top-level logs that the server itself reads or writes.
    public static let uuidLog = BranchPath(literal: "uuid.log")
    public static let trustLog = BranchPath(literal: "trust.log")
    public static let differenceLog = BranchPath(literal: "difference.log")
    public static let remoteLog = BranchPath(literal: "remote.log")
    public static let exportLog = BranchPath(literal: "export.log")
    public static let proxyLog = BranchPath(literal: "proxy.log")
    public static let clusterLog = BranchPath(literal: "cluster.log")
    public static let transitionsLog = BranchPath(literal: "transitions.log")

    public static func < (left: BranchPath, right: BranchPath) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }

    var components: [ArraySlice<UInt8>] { bytes[...].split(separator: Self.slash) }

    private init(literal: String) { bytes = Array(literal.utf8) }

    private static let slash = UInt8(ascii: "/")
    private static let forbiddenComponents: Set<[UInt8]> = [[], [46], [46, 46], Array(".git".utf8)]
}

extension BranchPath: CustomStringConvertible {
    /// For people and logs; bytes that are not UTF-8 are repaired.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
