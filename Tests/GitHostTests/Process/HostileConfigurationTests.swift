// A repository that somebody prepared and an operator imported names commands in its own git configuration, where git
// has many uses for them: helpers that bring missing objects, filters of work tree files, monitors, hooks. None is ever
// run.

import FileIO
import SystemPackage
import Testing

@testable import GitHost

@Suite(.timeLimit(.minutes(10))) struct HostileConfigurationTests {
    @Test func aMissingObjectIsNotFetchedByACommandOfTheConfiguration() async throws {
        try await withScratch { directory in
            let fixture = try await Fixture.bare(directory.appending("a.git"))
            let marker = directory.appending("ran")
            for (key, value) in [
                ("core.repositoryFormatVersion", "1"), ("extensions.partialClone", "evil"),
                ("remote.evil.url", "ext::sh -c touch% \(marker)"), ("remote.evil.promisor", "true"),
                ("remote.evil.uploadpack", "touch \(marker)"), ("protocol.ext.allow", "always"),
                ("protocol.allow", "always"), ("core.sshCommand", "touch \(marker)"),
            ] { try await fixture.run("config", key, value) }
            let missing = String(repeating: "12", count: 20)
            for arguments in [["cat-file", "--batch"], ["cat-file", "--batch-check"], ["rev-list", "--stdin"]] {
                _ = try await GitCommand(arguments, in: fixture.git).run(input: Array("\(missing)\n".utf8))
            }
            _ = try await GitCommand(["fetch", "evil"], in: fixture.git).run()
            #expect(try !Files.exists(marker))
        }
    }

    @Test(arguments: ["smudge", "clean", "process"])
    func aPushToAWorkTreeRunsNoFilter(kind: String) async throws {
        try await withScratch { directory in
            let tree = directory.appending("work")
            let git = tree.appending(".git")
            let marker = directory.appending("ran")
            try Files.createDirectory(tree)
            _ = try await GitCommand(["init", "-q", "--template=", "--initial-branch=main", tree.string], in: git)
                .output()
            // One driver is named in a file that the configuration includes.
            try write("[filter \"o=ther\"]\n\t\(kind) = touch \(marker); cat\n\trequired\n", to: git.appending("more"))
            for (key, value) in [
                ("filter.evil.\(kind)", "touch \(marker); cat"), ("filter.evil.required", "true"),
                ("include.path", "more"), ("core.fsmonitor", "touch \(marker)"), ("core.editor", "touch \(marker)"),
            ] { _ = try await GitCommand(["config", key, value], in: git).output() }
            try Files.createDirectories(git.appending("info"))
            try write("*.e filter=evil\nfile filter=o=ther\n", to: git.appending("info").appending("attributes"))

            var options = SmartHTTP.Options()
            options.isBare = false
            options.environment = try await ContentFilters.disabling(in: git)
            let server = TinyServer(root: tree, hooks: directory.appending("hooks"), options: options)
            defer { server.close() }
            let copy = try await Fixture.bare(directory.appending("copy.git"))
            var parents: [String] = []
            for (content, file) in [("hello", "file"), ("again", "file"), ("x", "a.e")] {
                parents = [try await copy.commit(content, file: file, parents: parents)]
                let url = "http://127.0.0.1:\(server.port)/.git"
                let pushed = try await client(["push", "-q", url, "\(parents[0]):refs/heads/main"], in: copy.git)
                #expect(pushed.status == 0, "\(pushed.errors)")
                #expect(try Files.read(tree.appending(file))?.text == content)
            }
            #expect(try !Files.exists(marker))
        }
    }
}
