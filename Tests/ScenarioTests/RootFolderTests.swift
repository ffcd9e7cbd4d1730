// A wrong or forgotten --root is told, and nothing is made: neither a repository in whatever folder somebody happens to
// be, nor an empty list of a folder that is not there. --config and ANNEXD_SERVER_ROOT name the root to every command.

import Foundation
import TestKit
import Testing

@Suite struct RootFolderTests {
    private func run(
        _ arguments: [String], in directory: String, _ variables: [String: String] = [:]
    ) throws -> CommandResult {
        var command = Command([try Tools.annexd()] + arguments, directory: directory)
        command.environment.merge(variables) { _, new in new }
        return try command.run()
    }

    private func entries(_ folder: String) throws -> String { try Command(["ls", "-A", folder]).check().text }

    @Test(
        "a folder that is not there is an error, and is not made",
        arguments: [
            ["repo", "list"], ["repo", "create", "a"], ["repo", "show", "a"], ["repo", "purge", "--all"],
            ["locks", "list"], ["proxy", "list"], ["doctor"],
        ])
    func missing(arguments: [String]) throws {
        try ScratchDirectory.with { scratch in
            let root = scratch.child("nope")
            let result = try run(arguments + ["--root", root], in: scratch.path)
            #expect(result.status == (arguments[0] == "doctor" ? 2 : 1), "\(result.transcript)")
            #expect(result.errorText.contains("\"\(root)\" is no folder") && result.output.isEmpty)
            #expect(!exists(root))
        }
    }

    @Test("without any root the current folder is taken only if it is one")
    func current() throws {
        try ScratchDirectory.with { scratch in
            let folder = try scratch.makeDirectory("home")
            for arguments in [["repo", "create", "foo"], ["repo", "list"], ["doctor"]] {
                let result = try run(arguments, in: folder)
                #expect(result.status != 0 && result.errorText.contains("--root DIR"), "\(result.transcript)")
            }
            #expect(try entries(folder).isEmpty)
            #expect(try run(["repo", "create", "foo", "--root", folder], in: scratch.path).status == 0)
            #expect(try run(["repo", "list"], in: folder).text.contains("foo "))
            #expect(try run(["repo", "list", "--root", ""], in: folder).status == 64)
        }
    }

    @Test("--config and ANNEXD_SERVER_ROOT name the root; --root wins")
    func named() throws {
        try ScratchDirectory.with { scratch in
            let (one, two) = (try scratch.makeDirectory("one"), try scratch.makeDirectory("two"))
            let file = scratch.child("annexd.toml")
            try write(file, "[server]\nroot = \"\(one)\"\n")
            #expect(try run(["repo", "create", "in/one", "--config", file], in: "/").status == 0)
            #expect(try run(["repo", "create", "in/two"], in: "/", ["ANNEXD_SERVER_ROOT": two]).status == 0)
            #expect(exists("\(one)/in/one.git") && exists("\(two)/in/two.git"))
            let listed = try run(["repo", "list", "--config", file, "--root", two], in: "/")
            #expect(listed.lines.count == 1 && listed.text.contains("in/two"), "\(listed.transcript)")
        }
    }

    @Test("serve makes a root, but not the folders above it: that is a mistake in the path")
    func serving() throws {
        try ScratchDirectory.with { scratch in
            let root = scratch.child("nope/root")
            let result = try run(["serve", "--root", root, "--listen", "127.0.0.1:0"], in: scratch.path)
            #expect(result.status == 1 && result.errorText.contains("there is no folder"), "\(result.transcript)")
            #expect(!exists(scratch.child("nope")))
        }
    }
}
