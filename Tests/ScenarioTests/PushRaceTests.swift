// Pushes that meet: of several clients, of a client and the host's own commits. Each ends well, or with words that tell
// what to do; nothing that was acknowledged is lost.
//
// ANNEXD_TEST_JOBS makes it more jobs at one dataset; without, it is a few.

import Foundation
import TestKit
import Testing

@Suite struct PushRaceTests {
    private static let jobs = ProcessInfo.processInfo.environment["ANNEXD_TEST_JOBS"].flatMap { Int($0) } ?? 6
    private static let other = "11111111-1111-4111-8111-111111111111"

    /// Has every push of a clone wait when it knows the refs and has sent nothing, until it is let go.
    private struct Gate {
        let tree: WorkTree
        private var folder: String { "\(tree.path)/.git" }

        init(_ tree: WorkTree) throws {
            self.tree = tree
            let hook = "\(tree.path)/.git/hooks/pre-push"
            try write(
                hook, "#!/bin/sh\ntouch \(tree.path)/.git/at-gate\nuntil [ -e \(tree.path)/.git/go ]; do :; done\n")
            try Command(["chmod", "+x", hook]).check()
        }

        /// Pushes, and runs `body` when the push has seen the refs.
        func push(_ arguments: String..., meanwhile body: () throws -> Void) throws -> CommandResult {
            let child = try tree.client.command(["git", "push", "origin"] + arguments, in: tree.path).start()
            let isThere = eventually(within: 60) { exists("\(folder)/at-gate") }
            #expect(isThere)
            if isThere { try body() }
            try write("\(folder)/go", "")
            defer { _ = try? Command(["rm", "-f", "\(folder)/go", "\(folder)/at-gate"]).check() }
            return child.finish(within: 120)
        }
    }

    private func note(_ key: String, in tree: WorkTree) throws {
        try tree.annex("setpresentkey", key, Self.other, "1")
        try tree.annex("merge")
    }

    /// Two clones of a repository that has a git-annex branch.
    private func withTwo(_ body: (HostedRepository, P2PCalls, WorkTree, WorkTree) throws -> Void) throws {
        try withRepository { repository, p2p, alice in
            let one = try alice.annexClone(repository.url, as: "one")
            try one.git("commit", "-q", "--allow-empty", "-m", "x")
            try one.annex("sync")
            let two = try alice.annexClone(repository.url, as: "two")
            try two.annex("sync")
            try one.annex("sync")
            try body(repository, p2p, one, two)
        }
    }

    @Test("a push that is overtaken by the host's own commit is told what to do, and no word of locks")
    func overtakenByHost() throws {
        try withTwo { repository, p2p, one, _ in
            let bare = repository.tree(one.client)
            try one.git("fetch", "-q")
            try note("FOO--one", in: one)
            let push = try Gate(one).push("git-annex") {
                let before = try bare.git("rev-parse", "git-annex").trimmed
                _ = try p2p.store(Array("moves the branch".utf8))
                #expect(try eventually { try bare.git("rev-parse", "git-annex").trimmed != before })
            }
            #expect(push.status != 0)
            #expect(push.errorText.contains("the git-annex branch has other changes"), "\(push.transcript)")
            #expect(!push.errorText.contains("cannot lock ref"), "\(push.transcript)")
            #expect(push.errorText.contains("non-fast-forward"), "\(push.transcript)")
        }
    }

    @Test("what a client is shown holds what the host knows: a copy is followed by a push that is judged by it")
    func shownWhatIsJudged() throws {
        try withTwo { repository, p2p, one, _ in
            _ = try p2p.store(Array("in the journal".utf8))
            let bare = repository.tree(one.client)
            let shown = try repository.host.http.get("/team/data.git/info/refs?service=git-receive-pack").text
            #expect(try shown.contains(bare.git("rev-parse", "git-annex").trimmed))
            #expect(try Command(["ls", "annex/journal"], directory: bare.path).run().lines.isEmpty)
        }
    }

