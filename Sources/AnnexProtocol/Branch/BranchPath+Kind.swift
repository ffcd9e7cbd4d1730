extension BranchPath {
    /// What a branch file is, decided by its path alone (spec 02 §1.2, first match wins).
    public enum Kind: Hashable, Sendable {
        case oldUUIDLog, newUUIDLog, remoteMetadata, other
        case location(Key)
        case chunks, urls, unknown
    }

    public func kind(levels: HashDirectories.Levels) -> Kind {
        if Self.oldUUIDLogs.contains(bytes) { return .oldUUIDLog }
        if Self.newUUIDLogs.contains(bytes) { return .newUUIDLog }
        if has(.remoteState) || has(.contentIdentifiers) { return .newUUIDLog }
        if has(.remoteMetadata) { return .remoteMetadata }
        if has(.metadata) || has(.equivalentKeys) || Self.otherLogs.contains(bytes) { return .other }
        if let key = locationKey(levels: levels) { return .location(key) }
        if has(.chunks) { return .chunks }
        if has(.urls) { return .urls }
        return .unknown
    }

    /// The key whose location log this is; nil for every other path.
    public func locationKey(levels: HashDirectories.Levels) -> Key? {
        let parts = components
        guard has(.location), parts.count == (levels == .two ? 3 : 2), let name = parts.last else { return nil }
        return try? Key(fileName: name.dropLast(KeyFile.location.rawValue.utf8.count))
    }

    /// The key that a file belongs to, by its name alone, and which of the key's files it is; nil for other files.
    func keyFile(levels: HashDirectories.Levels) -> (key: Key, file: KeyFile)? {
        let parts = components
        guard parts.count == (levels == .two ? 3 : 2), let name = parts.last else { return nil }
        let file = KeyFile.allCases.last { name.count > $0.rawValue.utf8.count && name.hasSuffix($0.rawValue.utf8) }
        guard let file, let key = try? Key(fileName: name.dropLast(file.rawValue.utf8.count)) else { return nil }
        return (key, file)
    }

    /// How lines of this file compete (spec 02 §1.4).
    public var family: Family {
        if Self.oldUUIDLogs.contains(bytes) { return .oldUUID }
        if Self.newUUIDLogs.contains(bytes) || Self.mapLogs.contains(bytes) { return .keyed }
        if Self.countLogs.contains(bytes) { return .count }
        if components.count < 2 { return .unknown }
        if has(.remoteState) || has(.contentIdentifiers) || has(.chunks) { return .keyed }
        if has(.urls) || has(.equivalentKeys) || has(.location) { return .presence }
        return .unknown
    }

    public enum Family: Hashable, Sendable {
        case presence, oldUUID, count
        /// The new-UUID and the map family, which share their grammar.
        case keyed
        /// Metadata, transitions and strange files: only the union of the lines is safe.
        case unknown
    }

    private func has(_ file: KeyFile) -> Bool {
        let suffix = file.rawValue.utf8
        return bytes.count > suffix.count && bytes.suffix(suffix.count).elementsEqual(suffix)
    }

    private static let oldUUIDLogs = names(
        "uuid", "remote", "trust", "group", "preferred-content", "required-content", "schedule", "activity",
        "difference", "multicast")
    private static let newUUIDLogs = names("export", "proxy", "cluster", "maxsize")
    private static let mapLogs = names("config", "group-preferred-content")
    private static let countLogs = names("numcopies", "mincopies")
    private static let otherLogs = names("numcopies", "mincopies", "config", "group-preferred-content")

    private static func names(_ stems: String...) -> Set<[UInt8]> { Set(stems.map { Array("\($0).log".utf8) }) }
}

extension ArraySlice<UInt8> {
    fileprivate func hasSuffix(_ suffix: some BidirectionalCollection<UInt8>) -> Bool {
        self.suffix(suffix.count).elementsEqual(suffix)
    }
}
