// Attack: somebody who may push makes a git-annex branch that no git-annex would make, to destroy what the host knows,
// to make it say what is not so, or to stop it. Each push is refused with a reason that the pusher sees, or does no
// harm.

import Foundation
import TestKit
import Testing

@Suite struct HostilePushTests {
    private static let other = "11111111-1111-4111-8111-111111111111"

    /// Makes commits of a git-annex branch by hand.
    private struct Forger {
        let tree: WorkTree

        /// A commit with the files of `base` and these changes: a blob with this text, or an object with this mode.
        func commit(
            on base: String?, _ files: [(String, String)] = [],
            objects: [(mode: String, id: String, path: String)] = [],
            without removed: [String] = []
        ) throws -> String {
            var input = "commit refs/forged\ncommitter x <x> 1 +0000\ndata 1\nx\n"
            if let base { input += "from \(base)\n" }
            for path in removed { input += "D \(path)\n" }
            for (path, text) in files { input += "M 100644 inline \(path)\ndata \(text.utf8.count)\n\(text)\n" }
            for object in objects { input += "M \(object.mode) \(object.id) \(object.path)\n" }
            try run(["fast-import", "--quiet", "--force"], input + "\n")
            return try tree.git("rev-parse", "refs/forged").trimmed
        }

        /// A tree object with these very bytes.
        func rawTree(_ entries: [(mode: String, id: String, name: String)]) throws -> String {
            var bytes: [UInt8] = []
            for entry in entries {
                bytes += Array("\(entry.mode) \(entry.name)\u{0}".utf8)
                var digits = entry.id[...]
                while let byte = UInt8(digits.prefix(2), radix: 16) {
                    bytes.append(byte)
                    digits = digits.dropFirst(2)
                }
            }
            return try run(["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], bytes)
        }

        func commit(ofTree id: String, on base: String) throws -> String {
            try run(["commit-tree", id, "-p", base, "-m", "x"], [])
        }

        func blob(_ text: String) throws -> String { try run(["hash-object", "-w", "--stdin"], Array(text.utf8)) }

        @discardableResult
        private func run(_ arguments: [String], _ input: String) throws -> String {
            try run(arguments, Array(input.utf8))
        }

        private func run(_ arguments: [String], _ input: [UInt8]) throws -> String {
            var command = tree.client.command(["git"] + arguments, in: tree.path)
            command.input = input
            return try command.check().trimmed
        }
    }

    private struct Scene {
        let repository: HostedRepository
        let p2p: P2PCalls
        let tree: WorkTree
        let bare: WorkTree
        let forger: Forger
        /// A key whose content the host has, and where its log is.
        let key: String
        let log: String

        /// Where the branch is when nothing waits in the journal.
        var tip: String {
            get throws {
                let journal = Command(["ls", "annex/journal"], directory: bare.path)
                #expect(try eventually { try journal.run().lines.isEmpty })
                return try bare.git("rev-parse", "git-annex").trimmed
            }
        }

        /// The same, and the attacker has it.
        var base: String {
            get throws {
                let tip = try tip
                try tree.git("fetch", "-q", "origin")
                return tip
            }
        }

        func logPath(_ key: String) throws -> String {
            try tree.annex("examinekey", "--format=${hashdirlower}${key}.log", key).trimmed
        }

        /// Pushes a commit to a ref, by force.
        func push(_ commit: String, to ref: String = "refs/heads/git-annex") throws -> CommandResult {
            try tree.attempt("git", "push", "origin", "+\(commit):\(ref)")
        }

        /// Expects a refusal that names `reason`, and that nothing moved.
        func expectRefusal(
            _ reason: String, _ commit: String, to ref: String = "refs/heads/git-annex",
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let before = try tip
            let result = try push(commit, to: ref)
            #expect(result.status != 0, "accepted: \(reason)", sourceLocation: sourceLocation)
            let said = result.errorText.split(separator: "\n").filter { $0.hasPrefix("remote:") }.joined(
                separator: "\n")
            #expect(said.contains("remote: annexd: "), "\(result.errorText)", sourceLocation: sourceLocation)
            #expect(said.contains(reason), "\(result.errorText)", sourceLocation: sourceLocation)
            #expect(try tip == before, sourceLocation: sourceLocation)
        }
    }

    private func withScene(sourceLocation: SourceLocation = #_sourceLocation, _ body: (Scene) throws -> Void) throws {
        try withRepository(sourceLocation: sourceLocation) { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            let key = try p2p.store(Array("the host has this".utf8))
            try tree.git("push", "-q", "origin", "git-annex")
            let bare = repository.tree(alice)
            let log = try tree.annex("examinekey", "--format=${hashdirlower}${key}.log", key).trimmed
            try tree.git("fetch", "-q", "origin")
            try body(
                Scene(
                    repository: repository, p2p: p2p, tree: tree, bare: bare, forger: Forger(tree: tree), key: key,
                    log: log))
            #expect(try p2p.checkPresent(key) == true)
            #expect(try p2p.get(key).body == Array("the host has this".utf8))
            // The branch is still one that everybody can use.
            try tree.annex("sync")
            #expect(try bare.annex("whereis", "--key", key).text.contains(p2p.uuid))
        }
    }

    @Test("docs/hostile-pushes.md: the branch is deleted, rewound, replaced, or made impossible")
    func history() throws {
        try withScene { scene in
            let unrelated = try scene.forger.commit(on: nil, [("uuid.log", "x y timestamp=1s\n")])
            try scene.expectRefusal("cannot be deleted", "")
            try scene.expectRefusal("has other changes", unrelated)
            try scene.expectRefusal("has other changes", try scene.bare.git("rev-parse", "git-annex~1").trimmed)
            for ref in ["refs/heads/git-annex/x", "refs/heads/synced/git-annex/x", "refs/tags/git-annex"] {
                try scene.expectRefusal("a ref named git-annex", unrelated, to: ref)
            }
            try scene.expectRefusal("belong to the host", unrelated, to: "refs/annexd/detached")
            // Merged by union, where nothing gets lost.
            #expect(try scene.push(unrelated, to: "refs/heads/synced/git-annex").status == 0)
            #expect(try scene.bare.committedLog(scene.key)?.contains("1 \(scene.p2p.uuid)") == true)
        }
    }

    @Test("docs/hostile-pushes.md: links, submodules, programs, strange paths, deep and broken trees")
    func entries() throws {
        try withScene { scene in
            let forger = scene.forger
            let blob = try forger.blob("1s 1 x\n")
            for (mode, id) in [("120000", blob), ("100755", blob), ("160000", try scene.base)] {
                let evil = try forger.commit(on: scene.base, objects: [(mode, id, "evil")])
                try scene.expectRefusal("\"evil\": it is not a plain file", evil)
                #expect(try scene.push(evil, to: "refs/heads/synced/git-annex").status == 0)
                #expect(try !scene.bare.git("ls-tree", "-r", "git-annex").text.contains("\(mode) "))
            }
            try scene.expectRefusal("too many folders", try forger.commit(on: scene.base, [("1/2/3/4/5/6", "x")]))
            try scene.expectRefusal(
                "not in the folder of its key",
                try forger.commit(on: scene.base, [("aaa/bbb/SHA256-s1--x.log", "1s 1 x\n")]))

            // Trees that git itself refuses to write.
            func listing() throws -> [(mode: String, id: String, name: String)] {
                try scene.tree.git("ls-tree", scene.base).lines.map { line in
                    let words = line.split(separator: "\t")
                    let head = words[0].split(separator: " ")
                    let mode = head[0] == "040000" ? "40000" : String(head[0])
                    return (mode: mode, id: String(head[2]), name: String(words[1]))
                }
            }
            let names = [
                ("..", "no git-annex branch has"), (".git", "no git-annex branch has"),
                ("a/b", "a folder that git would not have written"), ("x\u{1b}[31m\ny", "no git-annex branch has"),
            ]
            for (name, reason) in names {
                var entries = try listing() + [(mode: "100644", id: blob, name: name)]
                entries.sort {
                    ($0.name + ($0.mode == "40000" ? "/" : "")) < ($1.name + ($1.mode == "40000" ? "/" : ""))
                }
                let evil = try forger.commit(ofTree: forger.rawTree(entries), on: scene.base)
                try scene.expectRefusal(reason, evil)
                #expect(try scene.push(evil, to: "refs/heads/synced/git-annex").status == 0)
                let merged = try scene.bare.git("ls-tree", "-r", "-z", "--name-only", "git-annex").text
                #expect(!merged.split(separator: "\u{0}").contains { $0 == name && name != "a/b" })
            }
            let rest = try listing()
            let twice = try forger.commit(ofTree: forger.rawTree(rest + [rest[rest.count - 1]]), on: scene.base)
            try scene.expectRefusal("a folder that git would not have written", twice)

            // A few small trees that name a hundred million million files: each level is the one before, many times.
            var level = blob
            for depth in 0..<5 {
                level = try forger.rawTree(
                    (100..<900).map { (mode: depth == 0 ? "100644" : "40000", id: level, name: "\($0)") })
            }
            let bomb = try forger.commit(ofTree: level, on: scene.base)
            try scene.expectRefusal("the push removes it", bomb)
            try scene.expectRefusal("it changes", bomb, to: "refs/heads/synced/git-annex")
            try scene.expectRefusal("it changes", bomb, to: "refs/synced/x/git-annex")
        }
    }

    @Test("docs/hostile-pushes.md: files and records that are taken back")
    func losses() throws {
        try withScene { scene in
            let (tip, forger) = (try scene.base, scene.forger)
            try scene.expectRefusal("the push removes it", try forger.commit(on: tip, without: [scene.log]))
            let overwritten = try forger.commit(on: tip, [(scene.log, "1s 1 \(Self.other)\n")])
            try scene.expectRefusal("takes back what this repository knows", overwritten)
            try scene.expectRefusal(
                "takes back what this repository knows", try forger.commit(on: tip, [("uuid.log", "")]))
            #expect(try scene.push(overwritten, to: "refs/heads/synced/git-annex").status == 0)
            let log = try scene.bare.committedLog(scene.key) ?? ""
            #expect(log.contains("1 \(scene.p2p.uuid)") && log.contains("1 \(Self.other)"), "\(log)")
        }
    }

    @Test("docs/hostile-pushes.md: lines with absurd clocks, NULs, of megabytes, and too many of them")
    func lines() throws {
        try withScene { scene in
            let forger = scene.forger
            let known = try scene.bare.committedLog(scene.key) ?? ""
            let cases = [
                ("100000000000000000000s 0 \(scene.p2p.uuid)\n", "clock is thousands of years ahead"),
                ("1s 1 a\u{0}b\n", "NUL"),
                ("1s 1 " + String(repeating: "x", count: 1 << 20) + "\n", "larger than 1048576 bytes"),
                (String(repeating: "1\n", count: 100_001), "more than 100000 lines"),
            ]
            for (text, reason) in cases {
                let evil = try forger.commit(on: scene.base, [(scene.log, known + text)])
                try scene.expectRefusal(reason, evil)
                #expect(try scene.push(evil, to: "refs/heads/synced/git-annex").status == 0)
                #expect(try scene.bare.committedLog(scene.key) == known, "\(reason)")
            }
            // Bytes that are not UTF-8 are in many real branches: the names of files are in URLs.
            let web = scene.log.replacingOccurrences(of: ".log", with: ".log.web")
            let blob = scene.tree.client.command(["git", "hash-object", "-w", "--stdin"], in: scene.tree.path)
            var latin = blob
            latin.input = Array("1s 1 http://x/".utf8) + [0xe9, 10]
            let id = try latin.check().trimmed
            #expect(try scene.push(try forger.commit(on: scene.base, objects: [("100644", id, web)])).status == 0)
        }
    }

    @Test("docs/hostile-pushes.md: logs as large as accepted, larger, and two that are too large together")
    func sizes() throws {
        try withScene { scene in
            let (forger, uuid) = (scene.forger, scene.p2p.uuid)
            func filler(_ bytes: Int, _ name: String) -> String {
                (0..<(bytes / 1024)).map { number in
                    let start = "1s 1 \(name)-\(number)-"
                    let length = number == 0 ? 1024 + bytes % 1024 : 1024
                    return start + String(repeating: "x", count: length - start.utf8.count - 1) + "\n"
                }.joined()
            }
            // The host removes what the log says that it has, and stores it again.
            let key = try scene.p2p.store(Array("comes and goes".utf8))
            let log = try scene.logPath(key)
            let known = { try scene.bare.git("show", "\(scene.tip):\(log)").text }
            let room = (1 << 20) - (try known().utf8.count)
            let largest = try forger.commit(on: scene.base, [(log, known() + filler(room, "a"))])
            #expect(try scene.push(largest).status == 0)
            #expect(try scene.p2p.remove(key) == true)
            #expect(try scene.p2p.store(Array("comes and goes".utf8)) == key)
            #expect(try known().contains("1 \(uuid)"))

            // Small when it is compressed, and not even one that annexd would read.
            let other = try scene.p2p.store(Array("another".utf8))
            let (silent, path) = (try scene.base, try scene.logPath(other))
            let half = try scene.bare.committedLog(other) ?? ""
            for size in [1 << 20, 33 << 20] {
                let evil = try forger.commit(on: scene.base, [(path, half + filler(size, "b"))])
                try scene.expectRefusal("larger than 1048576 bytes", evil)
                #expect(try scene.push(evil, to: "refs/heads/synced/git-annex").status == 0)
                #expect(try scene.bare.committedLog(other) == half)
            }
            for name in ["c", "d"] {
                let evil = try forger.commit(on: silent, [(path, half + filler(700_000, name))])
                #expect(try scene.push(evil, to: "refs/heads/synced/git-annex").status == 0)
            }
            let merged = try scene.bare.git("show", "\(scene.tip):\(path)").text
            #expect(merged.contains(" c-1-") && !merged.contains(" d-1-"))
            #expect(!exists("\(scene.repository.directory)/annexd/unverified"))
            #expect(try scene.p2p.remove(other) == true)
            try scene.repository.host.restart()
            _ = try scene.p2p.store(Array("still works".utf8))
            #expect(try scene.bare.git("show", "\(scene.tip):\(path)").text.contains(" 0 \(uuid)"))
        }
    }

    @Test("docs/hostile-pushes.md: foreign tuning and unknown transitions, which would end all merging")
    func unmergeable() throws {
        try withScene { scene in
            let (tip, forger) = (try scene.base, scene.forger)
            let tuned = try forger.commit(
                on: tip, [("difference.log", "\(Self.other) fromList [OneLevelBranchHash] timestamp=1s\n")])
            let forgets = try forger.commit(on: tip, [("transitions.log", "ForgetEverything 1s\n")])
            for ref in ["refs/heads/git-annex", "refs/heads/synced/git-annex"] {
                try scene.expectRefusal("was tuned in another way", tuned, to: ref)
                try scene.expectRefusal("a transition that is not known", forgets, to: ref)
            }
        }
    }

    @Test("docs/hostile-pushes.md: the host's own repository is declared dead, and its locations forgotten")
    func ownDeath() throws {
        try withScene { scene in
            let trust = try scene.forger.commit(
                on: scene.base,
                [("trust.log", "\(scene.p2p.uuid) X timestamp=9999999999s\n\(Self.other) X timestamp=1s\n")])
            try scene.expectRefusal("declares this repository dead", trust)
            #expect(try scene.push(trust, to: "refs/heads/synced/git-annex").status == 0)
            let log = try scene.bare.git("show", "git-annex:trust.log").text
            #expect(!log.contains(scene.p2p.uuid) && log.contains(Self.other), "\(log)")

            // As a real client does it, with everything about dead repositories forgotten. It forgets; the host does
            // not.
            try scene.tree.annex("dead", scene.p2p.uuid)
            try scene.tree.annex("forget", "--drop-dead", "--force")
            let push = try scene.tree.attempt("git", "push", "origin", "+git-annex:synced/git-annex")
            #expect(push.status == 0, "\(push.transcript)")
            #expect(try scene.bare.committedLog(scene.key)?.contains("1 \(scene.p2p.uuid)") == true)
            #expect(try !scene.bare.git("show", "git-annex:trust.log").text.contains("\(scene.p2p.uuid) X"))
            #expect(try scene.p2p.store(Array("still served".utf8)).isEmpty == false)
        }
    }

    /// Attack: another repository that holds the same files is declared dead, and the host is made a second name of it,
    /// so that the transition takes the host's locations, with the folders that they are in, and its line in uuid.log.
    @Test("docs/hostile-pushes.md: the host is made a second name of a dead repository, and forgotten with it")
    func ownAlias() throws {
        try withScene { scene in
            let (own, holder) = (scene.p2p.uuid, try scene.tree.git("config", "annex.uuid").trimmed)
            let now = Int(Date().timeIntervalSince1970)
            let known = try scene.bare.committedLog(scene.key) ?? ""
            let uuids = try scene.bare.git("show", "\(scene.tip):uuid.log").text
            let alias = ("remote.log", "\(own) name=x type=directory sameas-uuid=\(holder) timestamp=\(now)s\n")
            let dead = ("trust.log", "\(holder) X timestamp=\(now)s\n")
            let both = try scene.forger.commit(
                on: scene.base, [alias, dead, (scene.log, known + "\(now)s 1 \(holder)\n")])
            try scene.expectRefusal("a second name of another one", both)
            // Behind a carriage return, too.
            let hidden = try scene.forger.commit(on: scene.base, [("trust.log", "x 1\r\(own) X timestamp=\(now)s\n")])
            try scene.expectRefusal("declares this repository dead", hidden)

            let evil = try scene.forger.commit(on: both, [("transitions.log", "ForgetDeadRemotes \(now)s\n")])
            #expect(try scene.push(evil, to: "refs/heads/synced/git-annex").status == 0)
            let branch = "\(try scene.tip)"
            #expect(try !scene.bare.git("show", "\(branch):trust.log").text.contains(own))
            #expect(try scene.bare.attempt("git", "show", "\(branch):remote.log").text.contains(own) == false)
            #expect(uuids.contains(own))
            #expect(try scene.bare.git("show", "\(branch):uuid.log").text.contains(own))
            let log = try scene.bare.committedLog(scene.key) ?? ""
            #expect(log.contains(" 1 \(own)") && !log.contains(holder), "\(log)")

            // What everybody sees who comes now.
            let fresh = try scene.tree.client.annexClone(scene.repository.url, as: "fresh")
            #expect(try fresh.annex("whereis", "--key", scene.key).text.contains(own))
        }
    }

    @Test("docs/hostile-pushes.md: a branch that was rewound on the host is put right with the next push")
    func rewoundOnHost() throws {
        try withScene { scene in
            let empty = try scene.forger.commit(on: nil, [("numcopies.log", "1s 2\n")])
            _ = try scene.tip
            try scene.bare.git("fetch", "-q", scene.tree.path, "+refs/forged:refs/heads/git-annex")
            let news = try scene.forger.commit(on: empty, [("numcopies.log", "1s 2\n2s 1\n")])
            #expect(try scene.push(news, to: "refs/heads/synced/git-annex").status == 0)
            #expect(try scene.bare.committedLog(scene.key)?.contains(" 1 \(scene.p2p.uuid)") == true)
            #expect(try scene.bare.git("show", "\(scene.tip):uuid.log").text.contains(scene.p2p.uuid))
        }
    }

    @Test(
        "docs/hostile-pushes.md: false presence and absence of the host's own copies are corrected, at any clock",
        arguments: ["refs/heads/git-annex", "refs/heads/synced/git-annex"])
    func ownLocations(ref: String) throws {
        try withScene { scene in
            let ghost = "SHA256-s4--0000000000000000000000000000000000000000000000000000000000000000"
            let silent = try scene.p2p.store(Array("nobody says so".utf8))
            try scene.tree.git("fetch", "-q", "origin")
            let uuid = scene.p2p.uuid
            for clock in ["2000000000", "9999999999999"] {
                let known = try scene.bare.committedLog(scene.key) ?? ""
                let evil = try scene.forger.commit(
                    on: scene.base,
                    [
                        (scene.log, known + "\(clock)s 0 \(uuid)\n"),
                        (try scene.logPath(ghost), "\(clock)s 1 \(uuid)\n1s 1 \(Self.other)\n"),
                        (try scene.logPath(silent), "\(clock).5s X \(uuid)\n"),
                    ])
                let push = try scene.push(evil, to: ref)
                #expect(push.status == 0, "\(push.transcript)")
                // As everybody reads it, the stock program included.
                for (key, isHere) in [(scene.key, true), (ghost, false), (silent, true)] {
                    let places = try scene.bare.attempt("git", "annex", "whereis", "--key", key).text
                    #expect(places.contains(uuid) == isHere, "\(key) \(clock): \(places)")
                }
                let log = try scene.bare.committedLog(ghost) ?? ""
                #expect(log.contains(" 0 \(uuid)") && log.contains("1 \(Self.other)"), "\(log)")
            }
            // What happens from now on is still newer.
            #expect(try scene.p2p.remove(silent) == true)
            #expect(try eventually { try scene.bare.committedLog(silent)?.contains(" 0 \(uuid)") == true })
            #expect(try scene.p2p.store(Array("nobody says so".utf8)) == silent)
            #expect(try eventually { try scene.bare.annex("whereis", "--key", silent).text.contains(uuid) })
        }
    }

    @Test("docs/hostile-pushes.md: a server that is killed between a hostile push and its correction makes up for it")
    func killedBeforeCorrection() throws {
        try withScene { scene in
            let ghost = "SHA256-s4--0000000000000000000000000000000000000000000000000000000000000000"
            let host = scene.repository.host
            let before = try scene.base
            host.kill9()
            // What the server leaves when it ends right after git has moved the ref.
            let evil = try scene.forger.commit(
                on: before, [(try scene.logPath(ghost), "2000000000s 1 \(scene.p2p.uuid)\n")])
            try scene.bare.git("fetch", "-q", scene.tree.path, "+refs/forged:refs/forged")
            try scene.bare.git("update-ref", "refs/heads/git-annex", evil)
            try scene.bare.git("update-ref", "-d", "refs/forged")
            try write("\(scene.repository.directory)/annexd/unverified", "\(before)\n")
            try host.restart()
            _ = try scene.p2p.checkPresent(scene.key)
            #expect(try eventually { try scene.bare.committedLog(ghost)?.contains(" 0 \(scene.p2p.uuid)") == true })
            #expect(eventually { !exists("\(scene.repository.directory)/annexd/unverified") })
        }
    }
}
