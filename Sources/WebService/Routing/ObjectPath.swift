import AnnexProtocol

/// The part of a URL below `annex/objects/` under which clients older than git-annex's P2P protocol over HTTP look for
/// content: one or two hash directories, and the name of the object's file twice (spec 01 §2, §7.2).
enum ObjectPath {
    /// The key that the segments name; nil where they name none.
    ///
    /// The name may be spelled as the file is, which is what clients send, or as the key is. Some texts are both, of
    /// different keys; the hash directories tell which one is meant.
    ///
    /// - Parameter segments: not decoded.
    static func key(_ segments: ArraySlice<ArraySlice<UInt8>>) -> Key? {
        guard let file = segments.last, segments.dropLast().last?.elementsEqual(file) == true else { return nil }
        let directories = segments.dropLast(2).map { Array($0) }
        return spellings(of: file).first { lies($0, in: directories) }
    }

    private static func spellings(of file: ArraySlice<UInt8>) -> [Key] {
        var texts = [Array(file)]
        if let decoded = try? PercentEncoding.decode(file), decoded != texts[0] { texts.insert(decoded, at: 0) }
        return texts.flatMap { text in [key(ofFile: text), try? Key(parsing: text)].compactMap { $0 } }
    }

    /// The key whose file has exactly this name.
    private static func key(ofFile name: [UInt8]) -> Key? {
        (try? Key(fileName: name)).flatMap { $0.fileName == name ? $0 : nil }
    }

    private static func lies(_ key: Key, in directories: [[UInt8]]) -> Bool {
        let levels: HashDirectories.Levels = directories.count == 1 ? .one : .two
        let places = HashDirectories(of: key)
        return places.lower(levels: levels) == directories || places.mixed(levels: levels) == directories
    }
}
