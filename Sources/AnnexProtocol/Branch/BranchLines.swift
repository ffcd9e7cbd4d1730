/// The lines of a branch file.
public enum BranchLines {
    /// Splits at every run of CR and LF; empty lines are dropped, and a last line without LF counts (spec 02 §1.3).
    public static func split(_ content: some Collection<UInt8>) -> [ArraySlice<UInt8>] {
        Array(content)[...].split(whereSeparator: isBreak)
    }

    /// Whether a line ends here.
    static func isBreak(_ byte: UInt8) -> Bool { byte == lineFeed || byte == UInt8(ascii: "\r") }

    /// What a reader takes of a journal file: up to the last LF, since more may be on its way (spec 02 §2.2).
    public static func completeLines(_ content: [UInt8]) -> [UInt8] {
        guard content.last != lineFeed else { return content }
        guard let end = content.lastIndex(of: lineFeed) else { return [] }
        return Array(content[...end])
    }

    /// Splits a line at its first space; nil when there is none.
    static func splitWord(_ line: ArraySlice<UInt8>) -> (word: ArraySlice<UInt8>, rest: ArraySlice<UInt8>)? {
        guard let space = line.firstIndex(of: space) else { return nil }
        return (line[..<space], line[(space + 1)...])
    }

    static let lineFeed = UInt8(ascii: "\n")
    static let space = UInt8(ascii: " ")
}
