import AnnexProtocol
import GitHost
import SystemPackage

/// Drops what is recorded about dead repositories from every file of a commit, as input for `git fast-import`
/// (spec 02 §2.7).
struct TreeForget: Sendable {
    let commit: String
    let forget: ForgetDeadRemotes
    let gitDirectory: FilePath
    let reader: ObjectReader
    let maximumFileSize: Int

    private static let partSize = 2048
    private static let partBytes = 16 << 20

    private struct Entry: Sendable {
        var path: BranchPath
        var blob: [UInt8]
    }

    /// Gives the lines of a commit, which begins with the files of ``commit``, to `emit`.
    func run(_ emit: @escaping @Sendable ([UInt8]) async throws -> Void) async throws {
        let command = GitCommand(["ls-tree", "-r", "-z", "-l", "--full-tree", commit], in: gitDirectory)
        let result = try await command.stream { process in
            try await process.finish()
            var output = ObjectOutput(process)
            var part: [Entry] = []
            var bytes = 0
            while let record = try await output.record(endingWith: 0) {
                guard let (entry, size) = parse(record) else { continue }
                part.append(entry)
                bytes += size
                if part.count == Self.partSize || bytes > Self.partBytes {
                    try await emit(lines(part))
                    (part, bytes) = ([], 0)
                }
            }
            try await emit(lines(part))
        }
        guard result.status == 0 else { throw command.failure(result) }
    }

    /// `MODE TYPE ID SIZE`, a tab, the path. Nil for what stays as it is.
    private func parse(_ record: [UInt8]) -> (Entry, size: Int)? {
        guard let tab = record.firstIndex(of: 9), let path = BranchPath(record[(tab + 1)...]), forget.concerns(path)
        else { return nil }
        let words = record[..<tab].split(separator: 32)
        guard words.count == 4, words[1].elementsEqual("blob".utf8),
            let size = Int(String(decoding: words[3], as: UTF8.self)), size <= maximumFileSize
        else { return nil }
        return (Entry(path: path, blob: Array(words[2])), size)
    }

    private func lines(_ entries: [Entry]) async throws -> [UInt8] {
        var result = FastImport(to: .detached)
        let replies = try await reader.read(entries.map(\.blob))
        for (entry, reply) in zip(entries, replies) {
            guard let content = try reply.blob(entry.path.description) else {
                throw AnnexBranchError(code: .unexpectedContent, message: "an object of \"\(entry.path)\" is missing")
            }
            switch forget.outcome(for: content, at: entry.path) {
            case .unchanged: continue
            case .changed(let content): result.file(entry.path, content)
            case .removed: result.remove(entry.path)
            }
        }
        return result.take()
    }
}
