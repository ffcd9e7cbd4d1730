@testable import AnnexBranch

/// Tree objects of pushed branches, which annexd reads itself.
let treeTargets = [
    FuzzTarget("raw-tree") { input in
        let reference = ReferenceTree(input.bytes)
        try requireEqual(
            RawTree.isSound(input.bytes, idLength: 20), reference?.isSorted ?? false, "a tree that git would write")
        var reader = RawTree(input.bytes, idLength: 20)
        var written: [UInt8] = []
        while let entry = reader.next() {
            try require(
                entry.id.count == 20 && !entry.name.contains(0) && !entry.mode.contains(32), "parts of an entry")
            written += entry.mode + [32] + entry.name + [0] + entry.id
        }
        try require(input.bytes.starts(with: written), "the entries written anew")
        try requireEqual(reader.isAtEnd, written.count == input.bytes.count, "the end of the tree")
        let folders = TopFolders(
            commit: Array("0".utf8) + [UInt8](repeating: 48, count: 39), tree: input.bytes, least: 0)
        for path in ["abc/def/KEY.log", "uuid.log", "a"] {
            let name = folders.name(of: Array(path.utf8))
            try require(name.count(where: { $0 == UInt8(ascii: ":") }) == 1 && !name.contains(10), "one line for git")
        }
    },
    // Two versions of a folder.
    FuzzTarget("tree-changes") { input in
        let parts = input.parts(2)
        let (part, deeper) = differences(parts[0], parts[1])
        let names = part.map(\.name) + deeper.map { Array($0.prefix.dropLast()) }
        var known: [[UInt8]: ReferenceTree.Entry] = [:]
        for entry in ReferenceTree.entries(parts[0]) { known[entry.name] = entry }
        let entries = ReferenceTree.entries(parts[1])
        for entry in entries where known[entry.name] != entry {
            try require(names.contains(entry.name), "nothing that is new gets by: \(entry.name)")
        }
        for name in known.keys where !entries.contains(where: { $0.name == name }) {
            try require(part.contains { $0.name == name && $0.isRemoved }, "nothing goes unnoticed: \(name)")
        }
        for entry in part {
            let ids = [entry.oldID, entry.newID]
            try require(ids.allSatisfy { $0.utf8.count == 40 && $0.allSatisfy(\.isHexDigit) }, "object ids")
        }
        try require(names.count <= 2 * entries.count + known.count, "a bound on what is told")
        guard ReferenceTree(parts[0])?.isSorted == true, ReferenceTree(parts[1])?.isSorted == true else { return }
        let same = entries.filter { known[$0.name] == $0 }.map(\.name)
        try require(Set(names).isDisjoint(with: same), "what is the same is not told")
        let (none, nowhere) = differences(parts[1], parts[1])
        try require(none.isEmpty && nowhere.isEmpty, "a folder differs from itself")
    },
]

private func differences(_ old: [UInt8], _ new: [UInt8]) -> ([TreeChanges.Entry], [TreeChanges.Pair]) {
    var part: [TreeChanges.Entry] = []
    var deeper: [TreeChanges.Pair] = []
    TreeChanges.compare(
        TreeChanges.Pair(prefix: [], depth: 0, old: nil, new: ""), old, new, idLength: 20, &part, &deeper)
    return (part, deeper)
}

/// A second reader of trees, written after git's documentation.
private struct ReferenceTree {
    struct Entry: Equatable {
        var mode: [UInt8]
        var name: [UInt8]
        var id: [UInt8]
    }

    private let entries: [Entry]

    /// Nil for what does not end with an entry.
    init?(_ bytes: [UInt8]) {
        entries = Self.entries(bytes)
        if entries.reduce(0, { $0 + $1.mode.count + $1.name.count + 22 }) != bytes.count { return nil }
    }

    /// Those up to the first that is none.
    static func entries(_ bytes: [UInt8]) -> [Entry] {
        var result: [Entry] = []
        var index = 0
        while let space = bytes[index...].firstIndex(of: 32), let end = bytes[(space + 1)...].firstIndex(of: 0),
            end + 20 < bytes.count
        {
            result.append(
                Entry(
                    mode: Array(bytes[index..<space]), name: Array(bytes[(space + 1)..<end]),
                    id: Array(bytes[(end + 1)...(end + 20)])))
            index = end + 21
        }
        return result
    }

    /// Whether the names are in git's order, where a folder's ends with a slash, each is there once, and none has one.
    var isSorted: Bool {
        let keys = entries.map { $0.name + ($0.mode == Array("40000".utf8) ? [47] : [0]) }
        return Set(entries.map(\.name)).count == entries.count
            && entries.allSatisfy { !$0.name.isEmpty && !$0.name.contains(47) }
            && zip(keys, keys.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) }
    }
}
