import AnnexProtocol
import GitHost
import SystemPackage

/// The union merge of one commit's tree into another's, as input for `git fast-import` (spec 02 §3.1).
///
/// Reads only what differs, in parts of bounded size. Nothing is ever removed, and every result is a plain file.
struct TreeMerge: Sendable {
    let base: String
    let other: String
    let gitDirectory: FilePath
    let reader: ObjectReader
    let maximumFileSize: Int

    private static let partSize = 2048
    private static let partBytes = 16 << 20

    /// A path that `other` has, and differently from `base`.
    private struct Entry: Sendable {
        var path: BranchPath
        /// Nil when the base has no regular file there.
        var baseBlob: String?
        var otherBlob: String
    }

    /// Gives the lines of a commit to `emit`; answers how many entries of `other` were refused.
    func run(_ emit: @Sendable ([UInt8]) async throws -> Void) async throws -> Int {
        let arguments = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", base, other]
        let command = GitCommand(arguments, in: gitDirectory)
        let result = try await command.stream { process in
            try await process.finish()
            var output = ObjectOutput(process)
            var refused = 0
            var part: [Entry] = []
            while let head = try await output.record(endingWith: 0) {
                guard let name = try await output.record(endingWith: 0) else { break }
                switch parse(head, name) {
                case .keep: continue
                case .refuse: refused += 1
                case .take(let entry): part.append(entry)
                }
                if part.count == Self.partSize {
                    refused += try await merge(part, emit)
                    part = []
                }
            }
            return refused + (try await merge(part, emit))
        }
        guard result.status == 0 else { throw command.failure(result) }
        return result.output
    }

    private enum Verdict {
        /// Only the base has it.
        case keep
        case refuse
        case take(Entry)
    }

    /// `:OLDMODE NEWMODE OLDID NEWID STATUS`, then the path.
    private func parse(_ head: [UInt8], _ name: [UInt8]) -> Verdict {
        let words = String(decoding: head.dropFirst(), as: UTF8.self).split(separator: " ")
        guard words.count == 5 else { return .refuse }
        if words[1] == "000000" { return .keep }
        guard Self.isFile(words[1]), let path = BranchPath(name), !name.contains(10) else { return .refuse }
        let baseBlob = Self.isFile(words[0]) ? String(words[2]) : nil
        return .take(Entry(path: path, baseBlob: baseBlob, otherBlob: String(words[3])))
    }

    private static func isFile(_ mode: Substring) -> Bool { mode.hasPrefix("100") }

    /// What git knows about an object without its content.
    private struct Info: Sendable {
        var type: Substring
        var size: Int
    }

    private func merge(_ part: [Entry], _ emit: @Sendable ([UInt8]) async throws -> Void) async throws -> Int {
        if part.isEmpty { return 0 }
        var refused = 0
        let blobs = part.map(\.otherBlob) + part.compactMap(\.baseBlob)
        let sizes = try await information(blobs.map { Array($0.utf8) })
        let blocked = try await blocked(part.filter { $0.baseBlob == nil }.map(\.path))
        var small: [Entry] = []
        var bytes = 0
        for entry in part {
            let otherSize = sizes[Array(entry.otherBlob.utf8)]
            let baseSize = entry.baseBlob.map { sizes[Array($0.utf8)]?.size ?? .max } ?? 0
            guard let otherSize, otherSize.type == "blob", otherSize.size <= maximumFileSize,
                baseSize <= maximumFileSize, !blocked.contains(entry.path)
            else {
                refused += 1
                continue
            }
            small.append(entry)
            bytes += otherSize.size + baseSize
            if bytes > Self.partBytes {
                try await emit(lines(small))
                (small, bytes) = ([], 0)
            }
        }
        try await emit(lines(small))
        return refused
    }

    private func lines(_ entries: [Entry]) async throws -> [UInt8] {
        var result = FastImport()
        let both = entries.filter { $0.baseBlob != nil && $0.baseBlob != $0.otherBlob }
        let names = both.flatMap { [Array(($0.baseBlob ?? "").utf8), Array($0.otherBlob.utf8)] }
        let replies = try await reader.read(names)
        for entry in entries where entry.baseBlob == nil || entry.baseBlob == entry.otherBlob {
            result.file(entry.path, blob: entry.otherBlob)
        }
        for (index, entry) in both.enumerated() {
            guard let baseContent = try replies[2 * index].blob(entry.path.description),
                let otherContent = try replies[2 * index + 1].blob(entry.path.description)
            else {
                throw AnnexBranchError(code: .unexpectedContent, message: "an object of \"\(entry.path)\" is missing")
            }
            switch UnionMerge.merge(base: baseContent, other: otherContent) {
            case .other: result.file(entry.path, blob: entry.otherBlob)
            case .base: result.file(entry.path, blob: entry.baseBlob ?? entry.otherBlob)
            case .lines(let content): result.file(entry.path, content)
            }
        }
        return result.take()
    }

    /// The paths that would displace something of the base: a directory in their place, or a file in place of one of
    /// their directories. Without this check a pushed file named like a hash directory would erase all logs below it.
    private func blocked(_ added: [BranchPath]) async throws -> Set<BranchPath> {
        let prefix = Array("\(base):".utf8)
        let parents = Dictionary(uniqueKeysWithValues: Set(added).map { ($0, Self.parents(of: $0)) })
        let names = Set(added.map(\.bytes)).union(parents.values.joined())
        let found = try await information(names.map { prefix + $0 })
        return Set(
            added.filter { path in
                if found[prefix + path.bytes] != nil { return true }
                return parents[path, default: []].contains { parent in
                    found[prefix + parent].map { $0.type != "tree" } ?? false
                }
            })
    }

    private static func parents(of path: BranchPath) -> [[UInt8]] {
        path.bytes.indices.filter { path.bytes[$0] == UInt8(ascii: "/") }.map { Array(path.bytes[..<$0]) }
    }

    private func information(_ names: [[UInt8]]) async throws -> [[UInt8]: Info] {
        if names.isEmpty { return [:] }
        let command = GitCommand(["cat-file", "--batch-check=%(objecttype) %(objectsize)"], in: gitDirectory)
        let output = try await command.output(input: ObjectReader.lines(names))
        let lines = output.split(separator: 10)
        guard lines.count == names.count else {
            throw AnnexBranchError(code: .unexpectedContent, message: "git cat-file answered \(lines.count) lines")
        }
        var result: [[UInt8]: Info] = [:]
        for (name, line) in zip(names, lines) where !line.suffix(8).elementsEqual(" missing".utf8) {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            guard words.count == 2, let size = Int(words[1]) else { continue }
            result[name] = Info(type: words[0], size: size)
        }
        return result
    }
}
