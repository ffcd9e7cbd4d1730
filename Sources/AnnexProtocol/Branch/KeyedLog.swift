/// A log with lines `TS FIELD VALUE`: the new-UUID and the map family (spec 02 §1.4).
///
/// Holds the winning line of each FIELD: the newest, and among equally new ones the last in the file.
public struct KeyedLog: Hashable, Sendable {
    public struct Record: Hashable, Sendable {
        public var timestamp: BranchTimestamp
        public var value: [UInt8]
    }

    /// The winner of each FIELD.
    public private(set) var records: [[UInt8]: Record] = [:]

    public init() {}

    /// - Parameter isValid: whether a value satisfies the grammar of this file; other lines are skipped.
    public init(parsing content: some Collection<UInt8>, where isValid: ([UInt8]) -> Bool = { _ in true }) {
        add(content, where: isValid)
    }

    /// Takes in the lines of another version of the file, as if they followed this one's.
    public mutating func add(_ content: some Collection<UInt8>, where isValid: ([UInt8]) -> Bool = { _ in true }) {
        for line in BranchLines.split(content) {
            guard let (clock, rest) = BranchLines.splitWord(line), let timestamp = BranchTimestamp(parsing: clock),
                let (field, value) = BranchLines.splitWord(rest), !field.isEmpty, isValid(Array(value))
            else { continue }
            if let known = records[Array(field)], known.timestamp > timestamp { continue }
            records[Array(field)] = Record(timestamp: timestamp, value: Array(value))
        }
    }

    public subscript(field: [UInt8]) -> [UInt8]? { records[field]?.value }

    /// Records a value with a new clock, also when it is the current one.
    public mutating func set(_ field: [UInt8], to value: [UInt8], now: BranchTimestamp) {
        let timestamp = BranchTimestamp.next(candidate: now, after: records[field]?.timestamp)
        records[field] = Record(timestamp: timestamp, value: value)
    }

    /// Removes every record whose FIELD this names, as forgetting dead repositories does (spec 02 §2.7).
    public mutating func remove(where isForgotten: ([UInt8]) -> Bool) {
        records = records.filter { !isForgotten($0.key) }
    }

    /// One line per FIELD, sorted by FIELD bytes.
    public var serialized: [UInt8] {
        var result: [UInt8] = []
        for (field, record) in records.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            result += record.timestamp.serialized + [BranchLines.space] + field + [BranchLines.space] + record.value
            result.append(BranchLines.lineFeed)
        }
        return result
    }
}
