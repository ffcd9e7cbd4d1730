import Synchronization

/// The hash directories at the top of a branch's tree, as they were in one commit.
///
/// A branch of a million keys has 4,096 of them in a tree of 130 KiB, which git would read and search again for each
/// file. Looked up from its folder on, a file costs as little as in a small branch. Object ids never change their
/// meaning, so whatever is read this way is of the commit that it was asked for.
struct TopFolders: Sendable {
    let commit: [UInt8]
    /// Name and id of each folder with a name of three characters, sorted, without anything in between. Empty for a
    /// small tree, which git searches fast enough: thousands of repositories may be open.
    private let records: [UInt8]
    private let recordLength: Int

    private static let nameLength = 3
    private static let leastFolders = 1000

    /// - Parameters:
    ///   - tree: the commit's tree object.
    ///   - least: with fewer folders, none is remembered.
    init(commit: [UInt8], tree: [UInt8], least: Int = leastFolders) {
        self.commit = commit
        recordLength = Self.nameLength + commit.count / 2
        var records: [UInt8] = []
        var reader = RawTree(tree, idLength: commit.count / 2)
        while let entry = reader.next() {
            guard entry.isFolder, entry.name.count == Self.nameLength else { continue }
            records += entry.name
            records += entry.id
        }
        self.records = records.count < least * recordLength ? [] : records
    }

    /// What git finds a file of the commit by.
    func name(of path: [UInt8]) -> [UInt8] {
        let colon = [UInt8(ascii: ":")]
        guard path.count > Self.nameLength, path[Self.nameLength] == UInt8(ascii: "/"),
            let id = folder(path[..<Self.nameLength])
        else { return commit + colon + path }
        return Array(RawTree.hexadecimal(id).utf8) + colon + path[(Self.nameLength + 1)...]
    }

    private func folder(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var (low, high) = (0, records.count / recordLength)
        while low < high {
            let middle = (low + high) / 2
            let start = middle * recordLength
            let found = records[start..<(start + Self.nameLength)]
            if found == name { return records[(start + Self.nameLength)..<(start + recordLength)] }
            if found.lexicographicallyPrecedes(name) { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// The folders of the commit that was asked for last.
    final class Cache: Sendable {
        private let latest = Mutex<TopFolders?>(nil)

        var value: TopFolders? { latest.withLock { $0 } }

        func keep(_ folders: TopFolders) { latest.withLock { $0 = folders } }
    }
}
