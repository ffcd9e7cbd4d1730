/// A log with one number, lines `TS VALUE`: numcopies.log and mincopies.log (spec 02 §1.6.6).
public struct CountLog: Hashable, Sendable {
    public struct Record: Hashable, Sendable {
        public var timestamp: BranchTimestamp
        /// At least 1: smaller numbers are clamped.
        public var count: Int
    }

    /// The newest line; among equally new ones the one with the largest number.
    public private(set) var record: Record?

    public init(parsing content: some Collection<UInt8>) { add(content) }

    /// Takes in the lines of another version of the file.
    public mutating func add(_ content: some Collection<UInt8>) {
        for line in BranchLines.split(content) {
            guard let (clock, value) = BranchLines.splitWord(line), let timestamp = BranchTimestamp(parsing: clock),
                let number = LenientNumber.parse(value)
            else { continue }
            let candidate = Record(timestamp: timestamp, count: Int(clamping: max(1, number)))
            if let record, (record.timestamp, record.count) >= (candidate.timestamp, candidate.count) { continue }
            record = candidate
        }
    }

    /// At most one line.
    public var serialized: [UInt8] {
        guard let record else { return [] }
        return record.timestamp.serialized + [BranchLines.space] + Array("\(record.count)\n".utf8)
    }
}

/// A number as the stock program reads it: a leading integer, whatever follows, but not a fraction.
enum LenientNumber {
    static func parse(_ text: ArraySlice<UInt8>) -> Int64? {
        let isNegative = text.first == UInt8(ascii: "-")
        let rest = isNegative ? text.dropFirst() : text
        let digits = rest.prefix { (48...57).contains($0) }
        guard !digits.isEmpty, rest[digits.endIndex...].first != UInt8(ascii: ".") else { return nil }
        guard let value = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
        return isNegative ? -value : value
    }
}
