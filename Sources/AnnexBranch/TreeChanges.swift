import AnnexProtocol

/// What differs between two commits of a git-annex branch, in parts of bounded size. Costs as much as differs.
///
/// Reads the tree objects itself. Attack: `git diff-tree` gathers everything that differs before it prints the first
/// line, and a few small trees that hold one another many times can name more files than memory holds, or more folders
/// without any file than there is time to look into.
struct TreeChanges: Sendable {
    /// Nil: everything is new.
    let old: String?
    let new: String
    let objects: BranchObjects
    /// Whether a new tree that git would not have written ends the walk with ``AnnexBranchError/Code/brokenTree``.
    var requiresSoundTrees = false
    /// Whether folders that are gone are looked into, so that every file in them is told.
    var looksIntoRemoved = false

    /// A path that differs.
    struct Entry: Sendable {
        var name: [UInt8]
        /// Six octal digits, as git prints them; `000000` where there is nothing.
        var oldMode: String
        var newMode: String
        /// Object ids in hexadecimal; zeros where there is nothing.
        var oldID: String
        var newID: String

        /// What is gone is told by its topmost folder, unless ``TreeChanges/looksIntoRemoved``.
        var isRemoved: Bool { newMode == Self.nothing }
        var isNew: Bool { oldMode == Self.nothing }
        /// Whether this is a folder that lies too deep, or has too long a path, to be looked into.
        var isFolder: Bool { newMode == Self.folder }

        fileprivate static let nothing = "000000"
        fileprivate static let folder = "040000"
    }

    static let partSize = 2048
    /// How many bytes of trees are held at once, times the depth.
    private static let batchBytes = 1 << 20
    private static let batchSize = 2048

    /// What a walk has come across.
    private struct Findings {
        /// What is to be told next.
        var part: [Entry] = []
        var told = 0
        private var folders = 0

        /// Git writes no empty folders, so each one that differs leads to something that does, at most some levels
        /// below it.
        mutating func lookInto(_ count: Int) throws {
            folders += count
            if folders > 100_000 + 2 * PushedFilePolicy.maximumDepth * (told + part.count) {
                throw AnnexBranchError(code: .tooMuch, message: "it has too many empty folders")
            }
        }
    }

    /// Calls `body` with one part after the other, until it answers false.
    ///
    /// Throws ``AnnexBranchError/Code/tooMuch`` for folders that are too large, or too many without a file.
    func forEachPart(_ body: @Sendable ([Entry]) async throws -> Bool) async throws {
        var findings = Findings()
        let oldRoot = try await old.asyncMap { try await objects.tree(of: $0) }
        let newRoot = try await objects.tree(of: new)
        if oldRoot == newRoot { return }
        let isWanted = try await walk([Pair(prefix: [], depth: 0, old: oldRoot, new: newRoot)], &findings, body)
        if isWanted, !findings.part.isEmpty { _ = try await body(findings.part) }
    }

    /// A folder to compare.
    struct Pair: Sendable {
        /// Its path with a slash at the end; empty for the root.
        var prefix: [UInt8]
        var depth: Int
        /// Tree ids in hexadecimal; nil where there is none. One of them is there.
        var old: String?
        var new: String?
    }

    /// Folder by folder, so that one level of the tree is held at a time; false when `body` has seen enough.
    private func walk(
        _ pairs: [Pair], _ findings: inout Findings, _ body: @Sendable ([Entry]) async throws -> Bool
    ) async throws -> Bool {
        let idLength = new.utf8.count / 2
        var rest = pairs[...]
        while !rest.isEmpty {
            let batch = rest.prefix(Self.batchSize)
            rest = rest.dropFirst(batch.count)
            for group in try await groups(Array(batch)) {
                try findings.lookInto(group.count)
                let names = group.flatMap(\.trees).map { Array($0.utf8) }
                var replies = try await objects.reader.read(names)[...]
                var deeper: [Pair] = []
                for pair in group {
                    let oldTree = try pair.old.map { try tree(replies.removeFirst(), $0) }
                    let newTree = try pair.new.map { try tree(replies.removeFirst(), $0) }
                    if requiresSoundTrees, let newTree, !RawTree.isSound(newTree, idLength: idLength) {
                        throw AnnexBranchError(
                            code: .brokenTree, message: "it has a folder that git would not have written")
                    }
                    Self.compare(
                        pair, oldTree, newTree, idLength: idLength, looksIntoRemoved: looksIntoRemoved,
                        &findings.part, &deeper)
                    while findings.part.count >= Self.partSize {
                        guard try await body(Array(findings.part.prefix(Self.partSize))) else { return false }
                        findings.part.removeFirst(Self.partSize)
                        findings.told += Self.partSize
                    }
                }
                guard try await walk(deeper, &findings, body) else { return false }
            }
        }
        return true
    }

