/// A tree object as git stores it: `MODE SP NAME NUL ID` for each entry, sorted, no name twice.
struct RawTree {
    struct Entry {
        /// Without leading zeros, as in `40000`.
        var mode: ArraySlice<UInt8>
        var name: ArraySlice<UInt8>
        /// The bytes of the object id.
        var id: ArraySlice<UInt8>

        var isFolder: Bool { mode.elementsEqual("40000".utf8) }
    }

    private var rest: ArraySlice<UInt8>
    private let idLength: Int

    /// - Parameter idLength: the bytes of an object id: 20, or 32.
    init(_ bytes: [UInt8], idLength: Int) {
        rest = bytes[...]
        self.idLength = idLength
    }

    var isAtEnd: Bool { rest.isEmpty }

    /// The next entry; nil at the end, and where what follows is none.
    mutating func next() -> Entry? {
        guard let space = rest.firstIndex(of: 32), let end = rest[space...].firstIndex(of: 0),
            rest.endIndex - end - 1 >= idLength
        else { return nil }
        let id = rest[(end + 1)..<(end + 1 + idLength)]
        defer { rest = rest[id.endIndex...] }
        return Entry(mode: rest[..<space], name: rest[(space + 1)..<end], id: id)
    }

    /// An object id as git prints it.
    static func hexadecimal(_ id: ArraySlice<UInt8>) -> String {
        String(decoding: id.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// Whether a tree is what git itself would write.
    ///
    /// Attack: in a crafted tree an entry may be called `a/b`, or two entries may have one name. What lists the tree
    /// then sees other files than what looks one up by its path.
    static func isSound(_ tree: [UInt8], idLength: Int) -> Bool {
        var reader = RawTree(tree, idLength: idLength)
        var previous: [UInt8] = []
        // A file and a folder of one name need not be neighbours: `a`, `a-b`, `a/`.
        var files: Set<ArraySlice<UInt8>> = []
        while let entry = reader.next() {
            guard !entry.name.isEmpty, !entry.name.contains(UInt8(ascii: "/")) else { return false }
            // Folders are sorted as if their names ended with a slash.
            let sortKey = entry.name + [entry.isFolder ? UInt8(ascii: "/") : 0]
            guard previous.lexicographicallyPrecedes(sortKey) else { return false }
            if !entry.isFolder { files.insert(entry.name) } else if files.contains(entry.name) { return false }
            previous = Array(sortKey)
        }
        return reader.isAtEnd
    }
}
