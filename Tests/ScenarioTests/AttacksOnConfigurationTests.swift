// A prepared repository: somebody hands an operator a folder to import. Its git configuration names commands wherever
// git knows a use for one, its hooks are programs, and objects are missing so that git has a reason to fetch them.
// Serving it to everybody must run none of them.

import TestKit
import Testing

@Suite struct AttacksOnConfigurationTests {
    /// Settings that make git, or git-annex, run something.
    private static func settings(_ command: String) -> [(String, String)] {
        [
            ("core.repositoryFormatVersion", "1"), ("extensions.partialClone", "evil"),
            ("remote.evil.promisor", "true"),
            ("remote.evil.url", "ext::sh -c \(command.replacing(" ", with: "% "))"), ("protocol.ext.allow", "always"),
            ("protocol.allow", "always"), ("remote.evil.uploadpack", command), ("remote.evil.receivepack", command),
            ("core.fsmonitor", command), ("core.sshCommand", command), ("core.gitProxy", command),
            ("core.alternateRefsCommand", command), ("core.editor", command), ("core.pager", command),
            ("core.askPass", command), ("credential.helper", "!\(command)"), ("gpg.program", command),
            ("receive.certNonceSeed", "x"), ("uploadpack.packObjectsHook", command), ("diff.external", command),
            ("filter.evil.smudge", command), ("filter.evil.clean", command), ("filter.evil.process", command),
            ("merge.evil.driver", command), ("alias.receive-pack", "!\(command)"), ("alias.cat-file", "!\(command)"),
            ("trailer.evil.command", command), ("annex.freezecontent-command", command),
            ("annex.thawcontent-command", command), ("annex.secure-erase-command", command),
            ("annex.youtube-dl-command", command), ("remote.evil.annex-start-command", command),
            ("annex.post-update-command", command), ("annex.pre-commit-command", command),
            ("annex.http-headers-command", command),
        ]
    }

    @Test(
        "no command of an imported repository's configuration, and no hook of it, is ever run",
        arguments: [true, false])
    func nothingRuns(isBare: Bool) throws {
        try withHost { host, alice in
            let folder = host.scratch.child("gift")
            let marker = host.scratch.child("ran")
            let hostile = try alice.newRepository("gift")
            try hostile.annex("init", "gift")
            try hostile.write("a", "one\n")
            try hostile.git("add", "a")
            try hostile.write(".gitattributes", "* filter=evil merge=evil diff=evil\n")
            try hostile.git("add", ".gitattributes")
            try hostile.git("commit", "-qm", "gift")
            if isBare {
                try Command(["git", "clone", "-q", "--bare", folder, "\(folder).git"]).check()
                try Command([
                    "git", "-C", "\(folder).git", "config", "annex.uuid", try hostile.config("annex.uuid") ?? "",
                ]).check()
                try Command(["git", "-C", "\(folder).git", "config", "annex.version", "10"]).check()
            }
            let gitDirectory = isBare ? "\(folder).git" : "\(folder)/.git"
            let hooks = [
                "pre-receive", "update", "post-receive", "post-update", "reference-transaction", "proc-receive",
                "push-to-checkout", "post-checkout", "pre-auto-gc", "fsmonitor-watchman", "post-index-change",
            ]
            try Command(["mkdir", "-p", "\(gitDirectory)/hooks", "\(gitDirectory)/info"]).check()
            for hook in hooks {
                try write("\(gitDirectory)/hooks/\(hook)", "#!/bin/sh\ntouch \(marker)\n")
                try Command(["chmod", "755", "\(gitDirectory)/hooks/\(hook)"]).check()
            }
            try write("\(gitDirectory)/info/attributes", "* filter=evil merge=evil diff=evil\n")
            for (key, value) in Self.settings("touch \(marker)") {
                try Command(["git", "config", "-f", "\(gitDirectory)/config", key, value]).check()
            }
            let imported = try host.repo("import", isBare ? "\(folder).git" : folder, "gift")
            #expect(imported.status == 0, "\(imported.transcript)")

            // Everything that people do: clone, fetch, push to all kinds of branches, put, get, lock, drop.
            let tree = try alice.annexClone("\(host.baseURL)/gift", as: "tree")
            try tree.write("a", "two\n")
            try tree.git("commit", "-qam", "two")
            _ = try tree.attempt("git", "push", "origin", "HEAD", "git-annex:synced/git-annex")
            try tree.write("b", seededBytes(1000, seed: 5))
            try tree.add("b")
            _ = try tree.attempt("git", "annex", "copy", "--to", "origin", "b")
            _ = try tree.attempt("git", "annex", "sync")
            _ = try tree.attempt("git", "annex", "drop", "--from", "origin", "b")
            // And what makes git look for objects that are not there.
            let missing = String(repeating: "12", count: 20)
            let served = isBare ? "\(host.root)/gift.git" : "\(host.root)/gift/.git"
            try write("\(served)/refs/heads/broken", "\(missing)\n")
            _ = try alice.command(["git", "clone", "-q", "\(host.baseURL)/gift", "again"], in: host.scratch.path).run()
            _ = try tree.attempt("git", "fetch", "origin", missing)
            _ = try tree.attempt("git", "push", "origin", "HEAD:refs/heads/other", "git-annex:synced/git-annex")
            #expect(!exists(marker), "\(host.log.suffix(3000))")
            #expect(host.isRunning)
        }
    }
}
