/// The ways in which a repository's layout may differ from the default (spec 02 §1.6.10).
public enum Difference: String, Hashable, Sendable, CaseIterable {
    case objectHashLower = "ObjectHashLower"
    case oneLevelObjectHash = "OneLevelObjectHash"
    case oneLevelBranchHash = "OneLevelBranchHash"
    case simulation = "Simulation"

    /// The setting below `annex.tune.` that asks for it; nil where there is none.
    public var setting: String? {
        switch self {
        case .objectHashLower: "objecthashlower"
        case .oneLevelObjectHash: "objecthash1"
        case .oneLevelBranchHash: "branchhash1"
        case .simulation: nil
        }
    }

    /// The difference that a setting below `annex.tune.` asks for.
    public init?(setting: String) {
        guard let found = Self.allCases.first(where: { $0.setting == setting }) else { return nil }
        self = found
    }
}

/// The differences that a difference.log names, over all repositories.
public enum Differences: Hashable, Sendable {
    case known(Set<Difference>)
    /// Something in the log is not understood: it equals nothing, so such a branch is never merged.
    case unknown

    public init(parsing content: some Collection<UInt8>) {
        var all: Set<Difference> = []
        for record in OldUUIDLog(parsing: content).records.values {
            guard let set = Self.parse(record.value) else {
                self = .unknown
                return
            }
            all.formUnion(set)
        }
        self = .known(all)
    }

    /// Whether a branch with these differences may be merged into one with those.
    public func isCompatible(with other: Set<Difference>) -> Bool {
        guard case .known(let set) = self else { return false }
        return set == other
    }

    /// The value of a line: `fromList [A,B]`.
    public static func serialize(_ set: Set<Difference>) -> [UInt8] {
        let names = Difference.allCases.filter(set.contains).map(\.rawValue)
        return Array("fromList [\(names.joined(separator: ","))]".utf8)
    }

    private static func parse(_ value: [UInt8]) -> Set<Difference>? {
        let text = String(decoding: value, as: UTF8.self)
        guard text.hasPrefix("fromList ["), text.hasSuffix("]") else { return nil }
        let names = text.dropFirst("fromList [".count).dropLast()
        if names.isEmpty { return [] }
        var result: Set<Difference> = []
        for name in names.split(separator: ",", omittingEmptySubsequences: false) {
            guard let difference = Difference(rawValue: String(name)) else { return nil }
            result.insert(difference)
        }
        return result
    }
}
