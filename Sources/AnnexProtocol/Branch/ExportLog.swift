/// The trees that were exported to special remotes: lines `TS FROM:TO TREE [TREE…]` (spec 02 §1.6.12).
public struct ExportLog: Hashable, Sendable {
    /// Object names of every tree, exported or in progress, each once, in the order of the records.
    public private(set) var trees: [String] = []

    /// Words that are no object name of git are skipped.
    public init(parsing content: some Collection<UInt8>) {
        let records = KeyedLog(parsing: content).records.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        var seen: Set<String> = []
        for (_, record) in records {
            for word in record.value.split(separator: BranchLines.space) where Self.isObjectName(word) {
                let name = String(decoding: word, as: UTF8.self)
                if seen.insert(name).inserted { trees.append(name) }
            }
        }
    }

    private static func isObjectName(_ word: ArraySlice<UInt8>) -> Bool {
        (word.count == 40 || word.count == 64)
            && word.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
