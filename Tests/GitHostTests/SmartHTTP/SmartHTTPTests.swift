import FileIO
import Foundation
import Glibc
import Synchronization
import SystemPackage
import TestKit
import Testing

@testable import GitHost

/// Runs a real client.
@discardableResult
func client(_ arguments: [String], in repository: FilePath, input: [UInt8] = []) async throws -> GitOutput {
    try await GitCommand(arguments, in: repository).environment("GIT_ALLOW_PROTOCOL", "http").run(input: input)
}

@Suite(.serialized, .timeLimit(.minutes(10))) struct SmartHTTPTests {
    @Test(arguments: GitService.allCases, ["", "version=1", "version=2"])
    func advertisesWhatGitHTTPBackendDoes(service: GitService, version: String) async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            try await fixture.setRef("refs/heads/main", try await fixture.commit("1"))
            let received = Received()
            try await SmartHTTP(fixture.git).advertise(service, GitProtocol(header: version)) {
                await received.append($0)
            }
            var backend = GitCommand(["http-backend"], in: fixture.git)
            for (name, value) in [
                ("GIT_PROJECT_ROOT", directory.string), ("PATH_INFO", "/a.git/info/refs"), ("REQUEST_METHOD", "GET"),
                ("QUERY_STRING", "service=\(service.rawValue)"), ("GIT_HTTP_EXPORT_ALL", "1"), ("REMOTE_USER", "x"),
                // It leaves out the preamble for pushes in version 2, which no client asks for.
                ("HTTP_GIT_PROTOCOL", service == .receivePack && version == "version=2" ? "" : version),
            ] { backend = backend.environment(name, value) }
            for (key, value) in [
                ("uploadpack.allowFilter", "true"), ("uploadpack.allowTipSHA1InWant", "true"),
                ("uploadpack.allowReachableSHA1InWant", "true"), ("receive.advertisePushOptions", "true"),
            ] { backend = backend.setting(key, value) }
            let expected = try await backend.output().text
            let body = try #require(expected.firstRange(of: "\r\n\r\n")).upperBound
            #expect(await received.text == String(expected[body...]))
        }
    }

    @Test func hiddenRefsAreNotAdvertised() async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let commit = try await fixture.commit("1")
            for ref in ["refs/heads/main", "refs/annex/x"] { try await fixture.setRef(ref, commit) }
            var options = SmartHTTP.Options()
            options.hiddenRefs = ["refs/annex"]
            let received = Received()
            try await SmartHTTP(fixture.git, options: options).advertise(.uploadPack, .original) {
                await received.append($0)
            }
            #expect(await received.text.contains("refs/heads/main"))
            #expect(await received.text.contains("refs/annex") == false)
        }
    }

    @Test func aDirectoryThatIsNoRepositoryIsAnErrorBeforeAnyByte() async throws {
        try await withScratch { directory in
            await #expect(throws: GitError.self) {
                try await SmartHTTP(directory).advertise(.uploadPack, .original) { _ in Issue.record("sent something") }
            }
            await #expect(throws: GitError.self) {
                _ = try await SmartHTTP(directory).respond(.uploadPack, .original, feed: { _ in }, to: { _ in })
            }
        }
    }

    @Test(arguments: [0, 1, 2])
    func clonesFetchesAndPushes(version: Int) async throws {
        try await withServer { server, directory, url in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let first = try await fixture.commit("1")
            let second = try await fixture.commit("2", parents: [first])
            try await fixture.setRef("refs/heads/main", second)
            let copy = directory.appending("copy.git")
            let options = ["-c", "protocol.version=\(version)"]
            let cloned = try await client(options + ["clone", "-q", "--bare", url, copy.string], in: copy)
            #expect(cloned.status == 0, "\(cloned.errors)")
            #expect(try await GitObjects(copy).resolve("refs/heads/main") == second)
            let shallow = directory.appending("shallow.git")
            try await client(
                options + ["clone", "-q", "--bare", "--depth=1", "--filter=blob:none", url, shallow.string], in: shallow
            )
            #expect(try await GitObjects(shallow).resolve("main") == second)
            #expect(try Files.exists(shallow.appending("shallow")))
            let third = try await Fixture(git: copy).commit("3", parents: [second])
            let pushed = try await client(
                options + ["push", "-q", "-o", "annex=1", url, "\(third):refs/heads/main"], in: copy)
            #expect(pushed.status == 0, "\(pushed.errors)")
            #expect(try await GitObjects(fixture.git).resolve("main") == third)
        }
    }

    @Test func takesGzippedAndChunkedBodies() async throws {
        try await withServer { server, directory, url in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let tip = try await fixture.commit("1")
            for index in 0..<60 {
                try await fixture.setRef("refs/tags/t\(index)", try await fixture.commit("\(index)"))
            }
            try await fixture.setRef("refs/heads/main", tip)
            let copy = try await Fixture.bare(directory.appending("copy.git"))
            let fetched = try await client(
                ["-c", "protocol.version=0", "fetch", "-q", url, "refs/*:refs/*"], in: copy.git)
            #expect(fetched.status == 0, "\(fetched.errors)")
            #expect(server.heads.withLock { $0.contains { $0.contains("upload-pack HTTP") && $0.contains(" gzip") } })
            var random = SplitMix(state: 9)
            let text = (0..<200_000).map { _ in String(UInt64.random(in: 0 ... .max, using: &random), radix: 36) }
                .joined()
            let large = try await copy.commit(text)
            let pushed = try await client(["push", "-q", url, "\(large):refs/heads/large"], in: copy.git)
            #expect(pushed.status == 0, "\(pushed.errors)")
            #expect(server.heads.withLock { $0.contains { $0.hasSuffix("- chunked") } })
            #expect(
                try await GitObjects(fixture.git).batch(contentsOf: [Array("large:file".utf8)]) == [Array(text.utf8)])
        }
    }

    @Test("spec 02 #42, #43") func theHookRefusesSomeRefsAndLeavesTheOthersAlone() async throws {
        try await withServer { server, directory, url in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let base = try await fixture.commit("1")
            let ours = try await fixture.commit("2", parents: [base])
            try await fixture.setRef("refs/heads/git-annex", ours)
            let copy = try await Fixture.bare(directory.appending("copy.git"))
            try await client(["fetch", "-q", url, "git-annex"], in: copy.git)
            let theirs = try await copy.commit("3", parents: [base])
            let objects = GitObjects(fixture.git)

            let mixed = try await client(
                [
                    "push", url, "+\(theirs):refs/heads/git-annex", "+\(theirs):refs/heads/synced/git-annex",
                    "\(theirs):refs/heads/main", "\(theirs):refs/heads/x/git-annex", "\(theirs):refs/tags/git-annex",
                    "\(theirs):refs/synced/u/x/git-annex",
                ], in: copy.git)
            #expect(mixed.status == 1)
            #expect(mixed.errors.contains("remote: annexd: refs/heads/git-annex is refused: \(RefPolicy.rewind)"))
            #expect(mixed.errors.contains("remote: annexd: refs/tags/git-annex is refused: \(RefPolicy.otherRef)"))
            #expect(
                try await objects.refs().map { "\($0.name.text) \($0.object)" } == [
                    "refs/heads/git-annex \(ours)", "refs/heads/main \(theirs)",
                    "refs/heads/synced/git-annex \(theirs)",
                    "refs/synced/u/x/git-annex \(theirs)",
                ])

            let deleted = try await client(
                ["push", url, ":refs/heads/git-annex", ":refs/heads/synced/git-annex"], in: copy.git)
            #expect(deleted.errors.contains(RefPolicy.deletion))
            #expect(try await objects.resolve("refs/heads/git-annex") == ours)
            #expect(try await objects.resolve("refs/heads/synced/git-annex") == nil)

            let next = try await copy.commit("4", parents: [ours, theirs])
            #expect(try await client(["push", "-q", url, "\(next):refs/heads/git-annex"], in: copy.git).status == 0)
            #expect(try await objects.resolve("refs/heads/git-annex") == next)
        }
    }

    /// Attack: who may only add empties a branch, or takes branches and tags away. Bare repositories have no reflog:
    /// what nothing names any more goes with the next `git gc`.
    @Test("who may only add rewrites, deletes and changes nothing; other refs of the same push are not affected")
    func adding() async throws {
        try await withServer(mayRewrite: false) { server, directory, url in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let base = try await fixture.commit("1")
            for ref in ["heads/main", "heads/topic", "tags/v1", "notes/n", "heads/synced/main"].map({ "refs/\($0)" }) {
                try await fixture.setRef(ref, base)
            }
            let copy = try await Fixture.bare(directory.appending("copy.git"))
            try await client(["fetch", "-q", url, "main"], in: copy.git)
            let next = try await copy.commit("2", parents: [base])
            let other = try await copy.commit("3")
            let objects = GitObjects(fixture.git)

            let added = try await client(
                [
                    "push", url, "\(next):refs/heads/main", "\(next):refs/notes/n", "\(next):refs/heads/synced/main",
                    "\(other):refs/heads/new", "\(next):refs/tags/v2",
                ], in: copy.git)
            #expect(added.status == 0, "\(added.errors)")

            let before = try await objects.refs().map { "\($0.name.text) \($0.object)" }
            let refused = try await client(
                [
                    "push", url, "+\(other):refs/heads/main", ":refs/heads/topic", ":refs/tags/v1",
                    "+\(other):refs/notes/n", "+\(other):refs/heads/synced/main", "+\(other):refs/replace/\(base)",
                    "\(other):refs/heads/more",
                ], in: copy.git)
            #expect(refused.status == 1)
            for (ref, reason) in [
                ("refs/heads/main", RefPolicy.rewriteTakesWrite), ("refs/heads/topic", RefPolicy.deletionTakesWrite),
                ("refs/tags/v1", RefPolicy.deletionTakesWrite), ("refs/notes/n", RefPolicy.rewriteTakesWrite),
                ("refs/heads/synced/main", RefPolicy.rewriteTakesWrite),
                ("refs/replace/\(base)", RefPolicy.unknownRef),
            ] {
                #expect(refused.errors.contains("remote: annexd: \(ref) is refused: \(reason)"), "\(refused.errors)")
            }
            let tag = try await client(["push", url, "+\(next):refs/tags/v1"], in: copy.git)
            #expect(tag.errors.contains(RefPolicy.changeTakesWrite), "\(tag.errors)")
            #expect(
                try await objects.refs().map { "\($0.name.text) \($0.object)" }
                    == (before + ["refs/heads/more \(other)"]).sorted())
        }
    }

    @Test("git and the policy each decide: what only one of them sees is refused")
    func disagreement() async throws {
        try await withServer { server, directory, url in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let tip = try await fixture.commit("1")
            try await fixture.setRef("refs/heads/git-annex", tip)
            let objects = GitObjects(fixture.git)
            let zero = String(repeating: "0", count: 40)
            func command(_ ref: String, _ old: String, _ new: String) -> ReceivePackRequest.Command {
                .init(old: old, new: new, ref: Array(ref.utf8))
            }
            // Whoever decided saw a harmless ref, and git sees another one.
            for ref in ["refs/heads/git-annex", "refs/annexd/x", "refs/replace/\(tip)"] {
                let old = ref == "refs/heads/git-annex" ? tip : zero
                let new = ref == "refs/heads/git-annex" ? zero : tip
                var options = SmartHTTP.Options()
                options.hooks = try PushHooks(
                    directory.appending("hooks"), for: [command("refs/heads/main", zero, tip)],
                    of: RefPolicy(mayRewrite: true), in: fixture.git, program: "/bin/true")
                var body = PacketLine.encode(Array("\(old) \(new) \(ref)\0report-status".utf8)) + PacketLine.flush
                if new != zero {
                    body += try await GitCommand(["pack-objects", "--stdout", "-q"], in: fixture.git).output()
                }
                let (sent, received) = (body, Received())
                _ = try await SmartHTTP(fixture.git, options: options).respond(
                    .receivePack, .original, feed: { try await $0.write(sent) }, to: { await received.append($0) })
                let text = await received.text
                #expect(text.contains("ng \(ref) pre-receive hook declined"), "\(text)")
            }
            #expect(try await objects.refs().map(\.name.text) == ["refs/heads/git-annex"])

            // Nothing is received that nothing guards.
            await #expect(throws: GitError.self) {
                _ = try await SmartHTTP(fixture.git).respond(.receivePack, .original, feed: { _ in }, to: { _ in })
            }
        }
    }

    /// Attack: a prepared repository has a branch that points to one that is guarded.
    @Test("a push to a symbolic ref is judged by what it points to")
    func symbolicRefs() async throws {
        try await withServer { server, directory, url in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let base = try await fixture.commit("1")
            for ref in ["refs/heads/git-annex", "refs/heads/main"] { try await fixture.setRef(ref, base) }
            for (ref, target) in [
                ("refs/heads/alias", "refs/heads/git-annex"), ("refs/heads/deep", "refs/heads/alias"),
                ("refs/heads/master", "refs/heads/main"),
            ] { try await fixture.run("symbolic-ref", ref, target) }
            let copy = try await Fixture.bare(directory.appending("copy.git"))
            let other = try await copy.commit("2")
            for ref in ["alias", "deep"] {
                let pushed = try await client(["push", url, "+\(other):refs/heads/\(ref)"], in: copy.git)
                #expect(pushed.errors.contains(RefPolicy.alias), "\(pushed.errors)")
            }
            let pushed = try await client(["push", url, "+\(other):refs/heads/master"], in: copy.git)
            #expect(pushed.status == 0, "\(pushed.errors)")
            let objects = GitObjects(fixture.git)
            #expect(try await objects.resolve("refs/heads/git-annex") == base)
            #expect(try await objects.resolve("refs/heads/main") == other)
        }
    }

    @Test func headFollowsTheFirstOrdinaryBranch() async throws {
        try await withServer { server, directory, url in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let copy = try await Fixture.bare(directory.appending("copy.git"))
            let commit = try await copy.commit("1")
            try await client(
                ["push", "-q", url, "\(commit):refs/heads/git-annex", "\(commit):refs/heads/synced/z"], in: copy.git)
            #expect(try await DumbHTTP(fixture.git).head().text == "ref: refs/heads/main\n")
            try await client(
                ["push", "-q", url, "\(commit):refs/heads/trunk", "\(commit):refs/heads/synced/a"], in: copy.git)
            #expect(try await DumbHTTP(fixture.git).head().text == "ref: refs/heads/trunk\n")
            try await client(["push", "-q", url, "\(commit):refs/heads/other"], in: copy.git)
            #expect(try await DumbHTTP(fixture.git).head().text == "ref: refs/heads/trunk\n")
        }
    }

    @Test func aRepositoryOfAnotherUserIsServed() async throws {
        try await withServer { server, directory, url in
            guard getuid() == 0 else { return }
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            try await fixture.setRef("refs/heads/git-annex", try await fixture.commit("1"))
            for name in ["", "config", "HEAD", "objects", "refs"] {
                #expect(chown(fixture.git.appending(name).string, 12345, 12345) == 0)
            }
            let copy = try await Fixture.bare(directory.appending("copy.git"))
            let fetched = try await client(["fetch", "-q", url, "refs/heads/*:refs/heads/*"], in: copy.git)
            #expect(fetched.status == 0, "\(fetched.errors)")
            let tip = try await copy.run("rev-parse", "git-annex")
            let next = try await copy.commit("2", parents: [tip])
            let pushed = try await client(["push", "-q", url, "\(next):refs/heads/git-annex"], in: copy.git)
            #expect(pushed.status == 0, "\(pushed.errors)")
        }
    }

    @Test func aPushToTheCheckedOutBranchUpdatesTheWorkTree() async throws {
        try await withScratch { directory in
            let tree = directory.appending("work")
            try Files.createDirectory(tree)
            let git = tree.appending(".git")
            _ = try await GitCommand(["init", "-q", "--template=", "--initial-branch=main", tree.string], in: git)
                .output()
            var options = SmartHTTP.Options()
            options.isBare = false
            let server = TinyServer(root: tree, hooks: directory.appending("hooks"), options: options)
            defer { server.close() }
            let copy = try await Fixture.bare(directory.appending("copy.git"))
            let commit = try await copy.commit("hello")
            let url = "http://127.0.0.1:\(server.port)/.git"
            let pushed = try await client(["push", "-q", url, "\(commit):refs/heads/main"], in: copy.git)
            #expect(pushed.status == 0, "\(pushed.errors)")
            #expect(try Files.read(tree.appending("file"))?.text == "hello")
        }
    }

    @Test func theDumbProtocolIsEnoughToClone() async throws {
        try await withServer { server, directory, url in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let first = try await fixture.commit("1")
            try await fixture.setRef("refs/heads/main", first)
            try await fixture.run("repack", "-q", "-a", "-d")
            let second = try await fixture.commit("2", parents: [first])
            try await fixture.setRef("refs/heads/main", second)
            let copy = directory.appending("copy.git")
            let command = GitCommand(["clone", "-q", "--bare", url, copy.string], in: copy)
                .environment("GIT_ALLOW_PROTOCOL", "http").environment("GIT_SMART_HTTP", "0")
            let cloned = try await command.run()
            #expect(cloned.status == 0, "\(cloned.errors)")
            #expect(try await GitObjects(copy).resolve("HEAD") == second)
            #expect(server.heads.withLock { $0.contains { $0.contains("/objects/pack/pack-") } })
        }
    }

    @Test func aClientThatVanishesTakesGitWithIt() async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            struct Gone: Error {}
            await #expect(throws: Gone.self) {
                _ = try await receiving(fixture).respond(
                    .receivePack, .original, feed: { _ in throw Gone() }, to: { _ in })
            }
            let task = Task {
                try await SmartHTTP(fixture.git).respond(
                    .uploadPack, .original, feed: { _ in try await Task.sleep(for: .seconds(1000)) }, to: { _ in })
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    /// Git 2.39 dies of SIGPIPE, and leaves the folder, when it tells a closed pipe that the pack is incomplete.
    @Test("a push that breaks off leaves no quarantine folder", arguments: ["by an error", "by cancellation"])
    func brokenPush(end: String) async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let objects = fixture.git.appending("objects")
            @Sendable func quarantines() throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: objects.string).filter {
                    $0.hasPrefix("tmp_objdir-")
                }
            }
            struct Gone: Error {}
            let command = PacketLine.encode(
                Array("\(String(repeating: "0", count: 40)) \(String(repeating: "1", count: 40)) refs/heads/b\0".utf8))
            // A pack of a thousand objects, of which none comes.
            let beginning = command + PacketLine.flush + Array("PACK".utf8) + [0, 0, 0, 2, 0, 0, 3, 0xe8]
            let git = try receiving(fixture)
            let task = Task {
                try await git.respond(
                    .receivePack, .original,
                    feed: { input in
                        try await input.write(beginning)
                        try await wait(for: "a quarantine") { try !quarantines().isEmpty }
                        if end == "by an error" { throw Gone() }
                        try await Task.sleep(for: .seconds(1000))
                    }, to: { _ in })
            }
            if end == "by an error" {
                await #expect(throws: Gone.self) { try await task.value }
            } else {
                try await wait(for: "a quarantine") { try !quarantines().isEmpty }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
            #expect(try quarantines() == [])
        }
    }

    @Test func aGitThatEndsEarlyEndsTheRequestOfASlowClient() async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            await #expect(throws: GitError.self) {
                _ = try await receiving(fixture).respond(
                    .receivePack, .original,
                    feed: { input in
                        try await input.write(Array("zzzzzzzz".utf8))
                        try await Task.sleep(for: .seconds(1000))
                    }, to: { _ in })
            }
        }
    }

    private func receiving(_ fixture: Fixture) throws -> SmartHTTP {
        var options = SmartHTTP.Options()
        options.hooks = try PushHooks(
            fixture.git.removingLastComponent().appending("hooks"), for: [], of: RefPolicy(mayRewrite: true),
            in: fixture.git, program: "/bin/true")
        return SmartHTTP(fixture.git, options: options)
    }

    private func withServer(
        mayRewrite: Bool = true, _ body: (TinyServer, FilePath, String) async throws -> Void
    ) async throws {
        try await withScratch { directory in
            let hooks = directory.appending("hooks")
            try HookDirectory.install(at: hooks)
            try HookDirectory.install(at: hooks)
            // As an operator may give it: relative to where the server was started, and not to the repository.
            let here = FilePath(FileManager.default.currentDirectoryPath)
            let up = here.components.map { _ in "../" }.joined()
            let server = TinyServer(
                root: directory, hooks: FilePath(up + hooks.string.dropFirst()), mayRewrite: mayRewrite)
            defer { server.close() }
            try await body(server, directory, "http://127.0.0.1:\(server.port)/a.git")
        }
    }
}

