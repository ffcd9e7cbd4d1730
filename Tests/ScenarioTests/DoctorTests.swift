// An operator whose repositories were damaged in every way that a crash, a bad disk or a careless hand can do it: each
// is told, repaired where that is safe, and the stock program agrees afterwards.

import Foundation
import TestKit
import Testing

@Suite struct DoctorTests {
    /// What `annexd doctor --json` says.
    private struct Report {
        var status: Int32
        /// `kind subject outcome`, sorted.
        var findings: [String]
        var summary: [String: Int]
        var text: String

        init(_ result: CommandResult) throws {
            status = result.status
            text = result.transcript
            guard let object = try? JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any],
                let list = object["findings"] as? [[String: Any]], let numbers = object["summary"] as? [String: Int]
            else { throw TestKitError(.server, "no report: \(result.transcript)") }
            findings = list.map { "\($0["kind"] ?? "") \($0["subject"] ?? "") \($0["outcome"] ?? "")" }.sorted()
            summary = numbers
        }

        func outcome(_ kind: String) -> [String] {
            findings.filter { $0.hasPrefix(kind + " ") }.map { String($0.split(separator: " ").last ?? "") }
        }
    }

    private func doctor(_ host: AnnexdHost, _ arguments: String...) throws -> Report {
        try Report(
            Command(
                [try Tools.annexd(), "doctor", "--root", host.root, "--json"] + arguments, directory: host.scratch.path
            ).run())
    }

    /// Makes a file look as if nobody had touched it for days.
    private func age(_ path: String) throws { try Command(["touch", "-h", "-d", "3 days ago", path]).check() }

    private func shell(_ script: String, in directory: String) throws {
        try Command(["sh", "-ec", script], directory: directory).check()
    }

    /// The stock program finds nothing to correct in the location log. Keys without any copy fail its check all the
    /// same.
    private func expectStockAgrees(_ bare: WorkTree, sourceLocation: SourceLocation = #_sourceLocation) throws {
        func places() throws -> Set<String> {
            Set(try bare.attempt("git", "annex", "whereis", "--all").lines.filter { !$0.hasPrefix("(") })
        }
        let before = try places()
        let fsck = try bare.attempt("git", "annex", "fsck", "--all", "--fast")
        #expect(!fsck.allText.contains("fixing location log"), "\(fsck.transcript)", sourceLocation: sourceLocation)
        let after = try places()
        #expect(after == before, sourceLocation: sourceLocation)
    }

    /// `git gc --prune=now` beside a writer takes away the commit that the branch moves to a moment later. All
    /// locations are lost with it, and a doctor that takes this for a repository without a branch would call it
    /// healthy.
    @Test("a git-annex branch at a commit that git does not have is told")
    func branchWithoutCommit() throws {
        try withRepository { repository, p2p, alice in
            let key = try p2p.store(Array("content".utf8))
            let bare = repository.tree(alice)
            #expect(try eventually { try bare.committedLog(key) != nil })
            let tip = try bare.git("rev-parse", "git-annex").trimmed
            try shell(
                "chmod -R u+w objects; rm -r objects/\(tip.prefix(2))/\(tip.dropFirst(2))", in: repository.directory)
            let report = try doctor(repository.host)
            #expect(report.findings.contains("branch-broken refs/heads/git-annex manual"), "\(report.text)")
            #expect(report.status != 0)
        }
    }

    @Test("docs/reliability.md, Doctor: healthy repositories have no findings, and looking changes nothing")
    func healthy() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            for number in 0..<20 { try tree.write("f\(number)", seededBytes(1000 + number, seed: UInt64(number))) }
            try tree.add(".")
            try tree.annex("push")
            _ = try p2p.store(Array("one more".utf8))
            _ = try repository.host.create("lab/empty")
            let bare = repository.tree(alice)
            #expect(try eventually { try Command(["ls", "annex/journal"], directory: bare.path).run().lines.isEmpty })
            let list = ["find", repository.directory, "-printf", "%p %s %T@\n"]
            let before = try Command(list).check().text
            for arguments in [[], ["--verify-objects"]] {
                let all = try Command(
                    [try Tools.annexd(), "doctor", "--root", repository.host.root, "--json"] + arguments
                ).run()
                let report = try Report(all)
                #expect(report.status == 0 && report.findings.isEmpty, "\(report.text)")
                #expect(report.summary["repositories"] == 2)
                #expect(report.summary["verifiedObjects"] == (arguments.isEmpty ? 0 : 21))
            }
            #expect(try Command(list).check().text == before)
            let text = try repository.host.annexd("doctor", "--root", repository.host.root, "team/data")
            #expect(text.status == 0 && text.text == "1 repositories, 0 problems\n", "\(text.transcript)")
        }
    }

    @Test("docs/reliability.md, Doctor: objects whose keys have no digest do not count as verified")
    func unverifiable() throws {
        try withRepository { repository, p2p, _ in
            _ = try p2p.store(Array("sound".utf8))
            for key in ["WORM-s3-m1--x", "URL--http://example.org/x", "XFOO-s3--y"] {
                #expect(try p2p.put(key, Array("foo".utf8)).bool("stored") == true)
            }
            let report = try doctor(repository.host, "--verify-objects")
            #expect(report.summary["verifiedObjects"] == 1 && report.summary["verifiedBytes"] == 5, "\(report.text)")
            #expect(report.summary["unverifiableObjects"] == 3)
            let text = try repository.host.annexd("doctor", "--verify-objects", "--root", repository.host.root).text
            #expect(text.contains("1 objects with") && text.contains("3 objects read whose keys have no digest"))
        }
    }

    @Test("docs/reliability.md, Doctor: what cannot be checked gives status 2, and wrong options are told")
    func unchecked() throws {
        try withRepository { repository, _, _ in
            let host = repository.host
            let missing = try doctor(host, "team/data", "team/none")
            #expect(missing.status == 2 && missing.findings == ["unchecked team/none manual"], "\(missing.text)")
            #expect(try host.annexd("doctor", "--root", "\(host.root)/nowhere").status == 2)
            #expect(try host.annexd("doctor", "--root", host.root, "--limit-rate", "fast").status == 64)
            try shell("printf '[annex\\n' > config", in: repository.directory)
            #expect(try doctor(host).findings == ["unreadable-config config manual"])
        }
    }

    @Test("docs/reliability.md, Doctor: identities that are missing, double or strange")
    func identity() throws {
        try withRepository { repository, p2p, _ in
            let host = repository.host
            try shell(
                "mkdir lab && cp -a team/data.git lab/copy.git && git init -q --bare lab/plain.git", in: host.root)
            let report = try doctor(host)
            #expect(report.status == 1)
            #expect(
                report.findings == [
                    "no-uuid config manual", "shared-uuid config manual", "shared-uuid config manual",
                ], "\(report.text)")
            try host.hosted("lab/copy").setConfig("annex.uuid", "11111111-1111-4111-8111-111111111111")
            try host.hosted("lab/copy").setConfig("annex.version", "99")
            #expect(try doctor(host, "lab/copy").findings == ["bad-version config manual"])
            #expect(try p2p.checkPresent("SHA256-s1--x") == false)
        }
    }

    @Test("docs/reliability.md, Doctor: objects and log that disagree, and bad content; fsck finds nothing afterwards")
    func content() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            for (index, name) in ["good", "gone", "unlogged", "short", "rotten"].enumerated() {
                try tree.write(name, seededBytes(5000, seed: UInt64(index)))
            }
            try tree.add(".")
            try tree.annex("push")
            let bare = repository.tree(alice)
            let keys = try ["good", "gone", "unlogged", "short", "rotten"].reduce(into: [:]) {
                $0[$1] = try tree.key($1)
            }
            func object(_ name: String) throws -> String { try #require(try repository.object(keys[name] ?? "")) }
            #expect(try eventually { try bare.committedLog(keys["rotten"] ?? "")?.contains(p2p.uuid) == true })

            try shell("chmod -R u+w annex/objects", in: bare.path)
            try shell("rm '\(object("gone"))'", in: bare.path)
            try shell("truncate -s 100 '\(object("short"))'", in: bare.path)
            try shell("printf x | dd of='\(object("rotten"))' conv=notrunc status=none", in: bare.path)
            try bare.annex("setpresentkey", keys["unlogged"] ?? "", p2p.uuid, "0")
            // An object that came a moment ago may be about to be logged. Here the clock that matters cannot be set
            // back.
            let host = repository.host
            #expect(
                try eventually(within: 60) {
                    try doctor(host).findings.contains("object-not-logged \(keys["unlogged"] ?? "") repairable")
                })

            let found = try doctor(host, "--verify-objects", "--limit-rate", "10MB")
            let expected = [
                "object-bad \(keys["rotten"] ?? "")", "object-missing \(keys["gone"] ?? "")",
                "object-missing \(keys["short"] ?? "")", "object-not-logged \(keys["unlogged"] ?? "")",
                "object-wrong-size \(keys["short"] ?? "")",
            ]
            #expect(found.findings == expected.map { $0 + " repairable" }, "\(found.text)")
            #expect(found.status == 1)

            let repaired = try doctor(host, "--verify-objects", "--repair")
            // With the short one out of the way, the log was corrected in one go.
            let rest = expected.filter { $0 != "object-missing \(keys["short"] ?? "")" }
            #expect(repaired.findings == rest.map { $0 + " repaired" }, "\(repaired.text)")
            #expect(repaired.status == 1 && repaired.summary["repaired"] == 4)
            #expect(try doctor(host, "--verify-objects").findings.isEmpty)

            // Nothing was thrown away, the stock program agrees, and clients can bring back what was lost.
            for name in ["short", "rotten"] { #expect(exists("\(bare.path)/annex/bad/\(keys[name] ?? "")")) }
            for (name, isHere) in [
                ("good", true), ("gone", false), ("unlogged", true), ("short", false), ("rotten", false),
            ] {
                let key = keys[name] ?? ""
                #expect(try p2p.checkPresent(key) == isHere, "\(name)")
                #expect(try bare.committedLog(key)?.contains("1 \(p2p.uuid)") == isHere, "\(name)")
            }
            try expectStockAgrees(bare)
            let fsck = try bare.attempt("git", "annex", "fsck", "--all", "--json")
            let lost = Set([keys["gone"], keys["short"], keys["rotten"]].compactMap { $0 })
            for line in fsck.lines {
                guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
                    let key = object["key"] as? String, let isFine = object["success"] as? Bool
                else { continue }
                // The clone still has them, but this repository does not know whether that is so.
                #expect(isFine || lost.contains(key), "\(line)")
            }
            try tree.annex("sync")
            try tree.annex("copy", "--to", "origin")
            for key in keys.values { #expect(try p2p.checkPresent(key) == true) }
            #expect(try eventually { try doctor(host, "--verify-objects").findings.isEmpty })
        }
    }

    @Test("docs/reliability.md, Doctor: verification goes on where the last run ended, in whatever way")
    func verificationGoesOn() throws {
        try withRepository { repository, p2p, _ in
            for number in 0..<6 { _ = try p2p.store(seededBytes(400_000, seed: UInt64(number))) }
            let host = repository.host
            let state = "\(host.root)/.annexd/doctor/\(p2p.uuid)"
            // As a run that was killed leaves it after its first checkpoint: the third folder was the last one.
            let folders = try Command(
                ["sh", "-c", "find . -mindepth 3 -maxdepth 3 -type d | sed 's,^./,,' | LC_ALL=C sort"],
                directory: "\(repository.directory)/annex/objects"
            ).check().lines
            try shell("mkdir -p '\(host.root)/.annexd/doctor'", in: host.root)
            try write(state, "began 5\nobjects 3\ncursor \(folders[2])\n")
            #expect(try doctor(host, "--verify-objects").summary["verifiedObjects"] == 3)
            #expect(text(state)?.hasPrefix("completed ") == true && text(state)?.contains("cursor") == false)
            // The next run begins another pass. Slowly, and killed: it must not lose the pass.
            #expect(try doctor(host, "--verify-objects").summary["verifiedObjects"] == 6)
            let slow = try Command([
                try Tools.annexd(), "doctor", "--root", host.root, "--verify-objects", "--limit-rate", "1kB",
            ]).start()
            let inode = try Command(["stat", "-c", "%i", state + ".lck"]).check().trimmed
            #expect(eventually { text("/proc/locks")?.contains(":\(inode) ") == true })
            #expect(try doctor(host, "--verify-objects").status == 2, "two runs exclude each other")
            slow.signal(SIGKILL)
            _ = slow.finish()
            #expect(try doctor(host, "--verify-objects").summary["verifiedObjects"] == 6)
        }
    }

    @Test("docs/reliability.md, Doctor: locks, transfers and temporary files that a crash left")
    func debris() throws {
        try withRepository { repository, p2p, alice in
            let (host, folder) = (repository.host, repository.directory)
            let key = try p2p.store(Array("content".utf8))
            let locked = try p2p.store(Array("locked".utf8))
            let object = try #require(try repository.object(key))
            let keyFolder = String(object.prefix(object.count - key.count - 1))
            let partial = try Tools.sha256Key(Array("partial content".utf8))
            #expect(eventually { text("\(folder)/annexd/tmp/nothing") == nil })
            let files = [
                "annex/transfer/download/\(p2p.client)/\(partial)",
                "annex/transfer/download/\(p2p.client)/lck.\(partial)",
                "annex/transfer/download/lck/lck.\(partial)", "annex/tmp/\(partial)", "annex/tmp/strange",
                "annex/othertmp/left", "annexd/tmp/journal-7", "HEAD.lock", "refs/heads/main.lock",
                "objects/pack/tmp_pack_x", "objects/incoming-x/y", "\(object).lck", "\(object).rtm",
            ]
            try shell("chmod u+w '\(keyFolder)'", in: folder)
            for file in files {
                try shell("mkdir -p \"$(dirname '\(file)')\" && printf '1795000000s' > '\(file)'", in: folder)
                try age("\(folder)/\(file)")
            }
            try age("\(folder)/objects/incoming-x")
            let trash = "\(host.root)/.annexd/trash/1-1"
            try shell(
                """
                mkdir -p .annexd/tmp/draft .annexd/trash/1-1
                echo gone/away > .annexd/aliases/old%name
                rm .annexd/hooks/each/update
                find .annexd/tmp/draft .annexd/trash/1-1 -exec touch -d '3 days ago' {} +
                """, in: host.root)
            // The time of the last change of a draft is what counts, and that is now: nothing may be taken away yet.
            // What is used is not stale, however old it looks.
            let lock = try #require(try p2p.lock(locked))
            let lockedObject = try #require(try repository.object(locked))
            try age("\(folder)/\(lockedObject).lck")

            let kinds = try doctor(host)
            let expected = [
                "alias-broken .annexd/aliases/old%name", "debris annex/othertmp/left", "debris annex/tmp/strange",
                "debris annexd/tmp/journal-7", "debris objects/incoming-x", "debris objects/pack/tmp_pack_x",
                "hook-broken .annexd/hooks", "stale-git-lock HEAD.lock", "stale-git-lock refs/heads/main.lock",
                "stale-lock \(keyFolder)", "stale-transfer annex/transfer/download/\(p2p.client)/\(partial)",
                "stale-transfer annex/transfer/download/\(p2p.client)/lck.\(partial)",
                "stale-transfer annex/transfer/download/lck/lck.\(partial)",
            ]
            let note = "partial-upload annex/tmp/\(partial) manual"
            #expect(kinds.findings == (expected.map { $0 + " repairable" } + [note]).sorted(), "\(kinds.text)")

            let repaired = try doctor(host, "--repair")
            #expect(repaired.outcome("debris") == Array(repeating: "repaired", count: 5), "\(repaired.text)")
            #expect(repaired.findings.allSatisfy { $0.hasSuffix("repaired") || $0 == note }, "\(repaired.text)")
            #expect(try doctor(host).findings == [note])
            #expect(exists(trash))
            for file in files where !file.hasPrefix("annex/tmp/\(partial)") {
                #expect(!exists("\(folder)/\(file)"), "\(file)")
            }
            #expect(exists("\(folder)/annex/tmp/\(partial)") && exists("\(folder)/\(lockedObject).lck"))
            #expect(try p2p.unlock(lock).status == 200)
            #expect(try p2p.get(key).body == Array("content".utf8))
            #expect(try p2p.remove(key) == true)
            try expectStockAgrees(repository.tree(alice))
        }
    }

    @Test("docs/reliability.md, Doctor: the journal")
    func journal() throws {
        try withRepository { repository, p2p, alice in
            let (host, folder) = (repository.host, repository.directory)
            let key = try p2p.store(Array("content".utf8))
            let bare = repository.tree(alice)
            #expect(try eventually { try bare.committedLog(key) != nil })
            host.kill9()
            let other = "22222222-2222-4222-8222-222222222222"
            try shell(
                """
                cd annex/journal
                printf '1795000000s 1 \(other)\\n' > 'aaa_bbb_FOO--x.log'
                printf '1795000000s 1 \(other)' > 'aaa_bbb_FOO--torn.log'
                printf x > '.._evil'
                mkdir folder
                touch -d '3 days ago' * .._evil
                """, in: folder)
            let found = try doctor(host)
            #expect(
                found.findings == [
                    "journal-strange-file annex/journal/.._evil manual",
                    "journal-strange-file annex/journal/folder manual",
                    "journal-torn-file annex/journal/aaa_bbb_FOO--torn.log manual",
                    "journal-uncommitted annex/journal repairable",
                ], "\(found.text)")
            let repaired = try doctor(host, "--repair")
            #expect(repaired.outcome("journal-uncommitted") == ["repaired"], "\(repaired.text)")
            #expect(try bare.git("show", "git-annex:aaa/bbb/FOO--x.log").text.contains(other))
            try host.restart()
        }
    }

    @Test("docs/reliability.md, Doctor: folders that cannot be written")
    func permissions() throws {
        try withRepository { repository, _, _ in
            let host = repository.host
            try shell("chmod 500 annex/objects refs/heads", in: repository.directory)
            let found = try doctor(host)
            #expect(
                found.findings == ["not-writable annex/objects repairable", "not-writable refs/heads repairable"],
                "\(found.text)")
            #expect(try doctor(host, "--repair").outcome("not-writable") == ["repaired", "repaired"])
            #expect(try doctor(host).findings.isEmpty)
        }
    }

    @Test("docs/reliability.md, Doctor: beside a busy server and a stock client nothing is found, and nothing is lost")
    func besideServer() throws {
        try withRepository { repository, p2p, alice in
            let tree = try alice.annexClone(repository.url, as: "tree")
            for number in 0..<8 { try tree.write("f\(number)", seededBytes(20_000 + number, seed: UInt64(number))) }
            try tree.add(".")
            let client = try tree.begin(
                "sh", "-c",
                "for i in 1 2 3; do git annex copy --quiet --to origin && git annex drop --quiet --from origin --force; done; git annex push --quiet"
            )
            var runs = 0
            var number = 0
            while client.status == nil {
                let key = try p2p.store(Array("content \(number)".utf8))
                if number % 2 == 0 { #expect(try p2p.remove(key) == true) }
                number += 1
                guard number % 10 == 0 else { continue }
                let report = try doctor(repository.host, "--repair", "--verify-objects")
                #expect(report.summary["problems"] == 0 && report.summary["unchecked"] == 0, "\(report.text)")
                runs += 1
            }
            #expect(client.finish().status == 0 && runs > 0)
            #expect(try doctor(repository.host).findings.isEmpty)
            try expectStockAgrees(repository.tree(alice))
        }
    }
}
