import Foundation
import TestKit

/// Creates, renames, deletes and restores repositories with the command line, whose process is killed, too.
final class ManagementWorker: CrashWorker, @unchecked Sendable {
    private let root: String
    private let program: String
    private var generator: SeededGenerator
    private var counter = 0
    private var port = 0
    /// Names whose repositories must be there, with their UUIDs.
    private var present: [String: String] = [:]
    /// Former names that must still lead to the repository of a UUID.
    private var former: [String: String] = [:]
    /// The command that was cut off, if one was.
    private var unfinished: Unfinished?

    private enum Unfinished {
        case create(String)
        case rename(String, String, uuid: String)
        case delete(String, uuid: String)
        case restore(String, uuid: String)
    }

    init(_ host: AnnexdHost, seed: UInt64) throws {
        root = host.root
        program = try Tools.annexd()
        generator = SeededGenerator(seed: seed)
    }

    func work(_ round: CrashRound) {
        port = round.port
        while !round.ended {
            do {
                guard try step(round) else { return }
            } catch {
                return
            }
        }
    }

    private func freshName() -> String {
        counter += 1
        return "managed/m\(counter)"
    }

    /// Answers false when its command was killed.
    private func step(_ round: CrashRound) throws -> Bool {
        guard present.count > 2, let (name, uuid) = present.randomElement(using: &generator), generator.chance(70)
        else {
            let name = freshName()
            unfinished = .create(name)
            guard try repo(round, "create", name) else { return false }
            present[name] = uuid(of: name)
            unfinished = nil
            return true
        }
        if generator.chance(60) {
            let newName = freshName()
            unfinished = .rename(name, newName, uuid: uuid)
            guard try repo(round, "rename", name, newName) else { return false }
            present[name] = nil
            present[newName] = uuid
            former[name] = uuid
        } else {
            unfinished = .delete(name, uuid: uuid)
            guard try repo(round, "delete", name) else { return false }
            unfinished = .restore(name, uuid: uuid)
            guard try repo(round, "restore", name) else { return false }
        }
        unfinished = nil
        return true
    }

    /// Runs a command to its end, or until the round ends and kills it.
    private func repo(_ round: CrashRound, _ arguments: String...) throws -> Bool {
        let verb = [program, "repo", arguments[0], "--root", root]
        let child = try Command(verb + arguments.dropFirst()).start()
        while child.status == nil {
            if round.ended {
                child.signal(SIGKILL)
                _ = child.finish(within: 10)
                return child.status == 0
            }
            usleep(500)
        }
        return child.status == 0
    }

    private func path(_ name: String) -> String { "\(root)/\(name).git" }

    private func uuid(of name: String) -> String? {
        let result = try? Command(["git", "config", "-f", "\(path(name))/config", "annex.uuid"]).run()
        return result?.status == 0 ? result?.trimmed : nil
    }

    func verify(_ findings: Findings) {
        do {
            try resolve(findings)
        } catch {
            findings.add("\(unfinished as Any): \(error)")
        }
        unfinished = nil
        for (name, known) in present {
            findings.expect(uuid(of: name) == known, "\(name): it was acknowledged, and is not there")
            findings.expect(served(name) == known, "\(name): it is not served as \(known)")
        }
        for (name, known) in former { findings.expect(served(name) == known, "\(name): the former name leads nowhere") }
        // The older ones were looked at often enough.
        for name in former.keys.dropFirst(8) { former[name] = nil }
        for name in present.keys.dropFirst(8) { present[name] = nil }
    }

    /// Of a command that was cut off, the state before or after it holds, and none in between.
    private func resolve(_ findings: Findings) throws {
        switch unfinished {
        case nil: break
        case .create(let name):
            if exists(path(name)) { present[name] = uuid(of: name) ?? "no UUID" }
        case .rename(let old, let new, let known):
            let (isOld, isNew) = (exists(path(old)), exists(path(new)))
            findings.expect(isOld != isNew, "\(old) became \(new): both \(isOld) and \(isNew)")
            present[old] = isOld ? known : nil
            present[new] = isNew ? known : nil
            if isNew { former[old] = known }
        case .delete(let name, let known), .restore(let name, let known):
            if !exists(path(name)) {
                let result = try Command([program, "repo", "restore", "--root", root, name]).run()
                findings.expect(result.status == 0, "\(name): deleted, and cannot be restored: \(result.transcript)")
            }
            present[name] = known
        }
    }

    /// The UUID that clients are told under this name.
    private func served(_ name: String) -> String? {
        guard let reply = try? HTTPClient(port: port).get("/\(name)/config"), reply.status == 200 else { return nil }
        let line = reply.text.split(separator: "\n").first { $0.contains("uuid = ") }
        return line?.split(separator: " ").last.map(String.init)
    }
}
