/// What is committed when a file is in the journal and in the branch (spec 02 §2.8.3).
///
/// The branch may have moved since the journal file was made, by a push for instance. The stock program then lets the
/// journal win and loses the pushed lines; here both keep their winners.
public enum StagingMerge {
    public static func merge(journal: [UInt8], branch: [UInt8], at path: BranchPath) -> [UInt8] {
        if journal == branch { return journal }
        switch path.family {
        case .presence:
            // The first of equally new lines wins, and the journal was written later.
            var log = PresenceLog(parsing: journal)
            log.add(branch)
            return log.serialized
        case .oldUUID:
            let isValid = valueGrammar(of: path)
            var log = OldUUIDLog(parsing: branch, where: isValid)
            log.add(journal, where: isValid)
            return log.serialized
        case .keyed:
            let isValid = valueGrammar(of: path)
            var log = KeyedLog(parsing: branch, where: isValid)
            log.add(journal, where: isValid)
            return log.serialized
        case .count:
            var log = CountLog(parsing: branch)
            log.add(journal)
            return log.serialized
        case .unknown:
            return concatenate(branch, journal)
        }
    }

    /// Every line of both in the order of the files, the journal's last: its lines win where the last one does.
    private static func concatenate(_ branch: [UInt8], _ journal: [UInt8]) -> [UInt8] {
        let journalLines = BranchLines.split(journal)
        let known = Set(journalLines)
        let lines = BranchLines.split(branch).filter { !known.contains($0) } + journalLines
        return lines.flatMap { $0 + [BranchLines.lineFeed] }
    }

    /// A line that no reader accepts must not displace one that is accepted.
    private static func valueGrammar(of path: BranchPath) -> ([UInt8]) -> Bool {
        if path == .trustLog { return { $0.count <= 1 } }
        if path.bytes == Array("maxsize.log".utf8) { return { LenientNumber.parse($0[...]) != nil } }
        if path.bytes.suffix(4).elementsEqual(".cnk".utf8) {
            return { !$0.isEmpty && $0.allSatisfy { (48...57).contains($0) } }
        }
        return { _ in true }
    }
}
