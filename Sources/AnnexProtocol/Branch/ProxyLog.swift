/// Which repositories each gateway proxies for: `proxy.log` of the git-annex branch (spec 03 §1.3).
public struct ProxyLog: Hashable, Sendable {
    /// One proxied repository, and what its gateway calls it.
    public struct Entry: Hashable, Sendable, Comparable {
        public var uuid: RepositoryUUID
        public var name: String

        public init(uuid: RepositoryUUID, name: String) {
            self.uuid = uuid
            self.name = name
        }

        public static func < (left: Entry, right: Entry) -> Bool {
            left.uuid == right.uuid
                ? left.name.utf8.lexicographicallyPrecedes(right.name.utf8) : left.uuid < right.uuid
        }
    }

    private var log: KeyedLog

    /// Reads a file; lines that do not parse are skipped, and of several lines for one gateway the newest counts.
    public init(parsing content: some Collection<UInt8>) { log = KeyedLog(parsing: content) }

    /// What a gateway proxies for; entries with names that no remote can have are not among them.
    public func entries(of gateway: RepositoryUUID) -> Set<Entry> {
        Self.entries(log[gateway.bytes] ?? [])
    }

    /// The same, for every gateway.
    public var entries: [RepositoryUUID: Set<Entry>] {
        var result: [RepositoryUUID: Set<Entry>] = [:]
        for (field, record) in log.records {
            if let gateway = RepositoryUUID(field) { result[gateway] = Self.entries(record.value) }
        }
        return result
    }

    private static func entries(_ value: [UInt8]) -> Set<Entry> {
        Set(value.split(separator: BranchLines.space).compactMap(entry))
    }

    /// Records what a gateway proxies for; answers false, and changes nothing, when that is recorded already.
    public mutating func set(_ entries: Set<Entry>, of gateway: RepositoryUUID, now: BranchTimestamp) -> Bool {
        if log[gateway.bytes] == nil ? entries.isEmpty : self.entries(of: gateway) == entries { return false }
        let words = entries.sorted().map { $0.uuid.bytes + [UInt8(ascii: ":")] + Array($0.name.utf8) }
        log.set(gateway.bytes, to: Array(words.joined(separator: [BranchLines.space])), now: now)
        return true
    }

    public var serialized: [UInt8] { log.serialized }

    private static func entry(_ word: ArraySlice<UInt8>) -> Entry? {
        guard let colon = word.firstIndex(of: UInt8(ascii: ":")), let uuid = RepositoryUUID(word[..<colon]),
            let name = String(validating: word[(colon + 1)...], as: UTF8.self), isRemoteName(name)
        else { return nil }
        return Entry(uuid: uuid, name: name)
    }

    /// Whether git and git-annex accept this name for a remote that is made up from the log.
    public static func isRemoteName(_ name: String) -> Bool {
        guard let first = name.unicodeScalars.first, first != ".", first != "-" else { return false }
        return name.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                || "_-.".unicodeScalars.contains(scalar)
        }
    }
}
