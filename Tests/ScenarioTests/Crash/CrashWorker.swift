import Foundation
import Synchronization
import TestKit

/// One stream of work for a server that will be killed in the middle of it, and the model of what must be true then.
///
/// `work` runs on a thread of its own until the round ends; `verify` runs alone, after the server was started again.
protocol CrashWorker: AnyObject, Sendable {
    func work(_ round: CrashRound)
    func verify(_ findings: Findings)
}

/// The time between a start of the server and its end.
final class CrashRound: Sendable {
    let port: Int
    private let isOver = Atomic(false)

    init(port: Int) { self.port = port }

    /// Whether the server is, or is about to be, dead.
    var ended: Bool { isOver.load(ordering: .acquiring) }

    func end() { isOver.store(true, ordering: .releasing) }
}

/// What was found to be wrong.
final class Findings: Sendable {
    private let found = Mutex<[String]>([])

    var all: [String] { found.withLock { $0 } }

    func add(_ text: String) { found.withLock { $0.append(text) } }

    func expect(_ condition: Bool, _ text: @autoclosure () -> String) {
        if !condition { add(text()) }
    }
}

/// A repository on disk, looked at with git alone.
struct DiskRepository: Sendable {
    let path: String

    /// The text of a file of the git-annex branch as it counts now: from the journal, else from the branch.
    ///
    /// The journal, in whose names `_` stands for `/`, comes first: its files go away only when the branch has them.
    /// - Parameter key: without underscores.
    func branchFile(of key: String) throws -> String? {
        let journal = "\(path)/annex/journal"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: journal)) ?? []
        if let name = names.first(where: { $0.hasSuffix("_\(key).log") }),
            let content = FileManager.default.contents(atPath: "\(journal)/\(name)")
        {
            return String(decoding: content, as: UTF8.self)
        }
        let listed = try git("ls-tree", "-r", "--name-only", "git-annex")
        guard listed.status == 0, let name = listed.lines.first(where: { $0.hasSuffix("/\(key).log") }) else {
            return nil
        }
        return try git("cat-file", "blob", "git-annex:\(name)").text
    }

    /// What the location log says of `uuid`: the newest line about it counts.
    func isLogged(_ key: String, in uuid: String) throws -> Bool {
        var newest: (time: String, isPresent: Bool)?
        for line in try (branchFile(of: key) ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[2] == uuid else { continue }
            // Seconds, with a fraction down to picoseconds; as texts of one length they are in order.
            let parts = words[0].dropLast().split(separator: ".")
            let fraction = String(parts.count > 1 ? parts[1] : "")
            let time = "\(parts[0])." + fraction.padding(toLength: 12, withPad: "0", startingAt: 0)
            if time >= newest?.time ?? "" { newest = (time, words[1] == "1") }
        }
        return newest?.isPresent ?? false
    }

    func git(_ arguments: String...) throws -> CommandResult {
        try Command(["git", "--git-dir", path] + arguments).run()
    }

    /// Objects whose bytes are not those of their key, and files among them that are nothing known.
    func wrongObjects() throws -> [String] {
        let script = """
            cd "$0/annex/objects" && find . -type f ! -name '*.lck' ! -name '*.rtm' ! -name '*.rtl' -print0 |
            xargs -0r sha256sum
            """
        return try Command(["sh", "-c", script, path]).check().lines.filter { line in
            let words = line.split(separator: " ", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            return !words[1].hasSuffix("--\(words[0])")
        }
    }
}

extension SeededGenerator {
    /// True with the probability of `percent`.
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
