/// A log of what is present: location logs, URL logs, equivalent-key logs (spec 02 §1.4, presence family).
///
/// Holds the winning line of each INFO: the newest, and among equally new ones the first in the file.
public struct PresenceLog: Hashable, Sendable {
    public enum Status: UInt8, Hashable, Sendable {
        case present = 0x31
        case missing = 0x30
        case dead = 0x58
    }

    public struct Record: Hashable, Sendable {
        public var timestamp: BranchTimestamp
        public var status: Status
    }

    /// The winner of each INFO.
    public private(set) var records: [[UInt8]: Record] = [:]

    public init() {}

    /// Reads a file; lines that do not parse are skipped.
    public init(parsing content: some Collection<UInt8>) { add(content) }

    /// Takes in the lines of another version of the file, as if they followed this one's.
    public mutating func add(_ content: some Collection<UInt8>) {
        for line in BranchLines.split(content) {
            guard let (info, record) = Self.parse(line) else { continue }
            let key = Array(info)
            if let known = records[key], known.timestamp >= record.timestamp { continue }
            records[key] = record
        }
    }

    private static func parse(_ line: ArraySlice<UInt8>) -> (info: ArraySlice<UInt8>, record: Record)? {
        guard let (clock, rest) = BranchLines.splitWord(line), let timestamp = BranchTimestamp(parsing: clock),
            let (word, info) = BranchLines.splitWord(rest), word.count == 1, let byte = word.first,
            let status = Status(rawValue: byte), !info.isEmpty
        else { return nil }
        return (info, Record(timestamp: timestamp, status: status))
    }

    /// What a file says about one INFO, as if it had been parsed.
    ///
    /// Attack: a pushed log may have the lines of many thousand repositories. Whoever asks about one need not take in
    /// them all.
    public static func status(of info: [UInt8], in content: [UInt8]) -> Status? {
        var winner: Record?
        var start = 0
        while start < content.count {
            let end = content[start...].firstIndex(where: BranchLines.isBreak) ?? content.count
            let line = content[start..<end]
            start = end + 1
            guard line.count > info.count, line.suffix(info.count).elementsEqual(info),
                let (found, record) = parse(line), found.elementsEqual(info)
            else { continue }
            if let winner, winner.timestamp >= record.timestamp { continue }
            winner = record
        }
        return winner?.status
    }

    public subscript(info: [UInt8]) -> Status? { records[info]?.status }

    /// The INFO of every record with status `1`, sorted.
    public var present: [[UInt8]] {
        records.filter { $0.value.status == .present }.keys.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Whether nothing speaks for the key: no lines, or only `X` lines (spec 02 §1.6.13).
    public var isDead: Bool { records.values.allSatisfy { $0.status == .dead } }

    /// Records a status; answers false, and changes nothing, when it is the current one already (spec 02 §1.5).
    @discardableResult
    public mutating func set(_ info: [UInt8], to status: Status, now: BranchTimestamp) -> Bool {
        let known = records[info]
        if known?.status == status { return false }
        let timestamp = BranchTimestamp.next(candidate: now, after: known?.timestamp)
        records[info] = Record(timestamp: timestamp, status: status)
        return true
    }

    /// Turns every `0` line into `X`, one picosecond newer, so that any other change wins (spec 02 §1.6.13).
    @discardableResult
    public mutating func markDead() -> Bool {
        let missing = records.filter { $0.value.status == .missing }
        for (info, record) in missing {
            records[info] = Record(timestamp: record.timestamp.successor, status: .dead)
        }
        return !missing.isEmpty
    }

    /// Removes the record of an INFO, as forgetting a dead repository does (spec 02 §2.7).
    public mutating func remove(_ info: [UInt8]) { records[info] = nil }

    /// One line per INFO, sorted by INFO bytes.
    public var serialized: [UInt8] {
        var result: [UInt8] = []
        for (info, record) in records.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            result += record.timestamp.serialized
            result += [BranchLines.space, record.status.rawValue, BranchLines.space]
            result += info
            result.append(BranchLines.lineFeed)
        }
        return result
    }
}
