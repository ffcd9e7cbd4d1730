import AnnexProtocol
import GitHost
import SystemPackage

/// The union merge of one commit's tree into another's, as input for `git fast-import` (spec 02 §3.1).
///
/// Reads only what differs, in parts of bounded size. Nothing is ever removed, and every result is a plain file.
struct TreeMerge: Sendable {
    let base: String
    let other: String
    let objects: BranchObjects
    /// What is left out.
    let policy: PushedFilePolicy
    /// The largest file of `base` that is read, in bytes.
    let maximumFileSize: Int
    let limits: PushLimits

    static let partBytes = 16 << 20

    /// A path that `other` has, and differently from `base`.
    struct Entry: Sendable {
        var path: BranchPath
        /// Nil when the base has no regular file there.
        var baseBlob: String?
        var otherBlob: String
    }

    /// Gives the lines of a commit to `emit`; answers how many entries of `other` were refused.
    ///
    /// Throws ``AnnexBranchError/Code/tooMuch`` where more differs than the limits allow.
    func run(_ emit: @Sendable ([UInt8]) async throws -> Void) async throws -> Int {
        let count = Count(limits: limits)
        let changes = TreeChanges(old: base, new: other, objects: objects)
        try await changes.forEachPart { part in
            let taken = part.filter { !$0.isRemoved }
            let entries = taken.compactMap(entry)
            try await count.take(files: taken.count, strangeFiles: entries.count { policy.isStrange($0.path) })
            let refused = try await merge(entries, count, emit)
            await count.refuse(taken.count - entries.count + refused)
            return true
        }
        return await count.refused
    }

    /// What a run has used up of its limits, and what it refused.
    actor Count {
        private var limits: PushLimits
        private(set) var refused = 0

        init(limits: PushLimits) { self.limits = limits }

        func take(files: Int = 0, strangeFiles: Int = 0, bytes: Int = 0) throws {
            try limits.take(files: files, strangeFiles: strangeFiles, bytes: bytes)
        }

        func refuse(_ entries: Int) { refused += entries }
    }

    /// Nil for what a branch may not hold.
    private func entry(_ change: TreeChanges.Entry) -> Entry? {
        guard Self.isFile(change.newMode), policy.flaw(inPath: change.name) == nil, let path = BranchPath(change.name)
        else { return nil }
        return Entry(
            path: path, baseBlob: Self.isFile(change.oldMode) ? change.oldID : nil, otherBlob: change.newID)
    }

    static func isFile(_ mode: String) -> Bool { mode.hasPrefix("100") }

    /// Answers how many of the entries were refused. Of these the base's files stay.
    func merge(
        _ part: [Entry], _ count: Count, _ emit: @Sendable ([UInt8]) async throws -> Void
    ) async throws -> Int {
        if part.isEmpty { return 0 }
        var refused = 0
        let blobs = part.map(\.otherBlob) + part.compactMap(\.baseBlob)
        let sizes = try await objects.information(blobs.map { Array($0.utf8) })
        let blocked = try await blocked(part.filter { $0.baseBlob == nil }.map(\.path))
        var small: [Entry] = []
        var bytes = 0
        var kept = FastImport()
        for entry in part {
            let otherSize = sizes[Array(entry.otherBlob.utf8)]
            let baseSize = entry.baseBlob.map { sizes[Array($0.utf8)]?.size ?? .max } ?? 0
            guard let otherSize, otherSize.type == "blob", otherSize.size <= largest(entry.path),
                baseSize <= maximumFileSize, !blocked.contains(entry.path)
            else {
                refused += 1
                entry.baseBlob.map { kept.file(entry.path, blob: $0) }
                continue
            }
            try await count.take(bytes: otherSize.size + baseSize)
            small.append(entry)
            bytes += otherSize.size + baseSize
            if bytes > Self.partBytes {
                refused += try await mergeContents(small, emit)
                (small, bytes) = ([], 0)
            }
        }
        try await emit(kept.take())
        return refused + (try await mergeContents(small, emit))
    }

    /// Answers how many files were refused for what is in them, as a whole or in part.
    private func mergeContents(
        _ entries: [Entry], _ emit: @Sendable ([UInt8]) async throws -> Void
    ) async throws -> Int {
        var result = FastImport()
        var refused = 0
        let both = entries.filter { $0.baseBlob != nil }
        var base: [BranchPath: [UInt8]] = [:]
        for (entry, reply) in zip(both, try await objects.reader.read(both.map { Array(($0.baseBlob ?? "").utf8) })) {
            guard let content = try reply.blob(entry.path.description) else { throw missing(entry) }
            base[entry.path] = content
        }
        let replies = try await objects.reader.read(entries.map { Array($0.otherBlob.utf8) })
        for (entry, reply) in zip(entries, replies) {
            guard let content = try reply.blob(entry.path.description) else { throw missing(entry) }
            guard let cleaned = policy.cleaned(content, base: base[entry.path], at: entry.path) else {
                refused += 1
                entry.baseBlob.map { result.file(entry.path, blob: $0) }
                continue
            }
            if cleaned != content { refused += 1 }
            guard let baseBlob = entry.baseBlob, let baseContent = base[entry.path] else {
                if cleaned == content {
                    result.file(entry.path, blob: entry.otherBlob)
                } else if !cleaned.isEmpty {
                    result.file(entry.path, cleaned)
                }
                continue
            }
            // Executable in one of the two: the result is a plain file.
            if baseBlob == entry.otherBlob {
                result.file(entry.path, blob: baseBlob)
                continue
            }
            switch UnionMerge.merge(base: baseContent, other: cleaned) {
            case .other where cleaned == content: result.file(entry.path, blob: entry.otherBlob)
            case .other: result.file(entry.path, cleaned)
            case .base: result.file(entry.path, blob: baseBlob)
            case .lines(let content) where content.count <= largest(entry.path): result.file(entry.path, content)
            case .lines:
                // Attack: two versions that are just small enough would become one that nobody can read any more.
                refused += 1
                result.file(entry.path, blob: baseBlob)
            }
        }
        try await emit(result.take())
        return refused
    }

    /// In bytes.
    private func largest(_ path: BranchPath) -> Int { min(maximumFileSize, policy.maximumSize(of: path)) }

    private func missing(_ entry: Entry) -> AnnexBranchError {
        AnnexBranchError(code: .unexpectedContent, message: "an object of \"\(entry.path)\" is missing")
    }

    /// The paths that would displace something of the base: a directory in their place, or a file in place of one of
    /// their directories. Without this check a pushed file named like a hash directory would erase all logs below it.
    private func blocked(_ added: [BranchPath]) async throws -> Set<BranchPath> {
        let prefix = Array("\(base):".utf8)
        let parents = Dictionary(uniqueKeysWithValues: Set(added).map { ($0, Self.parents(of: $0)) })
        let names = Set(added.map(\.bytes)).union(parents.values.joined())
        let found = try await objects.information(names.map { prefix + $0 })
        return Set(
            added.filter { path in
                if found[prefix + path.bytes] != nil { return true }
                return parents[path, default: []].contains { parent in
                    found[prefix + parent].map { $0.type != "tree" } ?? false
                }
            })
    }

    private static func parents(of path: BranchPath) -> [[UInt8]] {
        path.bytes.indices.filter { path.bytes[$0] == UInt8(ascii: "/") }.map { Array(path.bytes[..<$0]) }
    }
}
