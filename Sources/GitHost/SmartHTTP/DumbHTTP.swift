public import FileIO
public import SystemPackage

/// The files that git's dumb HTTP protocol reads (gitprotocol-http(5), "Dumb Clients").
///
/// Clients without the smart protocol get them fresh, without anybody running `git update-server-info`.
public struct DumbHTTP: Sendable {
    private let gitDirectory: FilePath

    public init(_ gitDirectory: FilePath) { self.gitDirectory = gitDirectory }

    /// The text of `info/refs`: `<id>TAB<ref>` lines sorted by name, a tag followed by what it points to.
    public func infoRefs() async throws -> [UInt8] {
        let command = GitCommand(["show-ref", "--dereference"], in: gitDirectory)
        let result = try await command.run()
        // Status 1 means that there are no refs.
        guard result.status == 0 || result.status == 1 && result.output.isEmpty else { throw command.failure(result) }
        var text: [UInt8] = []
        text.reserveCapacity(result.output.count)
        for line in result.output.split(separator: 10) {
            guard let space = line.firstIndex(of: 32) else { continue }
            let name = line[(space + 1)...]
            text += line[..<space]
            text.append(9)
            text += name
            text.append(10)
        }
        return text
    }

    /// The text of `HEAD`: `ref: <branch>` also when the branch is unborn, or an object id.
    public func head() async throws -> [UInt8] {
        let symbolic = try await GitCommand(["symbolic-ref", "-q", "HEAD"], in: gitDirectory).run()
        if symbolic.status == 0 { return Array("ref: ".utf8) + symbolic.output }
        return try await GitCommand(["rev-parse", "--verify", "HEAD"], in: gitDirectory).output()
    }

    /// The text of `objects/info/packs`: a `P <name>` line for each pack that has its index. Blocking.
    public func packs() throws(FileError) -> [UInt8] {
        let names = try Files.list(ConfinedPath(gitDirectory).appending("objects/pack"))
        let all = Set(names)
        var text: [UInt8] = []
        for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) where Self.isPackFile(name[...]) {
            guard name.suffix(5).elementsEqual(".pack".utf8), all.contains(name.dropLast(5) + Array(".idx".utf8)) else {
                continue
            }
            text += Array("P ".utf8) + name + [10]
        }
        return text + [10]
    }

    /// A file of the object store that a client may read.
    public struct ObjectFile: Sendable, Hashable {
        fileprivate let place: ConfinedPath
        public let contentType: String

        public var path: FilePath { place.path }

        /// Opens the file for reading; nil where there is none, but perhaps a link, a FIFO or a folder. Blocking.
        ///
        /// Attack: a prepared repository with a link in `objects/pack` to a file of the host's, which any reader then
        /// gets, or with FIFOs, each of which keeps a thread.
        public func open() throws(FileError) -> (file: OpenFile, size: UInt64)? {
            do {
                let file = try OpenFile(place, .readOnly)
                return (file, try file.status().size)
            } catch  where error.isMissing || error.isNoFile {
                return nil
            }
        }
    }

    /// The file for the part of a URL behind the repository, such as `objects/ab/cdef…` or `objects/pack/pack-….idx`.
    ///
    /// Nil for everything but loose objects, packs and their indexes: no other file can be reached through it.
    public func objectFile(_ path: String) -> ObjectFile? {
        let parts = Array(path.utf8).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].elementsEqual("objects".utf8) else { return nil }
        let type: String
        if parts[1].elementsEqual("pack".utf8), Self.isPackFile(parts[2]) {
            type =
                parts[2].last == UInt8(ascii: "k")
                ? "application/x-git-packed-objects" : "application/x-git-packed-objects-toc"
        } else if parts[1].count == 2, parts[2].count == 38 || parts[2].count == 62, Self.isHex(parts[1]),
            Self.isHex(parts[2])
        {
            type = "application/x-git-loose-object"
        } else {
            return nil
        }
        let file = parts.reduce(ConfinedPath(gitDirectory)) { $0.appending(bytes: $1) }
        return ObjectFile(place: file, contentType: type)
    }

    /// `pack-<40 or 64 hexadecimal digits>` with the extension `.pack` or `.idx`.
    private static func isPackFile(_ name: ArraySlice<UInt8>) -> Bool {
        guard name.starts(with: "pack-".utf8), let dot = name.firstIndex(of: UInt8(ascii: ".")) else { return false }
        let digits = name[(name.startIndex + 5)..<dot]
        return (digits.count == 40 || digits.count == 64) && isHex(digits)
            && (name[dot...].elementsEqual(".pack".utf8) || name[dot...].elementsEqual(".idx".utf8))
    }

    /// Lower-case digits only, as git names its files.
    private static func isHex(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { $0.hexadecimalDigit != nil && $0 == $0.asciiLowercased }
    }
}