    /// Cuts a batch so that the trees of a group fit into memory.
    private func groups(_ batch: [Pair]) async throws -> [[Pair]] {
        // A change of one key comes here once for each level, and need not cost a process.
        if batch.count <= 2 { return [batch] }
        let ids = batch.flatMap(\.trees).map { Array($0.utf8) }
        let sizes = try await objects.sizes(ids)
        var result: [[Pair]] = [[]]
        var bytes = 0
        for pair in batch {
            let size = pair.trees.reduce(0) { $0.clampedSum(sizes[Array($1.utf8)] ?? 0) }
            if size > BranchObjects.largestTree {
                throw AnnexBranchError(code: .tooMuch, message: "it has a folder of \(size) bytes")
            }
            if bytes + size > Self.batchBytes, result[result.count - 1].isEmpty == false {
                result.append([])
                bytes = 0
            }
            result[result.count - 1].append(pair)
            bytes += size
        }
        return result
    }

    private func tree(_ reply: ObjectReply, _ id: String) throws -> [UInt8] {
        if case .tooLarge(_, let size) = reply {
            throw AnnexBranchError(code: .tooMuch, message: "it has a folder of \(size) bytes")
        }
        guard case .object(_, let type, let content) = reply, type.elementsEqual("tree".utf8) else {
            throw AnnexBranchError(code: .unexpectedContent, message: "\(id) is no tree, or is missing")
        }
        return content
    }

    /// Adds what differs in one folder to `part`, and the folders in it that have to be compared to `deeper`. Pure.
    static func compare(
        _ pair: Pair, _ oldTree: [UInt8]?, _ newTree: [UInt8]?, idLength: Int, looksIntoRemoved: Bool = false,
        _ part: inout [Entry], _ deeper: inout [Pair]
    ) {
        func remove(_ path: [UInt8], _ entry: RawTree.Entry) {
            if looksIntoRemoved, entry.isFolder, isWithinReach(path, in: pair) {
                deeper.append(Pair(path, in: pair, old: entry.id, new: nil))
            } else {
                part.append(Self.entry(path, entry, nil, idLength))
            }
        }

        var known: [ArraySlice<UInt8>: RawTree.Entry] = [:]
        var reader = RawTree(oldTree ?? [], idLength: idLength)
        while let entry = reader.next() { known[entry.name] = entry }
        reader = RawTree(newTree ?? [], idLength: idLength)
        while let entry = reader.next() {
            let before = known.removeValue(forKey: entry.name)
            if let before, before.mode == entry.mode, before.id == entry.id { continue }
            let path = pair.prefix + entry.name
            guard entry.isFolder, isWithinReach(path, in: pair) else {
                part.append(Self.entry(path, before, entry, idLength))
                if let before, before.isFolder, looksIntoRemoved { remove(path, before) }
                continue
            }
            var old: ArraySlice<UInt8>?
            if let before {
                if before.isFolder { old = before.id } else { remove(path, before) }
            }
            deeper.append(Pair(path, in: pair, old: old, new: entry.id))
        }
        for (name, before) in known { remove(pair.prefix + name, before) }
    }

    /// Whether a folder is looked into.
    private static func isWithinReach(_ path: [UInt8], in pair: Pair) -> Bool {
        pair.depth + 1 < PushedFilePolicy.maximumDepth && path.count <= PushedFilePolicy.maximumFolderLength
    }

    private static func entry(
        _ path: [UInt8], _ old: RawTree.Entry?, _ new: RawTree.Entry?, _ idLength: Int
    ) -> Entry {
        let zeros = String(repeating: "0", count: idLength * 2)
        func mode(_ entry: RawTree.Entry?) -> String {
            guard let entry else { return Entry.nothing }
            return entry.isFolder ? Entry.folder : String(decoding: entry.mode, as: UTF8.self)
        }
        return Entry(
            name: path, oldMode: mode(old), newMode: mode(new), oldID: old.map { RawTree.hexadecimal($0.id) } ?? zeros,
            newID: new.map { RawTree.hexadecimal($0.id) } ?? zeros)
    }
}

extension TreeChanges.Pair {
    /// A folder in the folder of `outer`.
    fileprivate init(_ path: [UInt8], in outer: Self, old: ArraySlice<UInt8>?, new: ArraySlice<UInt8>?) {
        self.init(
            prefix: path + [UInt8(ascii: "/")], depth: outer.depth + 1, old: old.map(RawTree.hexadecimal),
            new: new.map(RawTree.hexadecimal))
    }

    fileprivate var trees: [String] { [old, new].compactMap(\.self) }
}

extension Optional {
    fileprivate func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async rethrows -> Result? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
