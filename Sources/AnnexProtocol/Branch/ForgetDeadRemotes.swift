/// The transition that drops what is recorded about dead repositories (spec 02 §2.7): decides, file by file, what
/// stays.
///
/// Their trust stays, so that what comes back later is still known to be dead.
///
/// The repository whose host performs the transition is never forgotten, whatever trust.log calls it. Attack: whoever
/// may push could declare it dead, or make it a second name of a dead one, and its host would drop what it says about
/// its own copies.
public struct ForgetDeadRemotes: Sendable {
    /// Repositories that trust.log calls dead.
    private let dead: Set<[UInt8]>
    /// Remote configurations that stand for a dead repository (`sameas-uuid`) and are not dead themselves.
    private let aliases: Set<[UInt8]>
    private let levels: HashDirectories.Levels

    /// What becomes of a file.
    public enum Outcome: Hashable, Sendable {
        /// Nothing in it is about a dead repository; it stays as it is, bit for bit.
        case unchanged
        case changed([UInt8])
        /// Nothing is left of it.
        case removed
    }

    /// - Parameters:
    ///   - trustLog: the content of trust.log.
    ///   - remoteLog: the content of remote.log.
    ///   - own: the repository whose branch is rewritten by its own host.
    ///   - levels: how deep the branch's hash directories are.
    public init(trustLog: [UInt8], remoteLog: [UInt8], own: RepositoryUUID?, levels: HashDirectories.Levels) {
        let trust = OldUUIDLog(parsing: trustLog, where: { $0.count <= 1 })
        dead = Set(trust.records.filter { $0.key != own?.bytes && $0.value.value == [UInt8(ascii: "X")] }.keys)
        var aliases: Set<[UInt8]> = []
        for (uuid, record) in OldUUIDLog(parsing: remoteLog).records where !dead.contains(uuid) && uuid != own?.bytes {
            if let other = Self.sameAs(record.value), dead.contains(other) { aliases.insert(uuid) }
        }
        self.aliases = aliases
        self.levels = levels
    }

    /// Whether no repository is dead: then every file is unchanged.
    public var isEmpty: Bool { dead.isEmpty }

    /// Whether a file of this kind may hold something to forget; the others need not be read.
    public func concerns(_ path: BranchPath) -> Bool {
        if path == .trustLog { return false }
        switch path.kind(levels: levels) {
        case .oldUUIDLog, .newUUIDLog, .remoteMetadata, .location, .chunks: return true
        case .other, .urls, .unknown: return false
        }
    }

    /// Decides about a file. What is rewritten is compacted as every writer does; metadata keeps its other lines.
    public func outcome(for content: [UInt8], at path: BranchPath) -> Outcome {
        if path == .trustLog { return .unchanged }
        let result: [UInt8]?
        switch path.kind(levels: levels) {
        case .oldUUIDLog: result = path == .remoteLog ? remoteLog(content) : oldUUIDLog(content)
        case .newUUIDLog: result = keyedLog(content) { $0 }
        case .chunks: result = keyedLog(content, uuid: Self.chunkOwner)
        case .location: result = locationLog(content)
        case .remoteMetadata: result = remoteMetadata(content)
        case .other, .urls, .unknown: result = nil
        }
        guard let result, result != content else { return .unchanged }
        return result.isEmpty ? .removed : .changed(result)
    }

    private func isForgotten(_ uuid: [UInt8]) -> Bool { dead.contains(uuid) || aliases.contains(uuid) }

    private func oldUUIDLog(_ content: [UInt8]) -> [UInt8]? {
        var log = OldUUIDLog(parsing: content)
        guard log.records.keys.contains(where: isForgotten) else { return nil }
        log.remove(where: isForgotten)
        return log.serialized
    }

    /// Of a configuration that stands for a dead repository, only the reference to it stays.
    private func remoteLog(_ content: [UInt8]) -> [UInt8]? {
        var log = OldUUIDLog(parsing: content)
        guard log.records.keys.contains(where: isForgotten) else { return nil }
        log.remove(where: dead.contains)
        log.mapValues { uuid, value in
            guard aliases.contains(uuid), let other = Self.sameAs(value) else { return value }
            return Self.sameAsWord + other
        }
        return log.serialized
    }

    private func keyedLog(_ content: [UInt8], uuid: ([UInt8]) -> [UInt8]) -> [UInt8]? {
        var log = KeyedLog(parsing: content)
        guard log.records.keys.contains(where: { isForgotten(uuid($0)) }) else { return nil }
        log.remove { isForgotten(uuid($0)) }
        return log.serialized
    }

    private func locationLog(_ content: [UInt8]) -> [UInt8]? {
        var log = PresenceLog(parsing: content)
        let forgotten = log.records.keys.filter(isForgotten)
        if forgotten.isEmpty { return nil }
        for uuid in forgotten { log.remove(uuid) }
        return log.serialized
    }

    /// Lines `TS (FIELD (+VALUE|-VALUE)*)*` where fields are `UUID:NAME` (spec 02 §1.6.14).
    private func remoteMetadata(_ content: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        var isChanged = false
        for line in BranchLines.split(content) {
            let words = line.split(separator: BranchLines.space, omittingEmptySubsequences: false)
            var kept = Array(words.prefix(1))
            var isDropping = false
            for word in words.dropFirst() {
                let isValue = word.first == UInt8(ascii: "+") || word.first == UInt8(ascii: "-")
                if !isValue, !word.isEmpty {
                    isDropping = isForgotten(Array(word.prefix { $0 != UInt8(ascii: ":") }))
                }
                if isDropping { isChanged = true } else { kept.append(word) }
            }
            if kept.count == 1, words.count > 1 { continue }
            result += kept.joined(separator: [BranchLines.space]) + [BranchLines.lineFeed]
        }
        return isChanged ? result : nil
    }

    /// The repository in a chunk log's FIELD `UUID:CHUNKSIZE`.
    private static func chunkOwner(_ field: [UInt8]) -> [UInt8] {
        guard let colon = field.lastIndex(of: UInt8(ascii: ":")) else { return field }
        return Array(field[..<colon])
    }

    /// The repository that a configuration in remote.log stands for besides its own UUID.
    static func sameAs(_ value: [UInt8]) -> [UInt8]? {
        let words = value.split(separator: BranchLines.space)
        return words.first { $0.starts(with: sameAsWord) }.map { Array($0.dropFirst(sameAsWord.count)) }
    }

    private static let sameAsWord = Array("sameas-uuid=".utf8)
}
