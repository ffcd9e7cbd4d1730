import FileIO
import GitHost
import Glibc
import SystemPackage
import Testing

/// A directory below the system temporary directory, removed at the end.
func withScratch(_ body: (FilePath) async throws -> Void) async throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/githost.XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.map { mkdtemp($0) } != nil }
    #expect(made)
    let directory = FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    do {
        try await body(directory)
    } catch {
        try? Files.removeTree(directory)
        throw error
    }
    try Files.removeTree(directory)
}

func write(_ text: String, to path: FilePath, mode: UInt32 = 0o644) throws {
    try write(Array(text.utf8), to: path, mode: mode)
}

func write(_ bytes: [UInt8], to path: FilePath, mode: UInt32 = 0o644) throws {
    try OpenFile(path, [.writeOnly, .create, .truncate], mode: mode).write(bytes, at: 0)
    try Files.setMode(path, mode)
}

extension [UInt8] {
    var text: String { String(decoding: self, as: UTF8.self) }
}

/// Small repositories made with plumbing.
struct Fixture {
    var git: FilePath

    static func bare(_ path: FilePath) async throws -> Fixture {
        try await RepositoryCreator.create(at: path)
        return Fixture(git: path)
    }

    @discardableResult
    func run(_ arguments: String..., input: String = "") async throws -> String {
        var text = try await GitCommand(arguments, in: git).output(input: Array(input.utf8)).text
        if text.hasSuffix("\n") { text.removeLast() }
        return text
    }

    /// A commit of one file, on top of `parents`.
    func commit(_ content: String, file: String = "file", parents: [String] = []) async throws -> String {
        let blob = try await run("hash-object", "-w", "--stdin", input: content)
        let tree = try await run("mktree", input: "100644 blob \(blob)\t\(file)\n")
        let command = GitCommand(["commit-tree", tree, "-m", "commit"] + parents.flatMap { ["-p", $0] }, in: git)
        return String(try await command.output().text.dropLast())
    }

    func setRef(_ ref: String, _ commit: String) async throws { try await run("update-ref", ref, commit) }
}

/// The number of open descriptors of this process.
func openDescriptors() throws -> Int { try Files.list("/proc/self/fd").count }

/// Collects what a sink receives.
actor Received {
    private(set) var bytes: [UInt8] = []
    var text: String { bytes.text }

    func append(_ chunk: GitChunk) { bytes += chunk.bytes }
}
