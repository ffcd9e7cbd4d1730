/// The union merge of two versions of a branch file (spec 02 §3.1).
public enum UnionMerge {
    public enum Outcome: Hashable, Sendable {
        /// The other side has every line already; its blob is used as it is.
        case other
        /// The base has every line already; its blob is used as it is.
        case base
        /// Every line of both, once, sorted bytewise, each with LF.
        case lines([UInt8])
    }

    public static func merge(base: [UInt8], other: [UInt8]) -> Outcome {
        let baseLines = lines(base)
        let otherLines = lines(other)
        let union = baseLines.union(otherLines)
        if otherLines.count == union.count { return .other }
        if baseLines.count == union.count { return .base }
        var result: [UInt8] = []
        result.reserveCapacity(base.count + other.count)
        for line in union.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            result += line
            result.append(BranchLines.lineFeed)
        }
        return .lines(result)
    }

    /// Splits on LF alone; a last line without LF counts, and CR stays part of a line.
    private static func lines(_ content: [UInt8]) -> Set<ArraySlice<UInt8>> {
        var parts = content[...].split(separator: BranchLines.lineFeed, omittingEmptySubsequences: false)
        if parts.last?.isEmpty == true { parts.removeLast() }
        return Set(parts)
    }
}
