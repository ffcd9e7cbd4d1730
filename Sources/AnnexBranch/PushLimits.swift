/// How much one push may change; more is refused before it is looked at.
public struct PushLimits: Sendable {
    /// Files that differ. Attack: a tree of a few kilobytes can name more files than any disk holds.
    public var files = 5_000_000
    /// Those of them that are in folders and belong to no key; the stock program writes none today.
    public var strangeFiles = 10_000
    /// Bytes of all versions of the files that differ.
    public var bytes = 8 << 30

    public init() {}

    /// What is left after so much; throws when that is too much.
    mutating func take(files: Int = 0, strangeFiles: Int = 0, bytes: Int = 0) throws {
        self.files = Self.rest(of: self.files, after: files)
        self.strangeFiles = Self.rest(of: self.strangeFiles, after: strangeFiles)
        self.bytes = Self.rest(of: self.bytes, after: bytes)
        if self.files < 0 || self.strangeFiles < 0 || self.bytes < 0 {
            throw AnnexBranchError(code: .tooMuch, message: "it changes too many files")
        }
    }

    private static func rest(of amount: Int, after used: Int) -> Int { amount < used ? -1 : amount - used }
}

extension Int {
    /// The sum, or the largest number where that is too large. Sizes of objects are what a broken object says they are.
    func clampedSum(_ other: Int) -> Int {
        let (sum, isTooLarge) = addingReportingOverflow(other)
        return isTooLarge ? .max : sum
    }
}
