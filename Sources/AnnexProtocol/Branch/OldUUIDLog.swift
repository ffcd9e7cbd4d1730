/// A log with lines `UUID [VALUE] [timestamp=TS]`: uuid.log, trust.log and most top-level logs (spec 02 §1.4).
///
/// Holds the winning line of each UUID: the newest, and among equally new ones the last in the file. A line without a
/// clock is older than any with one.
public struct OldUUIDLog: Hashable, Sendable {
    public struct Record: Hashable, Sendable {
        public var value: [UInt8]
        /// Nil when the line did not tell.
        public var timestamp: BranchTimestamp?
    }

    /// The winner of each UUID.
    public private(set) var records: [[UInt8]: Record] = [:]

    public init() {}

    /// - Parameter isValid: whether a value satisfies the grammar of this file; other lines are skipped.
    public init(parsing content: some Collection<UInt8>, where isValid: ([UInt8]) -> Bool = { _ in true }) {
        add(content, where: isValid)
    }

    /// Takes in the lines of another version of the file, as if they followed this one's.
    public mutating func add(_ content: some Collection<UInt8>, where isValid: ([UInt8]) -> Bool = { _ in true }) {
        for line in BranchLines.split(content) {
            let uuid = line.prefix { $0 != BranchLines.space }
            guard !uuid.isEmpty else { continue }
            let record = Self.parse(line[uuid.endIndex...].dropFirst())
            guard isValid(record.value) else { continue }
            if let known = records[Array(uuid)], Self.isOlder(record.timestamp, than: known.timestamp) { continue }
            records[Array(uuid)] = record
        }
    }

    public subscript(uuid: RepositoryUUID) -> [UInt8]? { records[uuid.bytes]?.value }

    /// Records a value with a new clock, also when it is the current one.
    public mutating func set(_ uuid: RepositoryUUID, to value: [UInt8], now: BranchTimestamp) {
        let timestamp = BranchTimestamp.next(candidate: now, after: records[uuid.bytes]?.timestamp)
        records[uuid.bytes] = Record(value: value, timestamp: timestamp)
    }

    /// Removes every record whose UUID this names, as forgetting dead repositories does (spec 02 §2.7).
    public mutating func remove(where isForgotten: ([UInt8]) -> Bool) {
        records = records.filter { !isForgotten($0.key) }
    }

    /// Changes the value of every record, and keeps its clock.
    public mutating func mapValues(_ transform: (_ uuid: [UInt8], _ value: [UInt8]) -> [UInt8]) {
        for (uuid, record) in records {
            records[uuid] = Record(value: transform(uuid, record.value), timestamp: record.timestamp)
        }
    }

    /// One line per UUID, sorted by UUID bytes.
    public var serialized: [UInt8] {
        var result: [UInt8] = []
        for (uuid, record) in records.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            result += uuid
            if !record.value.isEmpty || record.timestamp != nil { result += [BranchLines.space] + record.value }
            if let timestamp = record.timestamp {
                result += [BranchLines.space] + Self.timestampWord + timestamp.serialized
            }
            result.append(BranchLines.lineFeed)
        }
        return result
    }

    /// The form of a description in uuid.log: line breaks would end the line (spec 02 §1.6.1).
    public static func description(_ text: [UInt8]) -> [UInt8] {
        text.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "\n"): Array("\\n".utf8)
            case UInt8(ascii: "\r"): [BranchLines.space]
            default: [byte]
            }
        }
    }

    /// `timestamp=` counts only as the last word, and only if its number parses.
    private static func parse(_ rest: ArraySlice<UInt8>) -> Record {
        let start = rest.lastIndex(of: BranchLines.space).map { $0 + 1 } ?? rest.startIndex
        let word = rest[start...]
        guard word.starts(with: timestampWord),
            let timestamp = BranchTimestamp(parsing: word.dropFirst(timestampWord.count))
        else { return Record(value: Array(rest), timestamp: nil) }
        let value = rest[..<max(rest.startIndex, start - 1)]
        return Record(value: Array(value), timestamp: timestamp)
    }

    private static func isOlder(_ left: BranchTimestamp?, than right: BranchTimestamp?) -> Bool {
        guard let right else { return false }
        guard let left else { return true }
        return left < right
    }

    private static let timestampWord = Array("timestamp=".utf8)
}
