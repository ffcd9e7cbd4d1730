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

    /// What some gateways proxy for, as far as it is looked at.
    public struct Reading: Sendable {
        public var entries: [RepositoryUUID: Set<Entry>] = [:]
        /// The gateways that list more than that.
        public var cut: Set<RepositoryUUID> = []
    }

    /// What these gateways proxy for, of each the first ``maximumEntries`` as they stand in its line.
    ///
    /// Attack: whoever may push may write tens of thousands of entries, and each costs memory and work.
    public func entries(of gateways: Set<RepositoryUUID>) -> Reading {
        var reading = Reading()
        for gateway in gateways {
            guard let value = log[gateway.bytes] else { continue }
            let words = value.split(separator: BranchLines.space, maxSplits: Self.maximumEntries)
            reading.entries[gateway] = Set(words.prefix(Self.maximumEntries).compactMap(Self.entry))
            if words.count > Self.maximumEntries { reading.cut.insert(gateway) }
        }
        return reading
    }

    /// How many entries of one gateway are looked at.
    public static let maximumEntries = 2000
    /// In bytes of UTF-8. Each of two gateways that proxy one another makes a name longer.
    public static let maximumNameLength = 255

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
        guard let first = name.unicodeScalars.first, first != ".", first != "-", name.utf8.count <= maximumNameLength
        else { return false }
        return name.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                || "_-.".unicodeScalars.contains(scalar)
        }
    }
}
