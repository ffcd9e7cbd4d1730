public import AnnexProtocol
public import FileIO
internal import SystemPackage

/// The folder of one key's object as it was found on disk, whatever is in it.
public struct ObjectFolder: Sendable {
    /// Below `annex/objects`, such as `aaa/bbb/KEY`; folders are walked in the order of these bytes.
    public var path: [UInt8]
    /// The key whose folder this is; nil where its name is no key's.
    public var key: Key?
    /// Whether the key's object is looked for here.
    public var isInPlace: Bool
    /// The object, whatever its size; nil where there is none.
    public var object: FileStatus?
    /// When lock files were last touched that nobody locks and that protect nothing; nil where there are none.
    public var staleLocksSince: Int64?

    /// Whether the object has the size that its key tells.
    public var hasRightSize: Bool {
        guard let key, let object else { return false }
        return ObjectStore.isContent(object, of: key)
    }
}

extension ObjectStore {
    /// The names of the first level of hash directories, sorted. Blocking.
    public func firstHashDirectories() throws(ObjectStoreError) -> [[UInt8]] {
        try reporting {
            // As the paths below them sort.
            try Files.list(paths.objects).sorted { ($0 + [Self.slash]).lexicographicallyPrecedes($1 + [Self.slash]) }
        }
    }

    /// Every folder of a key below one hash directory of the first level, sorted by path, in either layout. Blocking.
    ///
    /// - Parameter strange: called with the path below `annex/objects` of what has no place there.
    public func folders(
        in first: [UInt8], strange: (_ path: [UInt8]) -> Void
    ) throws(ObjectStoreError) -> [ObjectFolder] {
        try reporting {
            let settings = try settings()
            var result: [ObjectFolder] = []
            guard try isDirectory(first) else {
                strange(first)
                return []
            }
            for name in try sortedNames(first) {
                let path = first + [Self.slash] + name
                if let key = try? Key(fileName: name) {
                    result.append(try folder(path, key, settings))
                    continue
                }
                guard try isDirectory(path) else {
                    strange(path)
                    continue
                }
                for inner in try sortedNames(path) {
                    let innerPath = path + [Self.slash] + inner
                    guard let key = try? Key(fileName: inner), try isDirectory(innerPath) else {
                        strange(innerPath)
                        continue
                    }
                    result.append(try folder(innerPath, key, settings))
                }
            }
            return result.sorted { $0.path.lexicographicallyPrecedes($1.path) }
        }
    }

    private func folder(_ path: [UInt8], _ key: Key, _ settings: StoreSettings) throws -> ObjectFolder {
        let directory = paths.objects.appending(bytes: path)
        var result = ObjectFolder(path: path, key: key, isInPlace: false)
        let status = try Files.status(directory.appending(bytes: key.fileName))
        if status?.kind == .regular { result.object = status }
        guard let place = paths.places(key, settings).first(where: { $0.directory == directory }) else { return result }
        result.isInPlace = true
        if settings.usesLockFiles { result.staleLocksSince = try staleLocks(place, settings) }
        return result
    }

    private func sortedNames(_ path: [UInt8]) throws -> [[UInt8]] {
        try Files.list(paths.objects.appending(bytes: path)).sorted { $0.lexicographicallyPrecedes($1) }
    }

    private func isDirectory(_ path: [UInt8]) throws -> Bool {
        try Files.status(paths.objects.appending(bytes: path))?.kind == .directory
    }

    private static let slash = UInt8(ascii: "/")
}
