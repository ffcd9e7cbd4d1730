/// What a pushed git-annex branch may hold: judges paths, files and lines (docs/hostile-pushes.md). Pure.
///
/// Whoever may push may write nearly anything about other repositories; that is how git-annex works. What is refused is
/// what no git-annex writes, what would cost the host without bound, and what speaks for the host itself.
public struct PushedFilePolicy: Sendable {
    /// The repository that is pushed to; nil where it is no annex yet.
    public var own: RepositoryUUID?
    /// How deep the hash directories of the branch are.
    public var levels: HashDirectories.Levels

    public init(own: RepositoryUUID?, levels: HashDirectories.Levels) {
        self.own = own
        self.levels = levels
    }

    /// The deepest file that git-annex ever wrote is `remote/web/aaa/bbb/KEY.log`.
    public static let maximumDepth = 5
    public static let maximumPathLength = 1024
    /// In bytes. What a folder is called is in the path of everything in it, so a tree with a long name and many
    /// entries would take far more memory than it has bytes.
    public static let maximumFolderLength = 255
    /// In bytes, of a file that belongs to one key: the locations of some 15,000 repositories. Far below what annexd
    /// reads and writes itself, so that no push makes a log to which the host cannot add a line.
    public static let maximumKeyFileSize = 1 << 20
    /// In bytes, of any other file.
    public static let maximumSharedFileSize = 16 << 20
    /// Each line costs memory while files are merged.
    public static let maximumLines = 100_000
    /// In bytes; the longest lines are those of metadata.
    public static let maximumLineLength = 1 << 20
    /// Clocks have fewer digits before the point than this. A line with a later clock could never be superseded.
    public static let maximumClockDigits = 13

    /// Why something is not accepted, in words for whoever pushed it.
    public enum Flaw: Hashable, Sendable {
        case notAFile, badPath, tooDeep, misplaced, tooManyLines
        case longLine, nul, clock
        /// trust.log calls the host's own repository dead.
        case ownDeath
        /// remote.log makes the host's own repository a second name of another one, with which it would be forgotten.
        case ownAlias
        /// A file of the branch is not there any more.
        case removed
        /// A record of the branch is not there any more, nor a newer one.
        case lostRecord
    }

    /// What is wrong with an entry of a tree, by its path and its mode (`100644` and so on).
    public func flaw(inPath name: [UInt8], mode: String) -> Flaw? {
        if mode != "100644" { return .notAFile }
        return flaw(inPath: name)
    }

    /// What is wrong with a path.
    public func flaw(inPath name: [UInt8]) -> Flaw? {
        guard name.count <= Self.maximumPathLength, !name.contains(10), let path = BranchPath(name) else {
            return .badPath
        }
        if name.count(where: { $0 == UInt8(ascii: "/") }) >= Self.maximumDepth { return .tooDeep }
        return isInPlace(path) ? nil : .misplaced
    }

    /// Whether a file of a key is in the directories that the key has. A tree of few objects could otherwise name
    /// endlessly many of them.
    private func isInPlace(_ path: BranchPath) -> Bool {
        guard let (key, file) = path.keyFile(levels: levels) else { return true }
        return BranchPath(of: key, file, levels: levels) == path
    }

    /// Whether a file is in a folder and belongs to no key. Only so many of them are accepted.
    public func isStrange(_ path: BranchPath) -> Bool {
        path.components.count > 1 && path.keyFile(levels: levels) == nil
    }

    /// The largest version of a file that is accepted, in bytes.
    public func maximumSize(of path: BranchPath) -> Int {
        path.keyFile(levels: levels) == nil ? Self.maximumSharedFileSize : Self.maximumKeyFileSize
    }

    /// What is wrong with a new version of a file, as far as `old` did not have it already; nil where nothing is.
    ///
    /// - Parameter old: the version that the branch has, or nil.
    public func flaw(in content: [UInt8], replacing old: [UInt8]?, at path: BranchPath) -> Flaw? {
        if let flaw = firstFlaw(of: content, at: path) {
            guard let old, flaw != .tooManyLines else { return flaw }
            let known = Set(BranchLines.split(old))
            for line in BranchLines.split(content) where !known.contains(line) {
                if let flaw = self.flaw(inLine: line, at: path) { return flaw }
            }
        }
        guard let old else { return nil }
        return keepsRecords(of: old, in: content, at: path) ? nil : .lostRecord
    }

    /// The file without the lines that are not accepted; those that `base` has as well stay. Nil when there are too
    /// many lines to look at.
    public func cleaned(_ content: [UInt8], base: [UInt8]?, at path: BranchPath) -> [UInt8]? {
        guard let flaw = firstFlaw(of: content, at: path) else { return content }
        if flaw == .tooManyLines { return nil }
        let known = Set(BranchLines.split(base ?? []))
        var result: [UInt8] = []
        for line in BranchLines.split(content) where known.contains(line) || self.flaw(inLine: line, at: path) == nil {
            result += line
            result.append(BranchLines.lineFeed)
        }
        return result
    }

