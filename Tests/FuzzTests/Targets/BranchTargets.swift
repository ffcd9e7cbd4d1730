import AnnexProtocol

/// Pushed git-annex branches: their paths, and the merging of their files.
let branchTargets = [
    FuzzTarget("branch-path") { input in
        guard let path = BranchPath(input.bytes) else { return }
        for component in path.bytes.split(separator: 47, omittingEmptySubsequences: false) {
            let name = String(decoding: component, as: UTF8.self)
            try require(
                !["", ".", "..", ".git"].contains(name.lowercased()) && !component.contains(0), "component \(name)")
        }
        let name = JournalName.encode(path)
        try require(!name.contains(47), "a journal file lies in the journal")
        if JournalName.fits(path) {
            try requireEqual(JournalName.decode(name), path, "the path of its journal file")
            try checkFileName(name)
        }
        for levels in [HashDirectories.Levels.one, .two] {
            guard case .location(let key) = path.kind(levels: levels) else { continue }
            try requireEqual(path.locationKey(levels: levels), key, "the key of a location log")
            try checkKey(key)
        }
        _ = path.family
    },
    // Two versions of a file, and a third.
    FuzzTarget("union-merge") { input in
        let parts = input.parts(3)
        let (base, other, third) = (parts[0], parts[1], parts[2])
        let merged = union(base, other)
        try requireEqual(lines(merged), lines(base).union(lines(other)), "every line of both, and no other")
        try requireEqual(lines(union(other, base)), lines(merged), "commutative")
        try requireEqual(
            lines(union(union(base, other), third)), lines(union(base, union(other, third))), "associative")
        try requireEqual(union(merged, merged), merged, "idempotent")
        try requireEqual(lines(union(merged, other)), lines(merged), "merged again")
        if case .lines(let result) = UnionMerge.merge(base: base, other: other) {
            let list = result.split(separator: 10, omittingEmptySubsequences: false).dropLast()
            try require(
                zip(list, list.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) }, "sorted, each line once")
        }
    },
    // A path, a journal file and the version of the branch.
    FuzzTarget("staging-merge") { input in
        let parts = input.parts(3)
        guard let path = BranchPath(parts[0]) else { return }
        let merged = StagingMerge.merge(journal: parts[1], branch: parts[2], at: path)
        try requireEqual(StagingMerge.merge(journal: merged, branch: merged, at: path), merged, "idempotent")
        try requireEqual(StagingMerge.merge(journal: parts[1], branch: merged, at: path), merged, "the journal again")
        guard path.family == .presence else { return }
        let log = PresenceLog(parsing: merged)
        for version in [parts[1], parts[2]] {
            for (info, record) in PresenceLog(parsing: version).records {
                try require(log.records[info].map { $0.timestamp >= record.timestamp } ?? false, "no line gets lost")
            }
        }
    },
    // trust.log, remote.log, a path and the content of its file. The host is whoever the file's first line is about.
    FuzzTarget("forget") { input in
        let parts = input.parts(4)
        guard let path = BranchPath(parts[2]) else { return }
        let own = PresenceLog(parsing: parts[3]).records.keys.sorted { $0.lexicographicallyPrecedes($1) }.first
            .flatMap { RepositoryUUID($0) }
        if let own, path.family == .presence {
            let forget = ForgetDeadRemotes(trustLog: parts[0], remoteLog: parts[1], own: own, levels: .two)
            if case .changed(let content) = forget.outcome(for: parts[3], at: path) {
                try requireEqual(
                    PresenceLog(parsing: content)[own.bytes], PresenceLog(parsing: parts[3])[own.bytes],
                    "what the host says about itself")
            } else {
                try require(forget.outcome(for: parts[3], at: path) == .unchanged, "the host's own log stays")
            }
        }
        let forget = ForgetDeadRemotes(trustLog: parts[0], remoteLog: parts[1], own: nil, levels: .two)
        let outcome = forget.outcome(for: parts[3], at: path)
        if forget.isEmpty { try requireEqual(outcome, .unchanged, "nobody is dead") }
        guard case .changed(let content) = outcome else { return }
        try require(forget.concerns(path), "a file that need not be read is not changed")
        try require(!content.isEmpty, "an empty file is removed")
        try requireEqual(forget.outcome(for: content, at: path), .unchanged, "once more changes nothing")
    },
]

private func union(_ base: [UInt8], _ other: [UInt8]) -> [UInt8] {
    switch UnionMerge.merge(base: base, other: other) {
    case .base: base
    case .other: other
    case .lines(let lines): lines
    }
}

private func lines(_ content: [UInt8]) -> Set<[UInt8]> {
    var lines = content.split(separator: 10, omittingEmptySubsequences: false).map { Array($0) }
    if lines.last == [] { lines.removeLast() }
    return Set(lines)
}