@Suite struct DumbHTTPTests {
    @Test func printsWhatUpdateServerInfoPrints() async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let dumb = DumbHTTP(fixture.git)
            #expect(try await dumb.infoRefs() == [])
            #expect(try dumb.packs().text == "\n")
            let commit = try await fixture.commit("1")
            try await fixture.setRef("refs/heads/main", commit)
            try await fixture.run("tag", "-a", "-m", "x", "one", commit)
            try await fixture.run("tag", "-a", "-m", "x", "two", "one")
            try await fixture.run("repack", "-q", "-a", "-d")
            try await fixture.run("update-server-info")
            #expect(try Files.read(fixture.git.appending("info").appending("refs")) == (try await dumb.infoRefs()))
            let packs = fixture.git.appending("objects").appending("info").appending("packs")
            #expect(try Files.read(packs) == (try dumb.packs()))
            try await fixture.run("update-ref", "--no-deref", "HEAD", commit)
            #expect(try await dumb.head().text == commit + "\n")
        }
    }

    @Test func onlyObjectsCanBeReached() {
        let dumb = DumbHTTP("/r.git")
        let id = String(repeating: "ab", count: 20)
        let loose = "objects/ab/" + id.dropFirst(2)
        #expect(dumb.objectFile(loose)?.path == FilePath("/r.git/" + loose))
        #expect(dumb.objectFile(loose)?.contentType == "application/x-git-loose-object")
        #expect(dumb.objectFile("objects/pack/pack-\(id).pack")?.contentType == "application/x-git-packed-objects")
        #expect(dumb.objectFile("objects/pack/pack-\(id).idx")?.contentType == "application/x-git-packed-objects-toc")
        for path in [
            "config", "objects/ab/../../config", "/" + loose, loose + "/", loose + "0", "objects//" + loose,
            loose.uppercased(),
            "objects/AB/" + id.dropFirst(2), "objects/pack/pack-\(id).rev", "objects/pack/pack-.pack",
            "objects/info/alternates",
            "objects/pack/../../config", "objects/pack/pack-\(id).pack\u{0}", "", "objects", "annex/objects/x",
            "objects/ab/" + id,
        ] { #expect(dumb.objectFile(path) == nil, "\(path)") }
    }
}

@Suite struct RepositoryCreatorTests {
    @Test func createsAnEmptyRepositoryOnce() async throws {
        try await withScratch { directory in
            let path = directory.appending("new.git")
            try await RepositoryCreator.create(at: path)
            #expect(try Files.read(path.appending("HEAD"))?.text == "ref: refs/heads/main\n")
            #expect(try GitConfigFile(path.appending("config")).current().bool("core.bare") == true)
            #expect(try Files.exists(path.appending("hooks")) == false)
            await #expect(throws: GitError.self) { try await RepositoryCreator.create(at: path) }
            #expect(try Files.exists(path.appending("HEAD")))
            await #expect(throws: (any Error).self) { try await RepositoryCreator.create(at: "/nonexistent/x/y.git") }
        }
    }
}