    /// Whether a location log says that the host's own repository has the key.
    public func claimsPresence(_ content: [UInt8]) -> Bool {
        guard let own else { return false }
        return PresenceLog.status(of: own.bytes, in: content) == .present
    }

    private func firstFlaw(of content: [UInt8], at path: BranchPath) -> Flaw? {
        var count = 0
        var start = content.startIndex
        while start < content.endIndex {
            // As every reader splits them. Attack: what follows a CR would be a line that nobody looked at.
            let end = content[start...].firstIndex(where: BranchLines.isBreak) ?? content.endIndex
            count += 1
            if count > Self.maximumLines { return .tooManyLines }
            if let flaw = flaw(inLine: content[start..<end], at: path) { return flaw }
            start = end + 1
        }
        return nil
    }

    private func flaw(inLine line: ArraySlice<UInt8>, at path: BranchPath) -> Flaw? {
        if line.count > Self.maximumLineLength { return .longLine }
        if line.contains(0) { return .nul }
        if let clock = clock(of: line, at: path), Self.isAbsurd(clock) { return .clock }
        guard path == .trustLog || path == .remoteLog, let own, line.starts(with: own.bytes),
            let value = OldUUIDLog(parsing: line)[own]
        else { return nil }
        if path == .trustLog { return value == [UInt8(ascii: "X")] ? .ownDeath : nil }
        return ForgetDeadRemotes.sameAs(value) == nil ? nil : .ownAlias
    }

    /// The word that every reader takes for the clock.
    private func clock(of line: ArraySlice<UInt8>, at path: BranchPath) -> ArraySlice<UInt8>? {
        switch path.family {
        case .presence, .keyed, .count: return line.prefix { $0 != BranchLines.space }
        case .oldUUID:
            let word = line[(line.lastIndex(of: BranchLines.space).map { $0 + 1 } ?? line.startIndex)...]
            return word.starts(with: Self.timestampWord) ? word.dropFirst(Self.timestampWord.count) : nil
        case .unknown:
            if path == .transitionsLog {
                return line.lastIndex(of: BranchLines.space).map { line[($0 + 1)...] }
            }
            return path.bytes.suffix(3).elementsEqual("met".utf8) ? line.prefix { $0 != BranchLines.space } : nil
        }
    }

    /// Whether a clock is further away than any machine's could be. What is no number is no clock, and harms nobody.
    private static func isAbsurd(_ clock: ArraySlice<UInt8>) -> Bool {
        let digits = (clock.first == UInt8(ascii: "+") || clock.first == UInt8(ascii: "-") ? clock.dropFirst() : clock)
            .prefix { (48...57).contains($0) }
        return digits.drop { $0 == UInt8(ascii: "0") }.count > maximumClockDigits
    }

    /// Whether every record that `old` has is in `new`, or a newer one of the same repository, URL, or field.
    private func keepsRecords(of old: [UInt8], in new: [UInt8], at path: BranchPath) -> Bool {
        if old == new { return true }
        switch path.family {
        case .presence:
            let records = PresenceLog(parsing: new).records
            return PresenceLog(parsing: old).records.allSatisfy { info, record in
                records[info].map { $0.timestamp >= record.timestamp } ?? false
            }
        case .keyed:
            let records = KeyedLog(parsing: new).records
            return KeyedLog(parsing: old).records.allSatisfy { field, record in
                records[field].map { $0.timestamp >= record.timestamp } ?? false
            }
        case .oldUUID:
            let records = OldUUIDLog(parsing: new).records
            return OldUUIDLog(parsing: old).records.allSatisfy { uuid, record in
                guard let now = records[uuid] else { return false }
                guard let before = record.timestamp else { return true }
                return now.timestamp.map { $0 >= before } ?? false
            }
        case .count:
            guard let before = CountLog(parsing: old).record else { return true }
            return CountLog(parsing: new).record.map { $0.timestamp >= before.timestamp } ?? false
        case .unknown:
            // Transitions are never taken back; about the lines of other files nothing is known.
            guard path == .transitionsLog else { return true }
            return TransitionsLog(parsing: old).transitions.isSubset(of: TransitionsLog(parsing: new).transitions)
        }
    }

    private static let timestampWord = Array("timestamp=".utf8)
}

extension PushedFilePolicy.Flaw: CustomStringConvertible {
    /// What follows "the git-annex branch cannot hold FILE: ".
    public var description: String {
        switch self {
        case .notAFile: "it is not a plain file"
        case .badPath: "no git-annex branch has files of that name"
        case .tooDeep: "it is in too many folders, or their names are too long"
        case .misplaced: "it is not in the folder of its key"
        case .tooManyLines: "it has more than \(PushedFilePolicy.maximumLines) lines"
        case .longLine: "it has a line of more than \(PushedFilePolicy.maximumLineLength) bytes"
        case .nul: "it has a line with a NUL byte"
        case .clock: "it has a line whose clock is thousands of years ahead"
        case .ownDeath:
            "it declares this repository dead, which only its host can do (git annex dead here, in the repository)"
        case .ownAlias: "it makes this repository a second name of another one (sameas-uuid)"
        case .removed: "the push removes it"
        case .lostRecord: "the push takes back what this repository knows already"
        }
    }
}
