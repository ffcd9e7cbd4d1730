import AnnexProtocol
import GitHost
import SystemPackage

/// The input of `git fast-import` for commits to the git-annex branch.
///
/// It needs no index, writes only what changed, and moves the branch only forwards. Without the `done` at the end,
/// which a killed server never sends, nothing is committed.
struct FastImport: Sendable {
    private(set) var input: [UInt8] = []
    /// Where the commits go: the branch, or a ref that never comes to be.
    private let target: Target
    private var files = 0

    enum Target: Sendable {
        case branch
        /// The commits become objects that no ref names; their reader tells the last one (``detachedCommit(_:)``).
        case detached
    }

    init(to target: Target = .branch) { self.target = target }

    /// - Parameter compressed: false for an input that says so itself (``isLittle``).
    static func command(in gitDirectory: FilePath, compressed: Bool = true) -> GitCommand {
        // Most of what is written are object ids, which do not become smaller: the fastest compression is enough.
        let level = compressed ? "1" : "0"
        return GitCommand(["fast-import", "--quiet", "--done", "--date-format=raw"], in: gitDirectory)
            .setting("pack.compression", level).setting("core.looseCompression", level)
            .setting("fastimport.unpackLimit", "\(looseObjects)")
    }

    /// Whether git makes loose objects of this, and no large ones. They need no compression, as git compresses them
    /// anew when it packs them, and for the top folder of a large branch, 130 KiB, it costs more than writing that.
    var isLittle: Bool { files <= Self.filesMadeLoose && input.count <= Self.littleBytes }

    /// From this number of objects on git keeps the pack that it imported, in which they stay as they are.
    private static let looseObjects = 100
    /// Each of them makes up to three objects, itself and two folders; besides there are a top folder and a commit,
    /// and the first commit of a branch that begins with this one.
    private static let filesMadeLoose = (looseObjects - 5) / 3
    private static let littleBytes = 64 << 10

    /// Opens a commit. `parent` nil makes a root commit, or continues the one before in this input.
    mutating func commit(
        _ message: String, committer: String, seconds: Int64, parent: String?, merging: [String] = []
    ) {
        switch target {
        case .branch: add("commit \(BranchObjects.branch)\n")
        case .detached: add("commit \(Self.detachedRef)\nmark :1\n")
        }
        add("committer \(committer) \(seconds) +0000\n")
        data(Array("\(message)\n".utf8))
        if let parent { add("from \(parent)\n") }
        for other in merging { add("merge \(other)\n") }
    }

    /// A file with this content.
    mutating func file(_ path: BranchPath, _ content: [UInt8]) {
        files += 1
        add("M 100644 inline ")
        add(path)
        data(content)
    }

    /// A file with the content of a blob that git has.
    mutating func file(_ path: BranchPath, blob: String) {
        files += 1
        add("M 100644 \(blob) ")
        add(path)
    }

    /// Replaces everything in the commit by this tree.
    mutating func everything(_ tree: String) { add("M 040000 \(tree) \"\"\n") }

    /// A directory with the content of a tree that git has.
    mutating func directory(_ name: String, tree: String) { add("M 040000 \(tree) \"\(name)\"\n") }

    mutating func remove(_ path: BranchPath) {
        add("D ")
        add(path)
    }

    mutating func removeDirectory(_ name: String) { add("D \"\(name)\"\n") }

    /// - Parameter hashLength: how many digits the repository's object names have; needed for detached commits.
    mutating func done(hashLength: Int = 40) {
        if case .detached = target {
            // Set back to nothing before the end, the ref is never written.
            add("get-mark :1\nreset \(Self.detachedRef)\nfrom \(String(repeating: "0", count: hashLength))\n\n")
        }
        add("done\n")
    }

    /// The name of the last detached commit, from what fast-import printed.
    static func detachedCommit(_ output: [UInt8]) throws -> String {
        let text = String(decoding: output, as: UTF8.self).split(separator: "\n").last ?? ""
        guard text.count >= 40, text.allSatisfy(\.isHexDigit) else {
            throw AnnexBranchError(code: .unexpectedContent, message: "git fast-import answered \"\(text)\"")
        }
        return String(text)
    }

    private static let detachedRef = "refs/annexd/detached"

    /// What was added since the last call.
    mutating func take() -> [UInt8] {
        defer { input = [] }
        return input
    }

    private mutating func data(_ bytes: [UInt8]) {
        add("data \(bytes.count)\n")
        input += bytes
        add("\n")
    }

    private mutating func add(_ text: String) { input += Array(text.utf8) }

    /// Quoted as in C, so that no byte of a path has a meaning.
    private mutating func add(_ path: BranchPath) {
        input.append(UInt8(ascii: "\""))
        for byte in path.bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): input += [UInt8(ascii: "\\"), byte]
            case ..<32, 127...: input += [92, 48 + (byte >> 6), 48 + (byte >> 3 & 7), 48 + (byte & 7)]
            default: input.append(byte)
            }
        }
        input += [UInt8(ascii: "\""), 10]
    }
}
