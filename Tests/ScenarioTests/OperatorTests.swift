// An operator checks the settings file, reloads the running host, and asks the program for help.

import Foundation
import TestKit
import Testing

@Suite struct OperatorTests {
    private func run(_ arguments: String..., in scratch: ScratchDirectory) throws -> CommandResult {
        try Command([try Tools.annexd()] + arguments, directory: scratch.path, timeout: 20).run()
    }

    @Test("the example file is valid; a wrong one is refused with the nearest key, without starting")
    func configCheck() throws {
        try ScratchDirectory.with { scratch in
            let example = Tools.packageRoot + "/config/annexd.example.toml"
            let good = try run("config", "check", "--config", example, in: scratch)
            #expect(good.status == 0, "\(good.errorText)")
            #expect(good.lines == ["the settings are valid"])

            let file = scratch.child("wrong.toml")
            try write(file, "[server]\nlisen = [\"127.0.0.1:1\"]\n")
            let bad = try run("config", "check", "--config", file, in: scratch)
            #expect(bad.status == 1)
            #expect(
                bad.errorText.contains("server.lisen") && bad.errorText.contains("server.listen"), "\(bad.errorText)")
            let json = try run("config", "check", "--json", "--config", file, in: scratch)
            #expect(json.lines.first?.contains("\"valid\":false") == true)
        }
    }

    @Test("SIGHUP keeps the server running, and names the settings that need a restart")
    func hangUp() throws {
        try ScratchDirectory.with { scratch in
            let file = scratch.child("annexd.toml")
            try write(file, "[log]\nlevel = \"info\"\n")
            let host = try AnnexdHost(in: scratch, .init(anonymous: nil, flags: ["--config", file]))
            try write(file, "[log]\nlevel = \"debug\"\n")
            kill(host.pid, SIGHUP)
            #expect(eventually { host.log.contains("log.level") })
            #expect(try host.http.get("/-/health").status == 200)
            try host.stop()
        }
    }

    @Test("help, version and completions")
    func help() throws {
        try ScratchDirectory.with { scratch in
            let help = try run("--help", in: scratch)
            for command in ["serve", "repo", "config"] { #expect(help.text.contains(command)) }
            let serve = try run("serve", "--help", in: scratch).text
            for flag in [
                "--root", "--listen", "--config", "--anonymous", "--public-url", "--ready-json", "--ephemeral",
            ] {
                #expect(serve.contains(flag), "\(flag)")
            }
            let repo = try run("repo", "--help", in: scratch).text
            for verb in ["create", "list", "show", "rename", "delete", "restore", "import"] {
                #expect(repo.contains(verb), "\(verb)")
            }
            #expect(try run("--version", in: scratch).lines.first?.contains(".") == true)
            for shell in ["bash", "zsh", "fish"] {
                let script = try run("--generate-completion-script", shell, in: scratch)
                #expect(script.status == 0 && script.text.contains("annexd"), "\(shell)")
            }
        }
    }
}