    @Test("synced/git-annex that somebody else has overwritten meanwhile is merged all the same") func overtakenSync()
        throws
    {
        try withTwo { repository, _, one, two in
            try note("FOO--one", in: one)
            try note("FOO--two", in: two)
            let push = try Gate(one).push("+git-annex:synced/git-annex") {
                try two.git("push", "-q", "origin", "+git-annex:synced/git-annex")
            }
            #expect(push.status == 0, "\(push.transcript)")
            let bare = repository.tree(one.client)
            for key in ["FOO--one", "FOO--two"] { #expect(try bare.committedLog(key) != nil, "\(key)") }
        }
    }

    @Test("a ref that somebody else has just moved to where a push wants it is as it should be; elsewhere it is told")
    func sameAndOther() throws {
        try withTwo { repository, _, one, two in
            let gate = try Gate(one)
            let same = try gate.push("main:synced/new") { try two.git("push", "-q", "origin", "main:synced/new") }
            #expect(same.status == 0, "\(same.transcript)")
            try one.git("commit", "-q", "--allow-empty", "-m", "one")
            let other = try gate.push("main:topic") { try two.git("push", "-q", "origin", "main:topic") }
            #expect(other.status != 0)
            #expect(other.errorText.contains("somebody else has moved it meanwhile"), "\(other.transcript)")
            #expect(!other.errorText.contains("cannot lock ref"), "\(other.transcript)")
        }
    }

    @Test("clients that push at the same time do not share the files of the host") func sharedFiles() throws {
        try withRepository { repository, _, alice in
            let trees = try (0..<6).map { try alice.annexClone(repository.url, as: "c\($0)") }
            for round in 0..<3 {
                let pushes = try trees.enumerated().map { number, tree in
                    try tree.annex("describe", "here", "d\(number)-\(round)")
                    return try tree.begin("git", "push", "-q", "origin", "+git-annex:refs/synced/c\(number)/git-annex")
                }
                for push in pushes {
                    let result = push.finish(within: 120)
                    #expect(result.status == 0, "\(result.transcript)")
                }
                let log = try repository.tree(alice).git("show", "git-annex:uuid.log").text
                for number in trees.indices { #expect(log.contains("d\(number)-\(round)"), "\(number) in \(round)") }
            }
            #expect(!repository.host.log.contains("level=error"), "\(repository.host.log.suffix(2000))")
        }
    }

    @Test("git annex sync of two clients at once ends well for both") func twoSyncs() throws {
        try withTwo { repository, _, one, two in
            for round in 0..<4 {
                let syncs = try [one, two].enumerated().map { number, tree in
                    try tree.annex("setpresentkey", "FOO--\(number)-\(round)", Self.other, "1")
                    return try tree.begin("git", "annex", "sync")
                }
                for sync in syncs {
                    let result = sync.finish(within: 120)
                    #expect(result.status == 0, "\(result.transcript)")
                }
                for number in 0..<2 {
                    #expect(try repository.tree(one.client).committedLog("FOO--\(number)-\(round)") != nil)
                }
            }
        }
    }

    /// What a job of a cluster does; the last line tells how the push of git-annex ended.
    private static let job = """
        set -e
        git clone -q "$0" "job-$1" && cd "job-$1"
        git annex init -q "job $1"
        git checkout -q -b "job-$1"
        for n in 1 2 3; do echo "content $1 $n" >"file-$1-$n"; done
        git annex add --quiet . && git commit -qm "job $1"
        git annex copy --quiet --to origin .
        git push -q origin "job-$1"
        if git push -q origin git-annex 2>refused; then echo taken; else cat refused; fi
        git push -q origin "+git-annex:refs/synced/job-$1/git-annex"
        """

    @Test("many jobs at one dataset: every file is found, and each refused push tells why", .timeLimit(.minutes(60)))
    func jobs() throws {
        try withHost { host, alice in
            let repository = try host.create("team/data")
            let first = try alice.annexClone(repository.url, as: "first")
            try first.write("start", "start\n")
            try first.add("start")
            try first.annex("push")
            let jobs = try (1...Self.jobs).map { number in
                try alice.command(
                    ["sh", "-c", Self.job, repository.url, "\(number)"], in: host.scratch.path, timeout: 1800
                ).start()
            }
            for job in jobs {
                let result = job.finish(within: 1800)
                #expect(result.status == 0, "\(result.transcript)")
                if result.trimmed == "taken" { continue }
                let isReadable =
                    result.text.contains("the git-annex branch has other changes")
                    || result.text.contains("fetch first")
                #expect(isReadable && !result.text.contains("cannot lock ref"), "\(result.transcript)")
            }
            #expect(!host.log.contains("level=error") && !host.log.contains("status=5"), "\(host.log.suffix(3000))")
            let last = try alice.annexClone(repository.url, as: "last")
            for number in 1...Self.jobs {
                try last.git("checkout", "-q", "job-\(number)")
                try last.annex("get", ".", timeout: 600)
                for file in 1...3 {
                    #expect(last.read("file-\(number)-\(file)") == Array("content \(number) \(file)\n".utf8))
                }
            }
        }
    }
}
