internal import AnnexDigest
internal import AnnexProtocol
internal import FileIO
internal import SystemPackage

/// Where the content of a key that one client sends is until it is complete.
///
/// `annex/tmp/KEY` is the place that the stock program shares among all senders. Bytes of two senders in one file may
/// be two different contents, and whose they are nobody can tell afterwards. So it is used for keys with a digest only,
/// by one client at a time; every other partial is a file of its own, `annexd/partial/KEY/CLIENT`. That path is the
/// whole truth about the owner: no crash can separate the bytes from it, and the stock program never looks there.
///
/// Attack: a client begins the content of somebody else with bytes of its own, so that what is stored is wrong (without
/// a digest), or what the other one sends is thrown away (with one).
///
/// Change something only while the transfer locks of the key are held.
struct PartialFiles {
    private let key: Key
    private let client: [UInt8]
    private let paths: StorePaths

    /// - Parameter client: who sends, as the request says; any bytes.
    init(_ key: Key, client: [UInt8], _ paths: StorePaths) {
        self.key = key
        self.client = Self.name(of: client)
        self.paths = paths
    }

    /// Uploads of at least so many bytes are worth a note of whose they are from the start. Of others there is one only
    /// when they are cut: what a killed server leaves of them has no owner, and costs somebody a repetition at worst.
    static let largeUpload: Int64 = 1 << 20

    private var shared: ConfinedPath { paths.partial(key) }
    private var folder: ConfinedPath { paths.partials.appending(bytes: key.fileName) }
    private var own: ConfinedPath { folder.appending(bytes: client) }
    /// Says who uses `annex/tmp/KEY`. Only a hint: the digest decides, should it be lost or be of another file.
    private var note: ConfinedPath { folder.appending(bytes: Self.noteName) }

    /// No client has this name, since a dot is always escaped.
    static let noteName = Array(".shared".utf8)

    /// The file to receive into, which may not be there yet.
    func chosen() throws -> ConfinedPath {
        guard key.expectedDigest != nil, try Files.status(own) == nil else { return own }
        guard try Files.status(shared) != nil, let owner = try owner() else { return shared }
        return owner == client ? shared : own
    }

    private func owner() throws -> [UInt8]? {
        guard try Files.status(note)?.kind == .regular else { return nil }
        return try Files.read(note, limit: 1024)
    }

    /// Notes that what is in `file` is this client's; others then begin on their own.
    func claim(_ file: ConfinedPath, _ modes: FileModes) throws {
        guard file == shared else { return }
        try modes.createDirectories(folder)
        let note = try modes.open(creating: note, [.writeOnly, .truncate])
        try note.write(client, at: 0)
    }

    /// Deletes the partial content in `file`, and what says whose it is.
    func discard(_ file: OpenFile) throws {
        try file.unlink()
        if file.path == shared.path { _ = try? Files.unlink(note) }
        _ = try? Files.removeEmptyDirectory(folder)
    }

    /// Makes the client begin at 0 the next time, and leaves alone whatever is not its own.
    func forget(_ modes: FileModes) throws {
        if try chosen() == shared, try owner() == client {
            try Files.unlink(shared)
            _ = try? Files.unlink(note)
            _ = try? Files.removeEmptyDirectory(folder)
            return
        }
        try Files.unlink(own)
        if key.expectedDigest != nil, try Files.status(shared) != nil {
            // An empty file of its own is preferred to the shared one.
            try modes.createDirectories(folder)
            _ = try modes.open(creating: own, .readWrite)
        } else {
            _ = try? Files.removeEmptyDirectory(folder)
        }
    }

    /// Deletes what all clients have sent of a key whose content is here now.
    func discardAll() throws {
        _ = try? Files.unlink(shared)
        try Files.removeTree(folder)
    }

    /// A file name for a client: one for each, whatever its bytes are.
    private static func name(of client: [UInt8]) -> [UInt8] {
        let escaped = client.flatMap { byte -> [UInt8] in
            let isPlain =
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || byte == UInt8(ascii: "-")
            return isPlain ? [byte] : [UInt8(ascii: "%")] + hexadecimal([byte])
        }
        if (1...200).contains(escaped.count) { return escaped }
        // An equals sign would have been escaped, so no short name looks like this.
        return [UInt8(ascii: "=")] + hexadecimal(StreamingDigest.digest(.sha256, of: client))
    }
}
